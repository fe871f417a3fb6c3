"""One peer and what it does with what it is told: routing, answers, any bytes, and bounds."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crdt import CrdtError
from gossip import Address, Peer
from gossip.member import Claim, State
from gossip.wire.channel import MAX_DATAGRAM, MAX_PLAIN, OVERHEAD
from gossip.wire.fields import U64
from gossip.wire.messages import (
    BUCKETS,
    Ack,
    Buckets,
    Claims,
    Delta,
    Join,
    Message,
    Piece,
    Probe,
    ProbeRequest,
    Pull,
    Table,
    Want,
)
from tests.gossip.conversation import (
    SECOND,
    WALL,
    Conversation,
    Puppet,
    claim,
    resigned,
    where,
)
from tests.gossip.frames import frame
from tests.gossip.test_messages import messages

H, OTHER = bytes(8), b"otherwise"[:8]


def pair(**options: Any) -> tuple[Conversation, Peer, Puppet]:
    """A peer with a polite puppet for a friend, and nothing left to say."""
    talk = Conversation()
    peer = talk.peer("n0", **options)
    friend = talk.friend(peer)
    talk.run(2.5)
    friend.heard(Probe)
    return talk, peer, friend


def hashes(peer: Peer) -> tuple[bytes, bytes]:
    return peer._talk._hashes()


# Answers.


def test_a_join_is_answered_with_the_table() -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    stranger = talk.puppet("p")
    stranger.says(peer, Join(stranger.claim, 1))
    talk.run(0.001)
    stranger.expects(
        Join(ANY, ANY), Table(ANY, 1)
    )  # it calls back, for it does not know the sender yet
    assert [member.name for member in peer.members()] == ["n0", "p"]
    stranger.says(peer, Join(stranger.claim, 1))
    talk.run(0.001)
    stranger.expects(Table((ANY, stranger.claim), 1))


def test_a_probe_is_answered_with_what_we_have_seen() -> None:
    talk, peer, friend = pair()
    friend.says(peer, Probe(77, "n0", *hashes(peer), 0))
    talk.run(0.001)
    friend.expects(Ack(77, *hashes(peer)))


def test_a_probe_for_somebody_else_is_counted_and_not_answered() -> None:
    talk, peer, friend = pair()
    friend.says(peer, Probe(77, "sue", *hashes(peer), 0))
    talk.run(0.001)
    friend.expects()
    assert peer.statistics().dropped == {"not for us": 1}


def test_a_probe_with_another_table_is_answered_with_a_question() -> None:
    talk, peer, friend = pair()
    friend.says(peer, Probe(1, "n0", hashes(peer)[0], OTHER, 0))
    friend.says(peer, Probe(2, "n0", hashes(peer)[0], OTHER, 0))
    talk.run(0.001)
    friend.expects(Ack(1, ANY, ANY), Buckets(ANY), Ack(2, ANY, ANY))


def test_equal_tables_are_not_compared_and_the_parts_that_differ_are_told() -> None:
    talk, peer, friend = pair()
    mine = peer._membership.bucket_hashes()
    assert len(mine) == BUCKETS
    for theirs in (mine, (), mine[:5]):
        friend.says(peer, Buckets(theirs))
    friend.says(peer, Buckets((H,) * BUCKETS))
    talk.run(0.001)
    friend.expects(Table((), 0), Table((), 0), Table((), 0), Table((ANY, ANY), 0))


def test_a_relay_probes_and_passes_the_answer_on() -> None:
    talk, peer, friend = pair()
    target = talk.friend(peer, "target")
    target.polite = False
    talk.run(1)
    target.heard(Probe)
    friend.says(peer, ProbeRequest(500, "target", WALL))
    talk.run(0.001)
    (probe,) = target.heard(Probe)
    friend.expects()
    target.says(peer, Ack(probe.sequence, *hashes(peer)))
    talk.run(0.001)
    friend.expects(Ack(500, *hashes(peer)))


def test_a_suspect_is_told_so_with_the_next_probe() -> None:
    talk, peer, friend = pair()
    other = talk.friend(peer, "other")
    talk.run(1.1)  # who has just come accuses nobody
    accused = other.accuses(friend.claim)
    friend.polite = False
    friend.heard(Claims)
    other.says(peer, Claims((accused,)))
    told = list[Claim]()
    for _ in range(30):
        talk.run(0.1)
        told += [c for message in friend.heard(Claims) for c in message.claims]
    assert accused in told


def test_the_probe_of_a_suspect_says_what_it_is_accused_of() -> None:
    """Lifeguard, IV.C (buddy system): whatever else is news, the suspect hears it with a probe."""
    talk, peer, friend = pair()
    friend.polite = False
    other = talk.friend(peer, "other")
    accused = other.accuses(friend.claim)
    while peer._membership.rumors:
        peer._membership.rumors.take(1000, 1)
    friend.heard(Claims)
    peer._talk.send_probe(9, accused)
    talk._perform(peer)
    talk.run(0.001)
    friend.expects(Claims((accused,)), Probe(9, "friend", ANY, ANY, ANY))


def test_who_is_taken_for_failed_is_told_when_he_speaks() -> None:
    talk, peer, friend = pair()
    other, third = talk.friend(peer, "other"), talk.friend(peer, "third")
    talk.run(1.1)
    dead = other.accuses(friend.claim, State.FAILED)
    other.says(peer, Claims((third.accuses(friend.claim), dead)))
    talk.run(3)
    friend.heard(Claims)
    friend.says(peer, Ack(1, *hashes(peer)))
    talk.run(0.001)
    friend.expects(Claims((dead,)))
    friend.says(peer, Claims((resigned(friend.claim, incarnation=1),)))
    assert talk.views()["n0"]["friend"] == "alive"
    assert [kind for _, _, kind, about in talk.events if about == "friend"] == [
        "MemberJoined", "MemberSuspected", "MemberFailed", "MemberRecovered",
    ]  # fmt: skip


def test_a_stranger_is_asked_who_he_is_at_a_bounded_rate() -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    stranger = talk.puppet("p")
    for number in range(10):
        stranger.says(peer, Ack(number, *hashes(peer)))
    talk.run(0.1)
    stranger.expects(Join(ANY, ANY))
    assert [member.name for member in peer.members()] == ["n0"]


# Any bytes.


def state(peer: Peer) -> tuple[Any, ...]:
    """Everything that nonsense must not change."""
    timers = sorted(map(str, peer._timers._live))
    return peer.members(), peer.digest(), peer.context(), peer.phase, peer.names(), timers


@given(noise=st.binary(max_size=MAX_DATAGRAM + 50))
@settings(max_examples=200)
def test_any_bytes_change_nothing_but_the_counts(noise: bytes) -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    peer.set("s").add("x")
    talk.run(0.1)
    before = state(peer)
    for datagram in (noise, b"\x01" + noise):
        talk.give(peer, datagram, where("anybody"))
    assert state(peer) == before
    figures = peer.statistics()
    assert figures.datagrams_received == sum(figures.dropped.values()) == 2
    assert set(figures.dropped) <= {"size", "version", "unopened"}


@given(noise=st.binary(min_size=1, max_size=200))
@settings(max_examples=200)
def test_garbage_under_the_right_secret_changes_nothing_but_the_counts(noise: bytes) -> None:
    talk, peer, friend = pair()
    before = state(peer)
    talk.give(peer, friend.channel.seal(noise), friend.address)
    assert peer.statistics().dropped == {"malformed": 1}
    assert state(peer) == before


def test_the_wrong_secret_opens_nothing_and_nobody_joins() -> None:
    talk = Conversation()
    peer, foreign = talk.peer("n0"), talk.peer("n1", secret=b"another", join=[where("n0")])
    stranger = talk.puppet("p", secret=b"another")
    stranger.says(peer, Join(stranger.claim, 1))
    talk.run(5)
    assert talk.views() == {"n0": {"n0": "alive"}, "n1": {"n1": "alive"}}
    assert set(peer.statistics().dropped) == {"unopened"}
    assert peer.statistics().datagrams_sent == 0
    assert foreign.statistics().datagrams_received == 0


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda d: b"", "size"),
        (lambda d: d[:OVERHEAD], "size"),
        (lambda d: d[:-1], "unopened"),
        (lambda d: d + b"\0", "unopened"),
        (lambda d: d + bytes(MAX_DATAGRAM), "size"),
        (lambda d: b"\x02" + d[1:], "version"),
        (lambda d: d[:30] + bytes([d[30] ^ 1]) + d[31:], "unopened"),
    ],
)
def test_a_spoiled_datagram_is_counted_under_its_reason(spoil: Any, reason: str) -> None:
    _, peer, friend = pair()
    before = state(peer)
    peer.receive(spoil(friend.sealed(frame(Ack(1, H, H)))), friend.address, 5 * SECOND)
    assert peer.statistics().dropped == {reason: 1}
    assert state(peer) == before


@given(st.lists(messages, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_authentic_nonsense_raises_nothing_and_breaks_no_invariant(
    said: list[Message], random: Random
) -> None:
    """Whoever holds the secret may say anything, also with bytes bent before they were sealed."""
    talk, peer, friend = pair()
    plain = bytearray(b"".join(map(frame, said)))
    assume(len(plain) < MAX_PLAIN - 64)  # what stands before the frames
    friend.says(peer, *said)
    if plain:
        plain[random.randrange(len(plain))] ^= 1 << random.randrange(8)
        talk.give(peer, friend.sealed(bytes(plain)), friend.address)
    talk.run(7)
    peer.set("s").add("still here")
    talk.run(0.1)
    assert peer.phase == "running"


ME = claim("n0", address=where("n0"))


@pytest.mark.parametrize(
    "message",
    [
        Ack(0, H, H), Ack(U64, H, H), Probe(U64, "n0", H, H, 0), ProbeRequest(1, "n0", WALL),
        ProbeRequest(1, "friend", WALL), ProbeRequest(1, "nobody", WALL),
        Pull(0, 0, b""), Pull(0, 0, b"\x01"),
        Delta(0, 0, b""), Delta(U64, 2, b""), Piece(1, 0, 0, b""), Piece(1, 1, 1, b"x"),
        Piece(1, 1023, 1, b"x"), Piece(1, 0, 1, b""), Piece(U64, 0, 1, b"\xc0"), Want(1, (0,)),
        Piece(2, 0, 1, frame(Piece(3, 0, 1, frame(Ack(1, H, H))))), Want(U64, (1023,)), Buckets(()),
        Piece(4, 0, 1, frame(Want(1, ()))), Piece(5, 0, 1, frame(Ack(1, H, H))),
        Claims(()), Table((), 0), Table((ME,), 0), Table((resigned(ME, state=State.LEFT),), 0),
        Join(ME, 0),
        Claims((resigned(ME, epoch=U64),)), Claims((resigned(ME, incarnation=U64),)),
        Claims((resigned(ME, "other", epoch=U64 - 1),)), Join(resigned(ME, epoch=U64), 0),
        Claims((claim("x", epoch=U64, incarnation=U64, state=State.SUSPECT),)),
        Table((claim("friend", state=State.FAILED, epoch=WALL),), 0),
        Claims((claim("twin", address=where("n0")),)),
        Join(claim("v6", address=Address("::", 1)), 0),
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_does_no_harm(message: Message) -> None:
    talk, peer, friend = pair()
    for _ in range(3):
        friend.says(peer, message)
        talk.run(0.3)
    talk.run(10)
    assert peer.phase == "running"
    friend.heard(Ack)
    friend.says(peer, Probe(1, "n0", *hashes(peer), 0))
    talk.run(0.001)
    assert friend.heard(Ack) == [Ack(1, *hashes(peer))]


def test_our_own_name_from_elsewhere_is_a_conflict_and_is_not_listened_to() -> None:
    talk, peer, _ = pair()
    twin = talk.puppet("twin", epoch=1)
    twin.name = "n0"
    twin.says(peer, Join(claim("n7"), 0))
    assert peer.statistics().name_conflicts == 1
    assert peer.statistics().dropped == {"own name": 1}
    assert "n7" not in talk.views()["n0"]


def test_memory_for_strangers_is_bounded() -> None:
    talk, peer, _ = pair()
    for number in range(300):
        stranger = talk.puppet(f"stranger {number}")
        stranger.says(peer, Ack(1, H, H), Probe(2, "n0", H, H, 0), Pull(1, 1, b""))
    talk.run(1)
    assert len(peer.members()) == 2
    assert len(peer._replication._seen) <= 2
    assert len(peer._timers._live) < 12


# Driving.


def test_before_the_start_and_after_the_end_nothing_happens() -> None:
    random = Random(1)
    peer = Peer(
        name="n0", address=where("n0"), secret=b"", wall=lambda: WALL, random=random,
        entropy=random.randbytes,
    )  # fmt: skip
    for phase in ("new", "left"):
        assert (peer.phase, peer.next_wake) == (phase, None)
        peer.receive(b"anything", where("p"), 0)
        peer.wake(0)
        assert peer.effects() == []
        assert peer.statistics().datagrams_received == 0
        if phase == "new":
            peer.leave(0)
            assert peer.phase == "new"
            peer.start(0)
            peer.leave(0)
            peer.effects()


def test_waking_early_is_harmless_and_late_is_fine() -> None:
    talk, peer, _friend = pair()
    for step in range(200):
        peer.wake(talk.now + step)
    assert peer.effects() == []
    peer.wake(talk.now + 3600 * SECOND)
    due = peer.next_wake
    assert due is not None
    assert due > talk.now + 3600 * SECOND
    assert talk.views()["n0"]["friend"] == "alive"
    assert len(peer.effects()) <= 3


def test_only_who_is_woken_late_is_behind_and_an_answer_shows_that_it_no_longer_is() -> None:
    talk, peer, _friend = pair()
    talk.run(5.0)
    assert peer._membership.health.behind == 0
    due = peer.next_wake
    assert due is not None
    late = due + talk.timing.late + 1
    peer.wake(late)
    talk._perform(peer)
    assert peer._membership.health.behind == late
    talk.run(5.0)
    assert peer._membership.health.behind == 0


def test_a_local_write_asks_to_be_woken_at_once_and_tells_the_driver() -> None:
    _, peer, _ = pair()
    told = list[int]()
    peer.on_write = lambda: told.append(1)
    peer.map("m")["k"] = 1
    assert told == [1]
    assert peer.next_wake == 0


def test_the_data_of_a_peer_is_named_and_typed() -> None:
    _, peer, _ = pair()
    peer.counter("visits").increment(2)
    peer.set("online").add("x")
    peer.map("config")["k"] = "v"
    assert peer.names() == {"config": "map", "online": "set", "visits": "counter"}
    assert peer.names("o") == {"online": "set"}
    with pytest.raises(CrdtError):
        peer.map("visits")


@pytest.mark.parametrize(
    "options",
    [
        {"name": ""},
        {"name": "a\n"},
        {"name": "x" * 65},
        {"tags": {"k": "v" * 4096}},
        {"tags": {f"{number}": "" for number in range(257)}},
    ],
)
def test_what_cannot_be_carried_is_refused_at_once(options: dict[str, Any]) -> None:
    random = Random(1)
    usual: dict[str, Any] = {"name": "n0", "address": where("n0"), "secret": b"s"}
    with pytest.raises(ValueError, match=r"cannot name a member|at most 256 tags, of 4096 bytes"):
        Peer(wall=lambda: WALL, random=random, entropy=random.randbytes, **usual | options)


def test_the_largest_member_can_be_accused_and_say_goodbye() -> None:
    """The longest name with the most tags still fits every datagram that it has to fit."""
    name = "n" * 64
    tags = {f"{number:03}": "t" * 5 for number in range(64)}
    talk = Conversation()
    large = talk.peer(name, tags=tags)
    other = talk.peer("o" * 64, tags=tags, join=[large.address])
    talk.until(talk.settled, 10)
    talk.kill(other.name)
    talk.until(lambda: talk.views()[name][other.name] == "failed", 10)
    talk.peer(other.name, tags=tags, join=[large.address])
    talk.until(talk.settled, 10)
    talk.leave(large)
    talk.until(lambda: large.phase == "left", 5)
    assert talk.views()[other.name][name] == "left"


def test_no_datagram_is_larger_than_promised() -> None:
    talk = Conversation()
    talk.listening = True
    peers = [talk.peer(f"n{i}", tags={"t": "x" * 500}, join=[where("n0")]) for i in range(8)]
    peers[0].map("m").update({f"key {i}": "v" * (i % 900) for i in range(300)})
    peers[1].map("m")["large"] = "v" * 5000
    talk.until(talk.agreed, 20)
    assert MAX_PLAIN < max(map(len, talk.wire)) <= MAX_DATAGRAM
