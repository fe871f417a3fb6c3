"""Refusals: our own probes are recognised in what hosts quote, and nothing else is."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from gossip.probing import refusals as module
from gossip.probing.refusals import HEAD_BYTES, Refusals
from gossip.wire.channel import MAX_PLAIN, NONCE_BYTES, VERSION, Channel
from gossip.wire.messages import Ack, Probe, ProbeRequest
from tests.gossip.conversation import SECOND, WALL, Conversation, Puppet

CHANNEL = Channel(b"secret", Random(1).randbytes)


class Table:
    """A table of refusals, and what it told."""

    def __init__(self) -> None:
        self.drops: Counter[str] = Counter()
        self.told: list[tuple[int, str, int]] = []
        self.refusals = Refusals(drops=self.drops, on_refused=lambda *what: self.told.append(what))

    def probed(self, sequence: int, plain: bytes = b"a probe") -> bytes:
        datagram = CHANNEL.seal(plain)
        self.refusals.probed(datagram, sequence, f"m{sequence}")
        return datagram


@pytest.fixture
def table() -> Table:
    return Table()


def test_a_refused_probe_is_told_with_its_sequence_and_target(table: Table) -> None:
    first, second = table.probed(1), table.probed(2)
    table.refusals.refused(second, 22)
    table.refusals.refused(first, 23)
    assert table.told == [(2, "m2", 22), (1, "m1", 23)]
    assert table.drops == {}


@pytest.mark.parametrize("size", [HEAD_BYTES, HEAD_BYTES + 1, 520])
def test_the_beginning_is_enough(table: Table, size: int) -> None:
    datagram = table.probed(1, bytes(MAX_PLAIN))
    table.refusals.refused(datagram[:size], 5)
    assert table.told == [(1, "m1", 5)]


@pytest.mark.parametrize("size", [0, 1, len(VERSION) + NONCE_BYTES, HEAD_BYTES - 1])
def test_less_than_the_nonce_and_some_sealed_bytes_is_not(table: Table, size: int) -> None:
    datagram = table.probed(1)
    table.refusals.refused(datagram[:size], 5)
    assert (table.told, table.drops) == ([], {"refusal unknown": 1})


def test_every_byte_that_is_quoted_has_to_be_ours(table: Table) -> None:
    datagram = table.probed(1)
    for at in range(len(datagram)):
        bent = bytearray(datagram)
        bent[at] ^= 1
        table.refusals.refused(bytes(bent), 5)
    table.refusals.refused(datagram + b"\0", 5)
    assert (table.told, table.drops) == ([], {"refusal unknown": len(datagram) + 1})
    table.refusals.refused(datagram, 6)
    assert table.told == [(1, "m1", 6)]


def test_a_nonce_that_was_guessed_is_worth_nothing(table: Table) -> None:
    datagram = table.probed(1)
    guess = datagram[: len(VERSION) + NONCE_BYTES] + Random(2).randbytes(len(datagram))
    table.refusals.refused(guess, 5)
    table.refusals.refused(guess[: len(datagram)], 5)
    assert (table.told, table.drops) == ([], {"refusal unknown": 2})


def test_a_probe_is_refused_once(table: Table) -> None:
    datagram = table.probed(1)
    for _ in range(3):
        table.refusals.refused(datagram, 5)
    assert (table.told, table.drops) == ([(1, "m1", 5)], {"refusal unknown": 2})


def test_a_probe_that_went_in_pieces_is_not_refused_by_an_empty_quotation(table: Table) -> None:
    table.refusals.probed(b"", 1, "m1")
    table.refusals.refused(b"", 5)
    assert (table.told, table.drops) == ([], {"refusal unknown": 1})


def test_what_was_no_probe_tells_nothing(table: Table) -> None:
    table.probed(1)
    table.refusals.refused(CHANNEL.seal(b"an ack, say"), 5)
    assert (table.told, table.drops) == ([], {"refusal unknown": 1})


def test_the_table_is_bounded_and_forgets_the_oldest(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PROBES", 3)
    datagrams = [table.probed(sequence) for sequence in range(5)]
    assert len(table.refusals._sent) == 3
    for datagram in datagrams:
        table.refusals.refused(datagram, 9)
    assert table.told == [(sequence, f"m{sequence}", 9) for sequence in (2, 3, 4)]
    assert table.drops == {"refusal unknown": 2}


# In a member.


def probed() -> tuple[Conversation, Puppet, Puppet, bytes, Probe]:
    """A member n0 with two friends, one of which it has just probed, and the datagram of that."""
    talk = Conversation()
    n0 = talk.peer("n0")
    friends = [talk.friend(n0, name) for name in ("a", "b")]
    for friend in friends:
        friend.polite = False
    talk.listening = True
    while not (probes := [what for _, what in talk.overheard() if isinstance(what, Probe)]):
        talk.wire.clear()
        talk.run(0.01)
    target = next(friend for friend in friends if friend.name == probes[0].target)
    other = next(friend for friend in friends if friend is not target)
    sent = next(datagram for datagram in talk.wire if datagram)
    other.heard(Probe)
    return talk, target, other, sent, probes[0]


def test_a_refused_probe_has_the_others_asked_at_once() -> None:
    talk, _, other, datagram, probe = probed()
    n0 = talk.peers["n0"]
    n0.refused(datagram, talk.now)
    talk._perform(n0)
    talk.run(0.01)
    assert other.heard(ProbeRequest) == [ProbeRequest(probe.sequence, probe.target, WALL)]
    talk.run(talk.timing.probe_timeout / SECOND)
    assert other.heard(ProbeRequest) == [], "they were asked a second time"
    assert n0.statistics().dropped == {}


def test_a_refusal_is_no_verdict() -> None:
    """The target is there after all, as when somebody else's host answers for its address."""
    talk, target, _, datagram, probe = probed()
    n0 = talk.peers["n0"]
    n0.refused(datagram, talk.now)
    assert {member.state for member in n0.members()} == {"alive"}
    target.says(n0, Ack(probe.sequence, b"\0" * 8, b"\0" * 8))
    talk.run(1.5 * talk.timing.probe_interval / SECOND)
    assert talk.told("MemberSuspected", target.name) == []


def test_a_refusal_of_something_else_is_counted_and_changes_nothing() -> None:
    talk, _, other, datagram, _ = probed()
    n0 = talk.peers["n0"]
    for quoted in (b"", datagram[: HEAD_BYTES - 1], datagram[:-1] + b"x", other.sealed(b"x")):
        n0.refused(quoted, talk.now)
    assert n0.effects() == []
    talk.run(0.01)
    assert other.heard(ProbeRequest) == []
    assert n0.statistics().dropped == {"refusal unknown": 4}


def test_who_has_left_hears_no_refusals() -> None:
    talk, _, _, datagram, _ = probed()
    n0 = talk.peers["n0"]
    talk.leave(n0)
    talk.run(30)
    assert n0.phase == "left"
    n0.refused(datagram, talk.now)
    assert n0.effects() == []
    assert "refusal unknown" not in n0.statistics().dropped


def test_a_late_refusal_asks_nobody() -> None:
    """The others were asked at the time-out, and a round later the probe is another."""
    talk, _, other, datagram, _ = probed()
    n0 = talk.peers["n0"]
    talk.run(1.01 * talk.timing.probe_timeout / SECOND)
    assert len(other.heard(ProbeRequest)) == 1
    n0.refused(datagram, talk.now)
    assert n0.effects() == []
