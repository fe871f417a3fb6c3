"""What is bounded when a crowd comes along, of addresses or of names."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace

import pytest

from gossip import Address
from gossip import talk as talking
from gossip.member import Claim
from gossip.members import reconnect
from gossip.members.comparison import Comparison
from gossip.outbox import TABLE_CLAIMS
from gossip.wire.messages import Ack, Join
from tests.gossip.conversation import Conversation, where
from tests.gossip.table import LAN, ME, Table


def test_more_join_addresses_than_go_on_being_called_are_called_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconnect, "JOINS_MAX", 2)
    talk = Conversation()
    peer = talk.peer("n0", join=[where("n1"), where("n2")])
    puppets = [talk.puppet(f"n{i}") for i in (1, 2, 3)]
    talk.run(0.1)
    peer.join([puppet.address for puppet in puppets], talk.now)
    talk.run(60)
    *kept, further = (len(puppet.heard(Join)) for puppet in puppets)
    assert min(kept) > 50
    assert further == 1


def test_a_crowd_of_strangers_is_not_answered_one_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million names in one interval, of somebody who has the secret."""
    monkeypatch.setattr(talking, "INTRODUCING_MAX", 3)
    talk = Conversation()
    peer = talk.peer("n0")
    for crowd in ("some", "later"):  # each interval anew
        strangers = [talk.puppet(f"{crowd} {number}") for number in range(9)]
        for stranger in strangers:
            stranger.says(peer, Ack(1, bytes(8), bytes(8)))
        talk.run(0.1)
        assert [len(stranger.heard(Join)) for stranger in strangers] == [1] * 3 + [0] * 6
        talk.run(0.3)


class Told(SimpleNamespace):
    """An outbox that keeps the table which it is to send."""

    def send_table(self, _: Address, claims: list[Claim], limit: int, call: int) -> None:
        self.claims, self.asked = claims, (limit, call)


def test_to_answer_a_stranger_does_not_shuffle_a_large_table() -> None:
    told, random = Told(), Random(1)
    table = Table(known=tuple(f"m{i}" for i in range(300)))
    comparison = Comparison(table, LAN, table.clock, random, told)  # type: ignore[arg-type]
    asked = []
    for _ in range(40):
        comparison.tell_all(ME.address, 7, whole=False)
        assert told.asked == (1, 7)
        assert told.claims[0] == table.me
        assert len(told.claims) in (TABLE_CLAIMS, TABLE_CLAIMS + 1)
        asked += told.claims
    assert len(set(asked)) == 301  # some other day, everybody is told
