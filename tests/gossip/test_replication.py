"""Data reaches everybody: pushed when new, pulled when missed, and nonsense changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import ANY

import pytest

from crdt import CausalContext
from crdt.codec import FORMAT, encode
from crdt.context import Span
from crdt.fragment import NOTHING, Fragment, Mark, Write
from crdt.keys import close, encode_key
from crdt.store import FRAGMENT_EVENTS_MAX, STORE
from crdt.writer import FragmentWriter
from gossip import Peer, Timing
from gossip.data import replication as module
from gossip.wire.messages import Delta, Pull
from tests.gossip.conversation import SECOND, Conversation, Puppet, where


def holders(talk: Conversation, element: str) -> list[str]:
    """Who has an element of the set that these tests write to."""
    return [name for name, peer in talk.peers.items() if element in peer.set("s")]


def fragment(
    key: bytes, writes: Sequence[Write] = (), slots: Sequence[Span] = (), known: Sequence[Span] = ()
) -> bytes:
    """A message about one key, made by a stranger; unless told otherwise it knows its writes."""
    known = known or [(replica, counter, counter) for _, replica, counter, _ in writes]
    writer = FragmentWriter(STORE, CausalContext(known))
    writer.add(key, tuple(writes), Mark(tuple(slots)))
    return writer.finish()


def key_of(name: str, kind: int = 7, leaf: bytes = b"\xa1x") -> bytes:
    return close(encode_key(name)) + bytes([kind]) + leaf


def pair() -> tuple[Conversation, Peer, Puppet]:
    """A peer with a puppet for a friend; the peer has said all it has to say."""
    talk = Conversation()
    peer = talk.peer("n0")
    return talk, peer, talk.friend(peer)


# Push.


def test_a_write_reaches_everybody_within_a_few_round_trips() -> None:
    talk = Conversation()
    peers = talk.cluster(20)
    peers[7].set("s").add("news")
    talk.run(0.1)
    assert (
        len(holders(talk, "news")) >= 18
    )  # rumours may leave out a few: that is what pulls are for
    talk.until(talk.agreed, 5)
    assert len(holders(talk, "news")) == 20


def test_writes_of_one_moment_travel_together_and_an_answer_is_not_asked_for() -> None:
    talk, peer, friend = pair()
    for number in range(10):
        peer.set("s").add(number)
    talk.run(0.02)
    friend.expects(Delta(0, 0, ANY))
    assert peer.next_wake is not None
    assert peer.next_wake > talk.now


def test_what_is_pushed_is_bounded_and_the_rest_is_pulled() -> None:
    talk, peer, friend = pair()
    for number in range(2000):
        peer.set("s").add(f"{number:04}" * 10)
    talk.run(0.02)
    assert len(friend.heard(Delta)) == module.PUSH_DATAGRAMS


def test_what_is_heard_for_the_first_time_is_passed_on_and_later_it_is_not() -> None:
    talk, peer, friend = pair()
    other = talk.friend(peer, "other")
    talk.run(1.9)
    other.heard(Delta)
    message = Delta(0, 0, fragment(key_of("s"), [(0, "r", 1, None)], [("r", 1, 1)]))
    friend.says(peer, message)
    talk.run(0.02)
    assert len(other.heard(Delta)) == 1
    friend.says(peer, message)
    talk.run(0.02)
    assert other.heard(Delta) == []


# Pull.


def test_a_lost_push_is_repaired_within_seconds() -> None:
    talk = Conversation()
    peers = talk.cluster(5)
    talk.loss = 1.0
    peers[0].set("s").add("x")
    peers[3].counter("c").increment(5)
    talk.run(0.5)
    assert holders(talk, "x") == ["n0"]
    talk.loss = 0.0
    assert talk.until(talk.agreed, 10) < 5
    assert peers[4].counter("c").value == 5


@pytest.mark.parametrize("seed", range(3))
def test_every_third_datagram_may_get_lost(seed: int) -> None:
    talk = Conversation(seed=seed)
    peers = talk.cluster(5)
    talk.loss = 0.3
    for number in range(100):
        peers[number % 5].set("s").add(number)
        peers[number % 3].counter("c").increment()
        peers[number % 2].map("m")["last"] = number
        talk.run(0.02)
    peers[0].set("s").discard(50)
    talk.until(talk.agreed, 30)
    assert peers[4].set("s").value == set(range(100)) - {50}
    assert peers[4].counter("c").value == 100
    assert peers[4].map("m").value == {"last": 99}


def test_duplicates_and_any_order_do_no_harm_and_do_not_multiply() -> None:
    talk = Conversation()
    peers = talk.cluster(4)
    talk.duplicate, talk.jitter = 0.5, 0.05
    for number in range(200):
        peers[number % 4].counter("c").increment()
        peers[number % 4].set("s").add(number % 7)
        peers[(number + 1) % 4].set("s").discard((number + 3) % 7)
    talk.until(talk.agreed, 10)
    assert peers[2].counter("c").value == 200
    talk.run(5)
    before = talk.sent
    talk.run(20)
    assert (talk.sent - before) / 20 < 4 * 2 * 1.6


def test_a_large_value_travels_in_spite_of_loss() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    talk.loss, talk.jitter, talk.duplicate = 0.1, 0.002, 0.1
    value = talk.peers["n0"].store.replica.encode() * 21_000
    peers[0].map("m")["large"] = value
    assert len(value) > 250_000
    talk.until(talk.agreed, 30)
    assert peers[2].map("m")["large"] == value
    talk.run(20)
    before = talk.sent
    talk.run(20)
    assert talk.sent - before < 480  # the value alone, twice, is more than that
    assert not any(peer._parcels._arriving for peer in peers)


def test_a_newcomer_pulls_the_bulk_in_windows() -> None:
    talk = Conversation()
    first = talk.peer("n0")
    first.map("m").update({f"key {number:05}": "value" for number in range(5000)})
    talk.run(1)
    second = talk.peer("n1", join=[first.address])
    talk.until(talk.agreed, 10)
    assert len(second.map("m")) == 5000
    sent = first.statistics().bytes_sent
    assert sent < 2 * sum(len(f"key {number:05}value") + 40 for number in range(5000))


def test_an_answer_keeps_to_its_window_and_says_that_there_is_more() -> None:
    talk, peer, friend = pair()
    peer.set("s").add("x")
    for number in range(1000):
        peer.set("s").add(f"{number:04}" * 10)
    talk.run(1)
    friend.heard(Delta)
    nothing = FragmentWriter(STORE, NOTHING).finish()
    for session, window, datagrams in [(6, 0, 1), (7, 1, 1), (8, 7, 7)]:
        friend.says(peer, Pull(session, window, nothing))
        talk.run(0.001)
        assert [d.end for d in friend.heard(Delta)] == [0] * (datagrams - 1) + [2]
    friend.says(peer, Pull(9, 256, nothing))
    talk.run(0.001)
    answer = friend.heard(Delta)
    assert {d.session for d in answer} == {9}
    assert answer[-1].end in (1, 2)


def test_a_hot_counter_is_sent_in_bounded_portions_and_arrives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crdt.store.MISSING_EVENTS", 10)
    monkeypatch.setattr("crdt.store.FRAGMENT_EVENTS_MAX", 20)
    talk = Conversation()
    one, two = talk.cluster(2)
    for _ in range(95):
        one.counter("c").increment()
    two.counter("c").increment()
    talk.until(talk.agreed, 10)
    assert two.counter("c").value == 96
    assert set(two.statistics().dropped) == {"malformed"}  # the push; what was pulled came through


def test_a_wide_context_costs_bytes_and_not_a_message_per_key() -> None:
    """Two hundred boots have written here, each a replica of its own."""
    talk = Conversation()
    one, two = talk.cluster(2)
    stranger = talk.friend(one, "stranger")
    for number in range(200):
        name = f"replica {number:03}"
        leaf = bytes([0xA3]) + f"{number:03}".encode()
        data = fragment(key_of("s", leaf=leaf), [(0, name, 1, None)], [(name, 1, 1)])
        stranger.says(one, Delta(1, 0, data))
    one.map("m").update({f"key {number}": number for number in range(1000)})
    before = one.statistics().bytes_sent
    talk.until(talk.agreed, 20)
    assert len(two.set("s")) == 200
    assert len(two.map("m")) == 1000
    assert one.statistics().bytes_sent - before < 400_000


# Who holds what.


def test_who_holds_a_write_is_known_once_they_said_so() -> None:
    talk = Conversation()
    peers = talk.cluster(4)
    talk.cut(["n0", "n1"], ["n2", "n3"])
    peers[0].set("s").add("x")
    context = peers[0].context()
    assert peers[0].held_by(context) == ()
    talk.solicit(peers[0])
    talk.run(0.2)
    assert peers[0].held_by(context) == ("n1",)
    talk.heal()
    for _ in range(3):
        talk.solicit(peers[0])
        talk.run(0.2)
    assert sorted(peers[0].held_by(context)) == ["n1", "n2", "n3"]


def test_what_a_member_held_is_not_believed_of_its_next_boot() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    peers[0].set("s").add("x")
    talk.solicit(peers[0])
    talk.run(0.2)
    context = peers[0].context()
    assert "n2" in peers[0].held_by(context)
    talk.kill("n2")
    talk.cut(["n0"], ["n1", "n2"])
    talk.peer("n2", join=[where("n1")])
    talk.heal()
    talk.until(lambda: len(talk.told("MemberJoined", "n2")) >= 4, 5)
    assert peers[0].held_by(context) in (("n1",), ("n1", "n2"))
    talk.until(lambda: "x" in talk.peers["n2"].set("s"), 5)


# Nonsense.

ONE = [("r", 1, 1)]


def write(payload: Any, stamp: int = 0, counter: int = 1) -> list[Write]:
    """The one write of the stranger "r"."""
    return [(stamp, "r", counter, payload)]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x01\x90", b"\x03\x90", bytes([FORMAT]) + b"\x90",
        encode(STORE, Fragment({}, complete=True)),
        FragmentWriter(7, NOTHING).finish(),
        fragment(b"no path", slots=ONE),
        fragment(key_of("s", kind=250), slots=ONE),
        fragment(key_of("s", kind=250), write(None), ONE),
        fragment(key_of("s"), write(5), ONE),
        fragment(key_of("s"), write(None, stamp=1), ONE),
        fragment(key_of("s", leaf=b"\xd9\x01x"), write(None), ONE),
        fragment(key_of("c", kind=2, leaf=b"r"), write([1, 0, 2, 0]), ONE),
        fragment(key_of("c", kind=2, leaf=b"r"), write([2**63, 0, 0, 0]), ONE),
        fragment(key_of("m", kind=8, leaf=b"\x01k"), write(1, stamp=2**63), ONE),
        fragment(key_of("m", kind=8, leaf=b"\x01k"), write(1, stamp=0), ONE),
        fragment(key_of("s"), write(None, counter=0), ONE),
        fragment(key_of("s"), write(None), ONE, [("r", 2, 9)]),  # a write that it has not seen
        fragment(key_of("s"), slots=[("r", 0, 1)]),
        fragment(key_of("s"), slots=[("r", 1, 2**63)]),
        fragment(key_of("s"), slots=[("r", 1, 2**62)]),
        fragment(key_of("s"), slots=[("r", 1, FRAGMENT_EVENTS_MAX), ("t", 1, 1)]),
        fragment(key_of("s"), known=[("r", 2, 2**63)]),
    ],
    ids=range(23),
)  # fmt: skip
def test_a_malformed_message_is_counted_and_changes_nothing(data: bytes) -> None:
    talk, peer, friend = pair()
    peer.set("s").add("mine")
    talk.run(1)
    digest, context = peer.digest(), peer.context()
    for message in (Delta(0, 0, data), Delta(5, 1, data), Pull(1, 32, data)):
        friend.says(peer, message)
    peer.check()
    assert (peer.digest(), peer.context()) == (digest, context)
    dropped = peer.statistics().dropped
    assert dropped == {"malformed": 3}


def test_the_good_twins_of_those_messages_are_taken() -> None:
    _talk, peer, friend = pair()
    for data in (
        fragment(key_of("s"), write(None), ONE),
        fragment(key_of("c", kind=2, leaf=b"r"), write([2, 0, 2, 0], counter=2), [("r", 2, 2)]),
        fragment(key_of("m", kind=8, leaf=b"\x01k"), write(1, 10**18, 3), [("r", 3, 3)]),
        fragment(key_of("s"), slots=[("t", 1, 1000)]),
    ):
        friend.says(peer, Delta(0, 0, data))
    assert peer.statistics().dropped == {}
    assert peer.set("s").value == {"x"}
    assert (peer.counter("c").value, peer.map("m").value) == (0, {"k": 1})


def test_answers_that_nobody_asked_for_do_not_make_us_ask() -> None:
    talk, peer, friend = pair()
    talk.run(2)
    friend.heard(Pull)
    nothing = FragmentWriter(STORE, NOTHING).finish()
    for session in (0, 1, 2**64 - 1):
        for end in (0, 1, 2):
            friend.says(peer, Delta(session, end, nothing))
    talk.run(0.001)
    friend.expects()


def test_who_never_has_enough_is_answered_once_per_question() -> None:
    """The puppet says that it saw what nobody has: we ask, it says nothing, we do not insist."""
    talk, peer, friend = pair()
    talk.run(1)
    ahead = FragmentWriter(STORE, CausalContext([("ghost", 1, 9)])).finish()
    friend.heard(Pull)
    friend.says(peer, Pull(1, 32, ahead))
    talk.run(3)
    assert len(friend.heard(Pull)) <= 2


def test_what_is_kept_of_others_is_bounded_by_the_table_of_members() -> None:
    talk, peer, _ = pair()
    known = FragmentWriter(STORE, CausalContext([("ghost", 1, 9)])).finish()
    for number in range(200):
        puppet = talk.puppet(f"stranger {number}")
        puppet.says(peer, Pull(1, 1, known), Delta(0, 0, known))
    assert len(peer._replication._seen) <= len(peer.members())
    assert len(peer._replication._behind) <= len(peer.members())


def test_profiles_differ_in_patience_only() -> None:
    for timing in (Timing.wan(), Timing.local()):
        talk = Conversation(timing=timing)
        peers = talk.cluster(3)
        talk.loss = 1.0
        peers[0].set("s").add("x")
        talk.run(1)
        talk.loss = 0.0
        assert talk.until(talk.agreed, 20) <= 4 * timing.probe_interval / SECOND


def test_concurrent_writes_of_the_largest_value_under_one_key_can_be_sent() -> None:
    """A leaf keeps every concurrent write until one replaces them, and travels whole."""
    talk = Conversation()
    peers = talk.cluster(6)
    talk.cut(*[[peer.name] for peer in peers])
    for number, peer in enumerate(peers):
        peer.map("m")["same key"] = bytes([number]) * 240_000
    talk.run(0.1)
    talk.heal()
    talk.until(talk.agreed, 30)
