"""Questions reach those they are meant for, and each answer comes back once, if a way is left."""

from __future__ import annotations

from typing import Any

import pytest

from gossip import (
    Peer,
    QueryAnswered,
    QueryAsked,
    QueryDone,
    QueryId,
    TooManyEvents,
    Where,
    where,
)
from gossip.users.queries import MAX_ASKED, MAX_OPEN
from gossip.wire.user_messages import MAX_PAYLOAD, Answer, Answered, Broadcast, Query
from tests.gossip.conversation import SECOND, WALL, Conversation, Puppet
from tests.gossip.conversation import where as address

NIL = b"\xc0"


def cluster(count: int) -> tuple[Conversation, list[Peer]]:
    talk = Conversation()
    roles = ["web", "db", "web-old"]
    join = [address("n0")]
    for n in range(count):
        talk.peer(f"n{n}", join=join if n else [], tags={"role": roles[n % 3]})
    talk.until(talk.settled, 20)
    return talk, list(talk.peers.values())


def answer_all(talk: Conversation, value: Any = None) -> list[str]:
    """Everybody who was asked and has not answered does so, with his name; who that was."""
    asked = [(who, effect) for _, who, effect in talk.users if isinstance(effect, QueryAsked)]
    done = [
        who
        for who, effect in asked
        if effect.id in talk.peers[who]._queries._asked
        and talk.answer(talk.peers[who], effect, value or who)
    ]
    return sorted(done)


def answers(talk: Conversation, name: str) -> dict[str, Any]:
    told = talk.effects(name, QueryAnswered)
    assert len({effect.responder for effect in told}) == len(told)
    return {effect.responder: effect.payload for effect in told}


def test_everybody_is_asked_and_when_all_have_answered_it_is_over() -> None:
    talk, peers = cluster(6)
    number = talk.query(peers[1], "load", {"since": 5}, timeout=10)
    talk.run(0.02)
    asked = talk.effects("n4", QueryAsked)
    assert [(a.topic, a.payload, a.timeout) for a in asked] == [("load", {"since": 5}, 10 * SECOND)]
    assert answer_all(talk) == sorted(talk.peers)
    talk.run(0.02)
    assert answers(talk, "n1") == {name: name for name in talk.peers}
    assert talk.effects("n1", QueryDone) == [QueryDone(number, ())]
    talk.run(20)
    assert talk.effects("n1", QueryDone) == [QueryDone(number, ())]


@pytest.mark.parametrize(
    ("meant", "expected"),
    [
        ({"names": ["n2", "n3"]}, ["n2", "n3"]),
        ({"tags": {"role": "web"}}, ["n0", "n3"]),
        ({"patterns": {"role": "web*"}}, ["n0", "n2", "n3", "n5"]),
        ({"tags": {"role": "web"}, "names": ["n2", "n3"]}, ["n3"]),
        ({"patterns": {"role": "?b"}}, ["n1", "n4"]),
        ({"patterns": {"zone": "*"}}, []),
    ],
)
def test_it_is_for_those_that_were_selected(meant: dict[str, Any], expected: list[str]) -> None:
    talk, peers = cluster(6)
    talk.query(peers[0], "q", where=where(**meant), timeout=1)
    talk.run(0.02)
    assert answer_all(talk) == expected
    talk.run(0.02)
    assert sorted(answers(talk, "n0")) == expected
    assert talk.effects("n0", QueryDone)[0].silent == ()


def test_who_is_silent_is_named_when_the_time_is_up() -> None:
    talk, peers = cluster(4)
    number = talk.query(peers[0], "q", timeout=0.5)
    talk.run(0.02)
    for who, asked in [(w, e) for _, w, e in talk.users if isinstance(e, QueryAsked)][:3]:
        talk.answer(talk.peers[who], asked, 1)
    talk.run(0.4)
    assert talk.effects("n0", QueryDone) == []
    talk.run(0.2)
    (done,) = talk.effects("n0", QueryDone)
    assert done.query == number
    assert len(done.silent) == 1
    assert answer_all(talk) == []  # too late
    talk.run(1)
    assert len(answers(talk, "n0")) == 3
    assert talk.peers[done.silent[0]].statistics().users["late answers"] == 1


def test_who_declines_is_not_waited_for_and_gives_no_answer() -> None:
    talk, peers = cluster(3)
    number = talk.query(peers[0], "q", timeout=10)
    talk.run(0.02)
    for _, who, effect in list(talk.users):
        if isinstance(effect, QueryAsked):
            talk.peers[who].decline(effect.id, talk.now)
            talk._perform(talk.peers[who])
    talk.run(0.02)
    assert talk.effects("n0", QueryDone) == [QueryDone(number, ())]
    assert answers(talk, "n0") == {}


def test_who_fails_meanwhile_is_not_waited_for() -> None:
    talk, peers = cluster(4)
    talk.query(peers[0], "q", timeout=300)
    talk.run(0.02)
    talk.kill("n3")
    talk.users = [told for told in talk.users if told[1] != "n3"]
    answer_all(talk)
    talk.run(1)
    assert talk.effects("n0", QueryDone) == []
    talk.until(lambda: talk.effects("n0", QueryDone) != [], 20)


@pytest.mark.parametrize("relays", [0, 3])
def test_loss_loses_no_answer_and_none_comes_twice(relays: int) -> None:
    talk, peers = cluster(8)
    talk.loss, talk.duplicate, talk.jitter = 0.25, 0.25, 0.01
    for _ in range(10):
        talk.query(peers[0], "q", timeout=20, relays=relays)
        talk.run(3)
        answer_all(talk)
        talk.run(5)
        assert sorted(answers(talk, "n0")) == sorted(talk.peers)
        talk.users.clear()
    assert all(not peer._queries._unacked for peer in peers)
    assert peers[0].statistics().users["known answers"] > 0


def test_a_link_that_is_down_one_way_does_not_lose_an_answer() -> None:
    talk, peers = cluster(5)
    talk.blocked = lambda a, b: (a, b) == (address("n3"), address("n0"))
    talk.query(peers[0], "q", timeout=2, relays=1)
    talk.run(0.02)
    answer_all(talk)
    talk.run(0.02)
    assert "n3" in answers(talk, "n0")
    talk.users.clear()
    talk.query(peers[0], "q", timeout=2)
    talk.run(0.02)
    answer_all(talk)
    talk.run(0.2)
    assert "n3" in answers(talk, "n0"), "the second time, it goes through another one in any case"
    assert not peers[3]._queries._unacked


def test_an_answer_is_sent_a_bounded_number_of_times() -> None:
    talk, peers = cluster(3)
    talk.query(peers[0], "q", timeout=100)
    talk.run(0.02)
    talk.blocked = lambda _, to: to == address("n0")
    talk.listening = True
    answer_all(talk)
    talk.run(90)
    sent = [m for who, m in talk.overheard() if isinstance(m, Answer) and who == m.responder]
    assert len(sent) <= 2 * (6 + 5)
    assert peers[1].statistics().users["unacknowledged answers"] == 1


# What is refused.


def alone_with_a_friend() -> tuple[Conversation, Peer, Puppet]:
    talk = Conversation()
    peer = talk.peer("n0")
    return talk, peer, talk.friend(peer)


def test_an_answer_is_taken_from_a_member_once_and_to_an_open_query_alone() -> None:
    talk, peer, friend = alone_with_a_friend()
    boot = peer._membership.me.epoch
    talk.query(peer, "q", timeout=1, where=where(names=[friend.name, "late"]))
    friend.heard(Query)
    friend.says(peer, Answer("n0", boot, 7, friend.name, NIL))
    friend.says(peer, Answer("n0", boot + 1, 1, friend.name, NIL))
    friend.says(peer, Answer("n0", boot, 1, "nobody", NIL))
    talk.puppet("stranger").says(peer, Answer("n0", boot, 1, friend.name, NIL))
    friend.says(peer, Answer("n0", boot, 1, friend.name, b"\xc1"))
    assert talk.effects("n0", QueryAnswered) == []
    friend.says(peer, Answer("n0", boot, 1, friend.name, b"\x05"))
    friend.says(peer, Answer("n0", boot, 1, friend.name, b"\x06"))
    assert talk.effects("n0", QueryAnswered) == [QueryAnswered(1, friend.name, 5)]
    counts = peer.statistics().users
    assert (counts["stray answers"], counts["late answers"], counts["malformed"]) == (2, 2, 1)


def test_who_is_not_the_asker_passes_an_answer_on_once_and_only_from_its_author() -> None:
    talk, peer, friend = alone_with_a_friend()
    other = talk.friend(peer, "other")
    answer = Answer("other", WALL, 1, friend.name, NIL)
    friend.says(peer, answer)
    talk.run(0.01)
    assert other.heard(Answer) == [answer]
    other.says(peer, answer)
    friend.says(peer, answer._replace(boot=WALL - 1), answer._replace(asker="nobody"))
    talk.run(0.01)
    assert other.heard(Answer) == []
    receipt = Answered("other", WALL, 1, friend.name)
    other.says(peer, receipt)
    talk.run(0.01)
    assert friend.heard(Answered) == [receipt]
    friend.says(peer, receipt)
    talk.run(0.01)
    assert friend.heard(Answered) == []


def test_queries_are_bounded_on_both_sides() -> None:
    talk, peer, friend = alone_with_a_friend()
    for round_ in range(2):
        for _ in range(MAX_OPEN // 2):
            talk.query(peer, "q", timeout=60)
        talk.run(0.3)
        assert len(peer._queries._open) == MAX_OPEN // 2 * (round_ + 1)
    with pytest.raises(TooManyEvents, match="64 queries are open"):
        talk.query(peer, "q")
    peer.cancel_query(1)
    talk.query(peer, "q")
    for sequence in range(1, MAX_ASKED + 9):
        friend.says(peer, Query(friend.name, WALL, sequence, "q", NIL, 9, 0, Where()))
    assert len(peer._queries._asked) == MAX_ASKED
    peer.check()


def test_what_cannot_be_carried_is_refused() -> None:
    _, peer, _ = alone_with_a_friend()
    many = {"names": ["n0"] * 17}
    for options in (many, {"names": [""]}, {"tags": {"a": "b" * 256}}, {"tags": {"a": 1}}):
        with pytest.raises(ValueError, match="a selection"):
            where(**options)
    with pytest.raises(ValueError, match="at most 4 relays"):
        peer.query("q", 1, SECOND, 0, relays=5)
    for timeout in (0, 999_999, 4000 * SECOND):
        with pytest.raises(ValueError, match="a query waits from"):
            peer.query("q", 1, timeout, 0)
    with pytest.raises(ValueError, match="at most 794 bytes"):
        peer.query("q", "x" * 794, SECOND, 0, where=where(names=["n0"]))
    with pytest.raises(ValueError, match="at most 800 bytes"):
        peer.answer(QueryId("n0", 1, 1), b"x" * MAX_PAYLOAD, 0)
    assert peer.effects() == []


def test_queries_and_broadcasts_share_one_order() -> None:
    talk, peer, friend = alone_with_a_friend()
    query = Query(friend.name, WALL, 2, "q", NIL, 1000, 0, Where())
    friend.says(peer, Broadcast(friend.name, WALL, 3, "t", NIL), query)
    assert talk.users == []
    friend.says(peer, Broadcast(friend.name, WALL, 1, "t", NIL))
    kinds = [type(effect).__name__ for _, _, effect in talk.users]
    assert kinds in (["UserEvent", "QueryAsked", "UserEvent"], [])
    assert kinds
