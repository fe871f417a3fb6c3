"""Who cannot reach whom: what members say of it, and what is made of that."""

from __future__ import annotations

from typing import Any

import trio

from crdt.values import normalise, pack
from gossip import QueryAnswered
from gossip.wire.user_messages import MAX_PAYLOAD
from node.explaining import gathered, reach
from node.talking import Answers

LONG = {f"{'a long name' * 5}-{number:04}": number % 2 == 0 for number in range(500)}


def said(answers: dict[str, Any], silent: tuple[str, ...] = ()) -> dict[str, Any]:
    """What is gathered from these answers, by a member that does not reach bob."""
    query = Answers()
    for name, payload in answers.items():
        query.answered(QueryAnswered(1, name, payload))
    query.close(silent)
    return trio.run(gathered, "me", {"bob": True}, query)


def test_an_answer_fits_a_datagram_and_says_how_many_it_has_no_room_for() -> None:
    for unreached in ({}, {"sue": False}, LONG, {"é" * 32: True}):
        answer = reach(unreached)
        assert len(pack(normalise(answer))) <= MAX_PAYLOAD
        assert len(answer) - 1 + answer[-1] == len(unreached)
    assert len(reach(LONG)) > 10


def test_what_all_say_is_put_together_and_our_own_word_counts_once() -> None:
    content = said({"me": reach({"bob": True}), "sue": reach({"bob": False})}, ("joe",))
    assert content == {
        "unreached": [
            {"from": "me", "to": "bob", "others": True},
            {"from": "sue", "to": "bob", "others": False},
        ],
        "more": {},
        "silent": ["joe"],
    }


def test_who_reaches_nobody_of_many_is_not_taken_for_one_who_reaches_all() -> None:
    content = said({"sue": reach(LONG)})
    assert content["more"]["sue"] == 500 - len(
        [r for r in content["unreached"] if r["from"] == "sue"]
    )


def test_nonsense_is_passed_over() -> None:
    for payload in (None, 7, [], [7, "x", [1, 2], ["bob"], {}], [-1], [True], {"a": 1}):
        assert said({"sue": payload})["unreached"] == [{"from": "me", "to": "bob", "others": True}]
        assert said({"sue": payload})["more"] == {}
