"""Where members are: told on answers, seldom, and only as much is kept as there are members."""

from __future__ import annotations

from random import Random

import pytest

from gossip import Timing
from gossip.coordinates import Coordinate
from gossip.member import State
from gossip.members.membership import Membership
from gossip.probing.positions import BURST, COST, RETELL, Positions
from gossip.timers import Timers
from gossip.wire.messages import Ack, Position, Probe
from tests.gossip.conversation import Conversation, claim, identity, where

ORIGIN = Coordinate()
THERE = Coordinate((0.010, *[0.0] * 7), error=0.1)


def among(*names: str) -> tuple[Positions, Membership]:
    membership = Membership(claim("me"), identity("me"), Timing.lan(), Timers(), lambda _: None)
    for name in names:
        membership.apply(claim(name, address=where(name)), 0)
    return Positions(membership, Random(1)), membership


def told(positions: Positions, *names: str) -> list[str]:
    """To whom our coordinate went, when these asked one after the other."""
    return [name for name in names if positions.riding(name)]


def test_everybody_is_told_once() -> None:
    positions, _ = among("a", "b")
    assert told(positions, "a", "b", "a", "b", "a") == ["a", "b"]


def test_who_is_not_in_the_table_is_not_told() -> None:
    positions, _ = among("a")
    assert told(positions, "stranger", "a") == ["a"]
    positions.check()


def test_at_most_one_answer_in_a_few_carries_it() -> None:
    names = [f"n{number}" for number in range(200)]
    positions, _ = among(*names)
    assert names[:BURST] == told(positions, *names[:BURST])
    most = BURST + 200 // COST
    assert most - 2 <= BURST + len(told(positions, *names[BURST:])) <= most


def test_who_moved_tells_so() -> None:
    positions, _ = among("a", "b")
    told(positions, "a", "b")
    positions.heard(Position(THERE), "a")
    positions.measured("a", 0.050)
    assert told(positions, "a", "b", "a", "b") == ["a", "b"]


def test_a_small_move_is_not_worth_telling() -> None:
    positions, _ = among("a")
    positions.heard(Position(THERE), "a")
    for _ in range(500):
        positions.measured("a", 0.020)
    told(positions, "a")
    positions.measured("a", 0.0201)
    assert told(positions, "a") == []


def test_as_an_answer_may_be_lost_it_is_told_again() -> None:
    positions, _ = among("a", "b")
    answers = ["a", "b"] * (RETELL * 2)
    assert told(positions, *answers).count("a") == 2


def test_a_new_boot_is_told_anew_and_its_place_is_unknown() -> None:
    positions, _ = among("a", "b")
    told(positions, "a")
    positions.heard(Position(THERE), "a")
    positions.heard(Position(ORIGIN), "b")
    assert positions.rtt("a", "b") is not None
    positions.forget("a")
    assert positions.rtt("a", "b") is None
    assert told(positions, "a") == ["a"]


def test_only_the_places_of_those_who_are_there_are_kept() -> None:
    positions, membership = among("a", "b")
    membership.apply(claim("b", state=State.LEFT), 0)
    for name in ("a", "b", "stranger"):
        positions.heard(Position(THERE), name)
    assert list(positions._known) == ["a"]


def test_a_round_trip_is_as_measured_or_as_the_coordinates_tell() -> None:
    positions, membership = among("a", "b", "c")
    positions.heard(Position(THERE), "a")
    positions.heard(Position(ORIGIN), "b")
    assert positions.rtt("a", "b") == positions.rtt("b", "a") == pytest.approx(0.010, rel=0.01)
    assert positions.rtt("me", "b") == pytest.approx(20e-6)
    membership.rtt.note("b", round(0.033 * 10**9))
    assert positions.rtt("me", "b") == positions.rtt("b", "me") == 0.033
    assert positions.rtt("a", "c") is None
    assert positions.rtt("me", "c") is None
    assert positions.rtt("a", "stranger") is None
    assert (positions.rtt("a", "a"), positions.rtt("nobody", "nobody")) == (0.0, None)
    assert [member.rtt for member in membership.members()] == [
        positions.rtt("me", "a"), 0.033, None, None,
    ]  # fmt: skip


def test_what_was_measured_of_somebody_unknown_moves_nobody() -> None:
    positions, _ = among("a")
    positions.measured("a", 0.1)
    assert positions._vivaldi.coordinate == ORIGIN


# Among peers.


def test_a_coordinate_goes_before_the_answer() -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    friend = talk.friend(peer)
    for sequence in (7, 8):
        friend.says(peer, Probe(sequence, "n0", *peer._talk._hashes(), 0))
    talk.run(0.001)
    friend.expects(
        Position(Coordinate.unpacked(ORIGIN.packed())),
        Ack(7, *peer._talk._hashes()), Ack(8, *peer._talk._hashes()),
    )  # fmt: skip


def test_members_estimate_round_trips_that_they_never_measured() -> None:
    """Two sites, 20 ms apart; within one the round trip is 1 ms."""
    talk = Conversation()
    sites = {where(f"n{number}"): number % 2 for number in range(6)}
    talk.delay_between = lambda a, b: 0.0005 if sites[a] == sites[b] else 0.010
    peers = talk.cluster(6)
    talk.run(400)
    n0 = peers[0]
    assert n0.rtt("n2", "n4") == pytest.approx(0.001, rel=0.35)
    assert n0.rtt("n1", "n2") == pytest.approx(0.020, rel=0.15)
    assert n0.rtt("n3", "n4") == pytest.approx(0.020, rel=0.15)
    assert all(member.rtt is not None for member in n0.members() if member.name != "n0")


def test_nothing_is_kept_of_who_left() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    talk.run(10)
    positions = peers[0]._positions
    assert positions._known.keys() == positions._told.keys() == {"n1", "n2"}
    talk.leave(peers[1])
    talk.run(2)
    assert positions._known.keys() == positions._told.keys() == {"n2"}
    assert positions._vivaldi._latest.keys() == {"n2"}


def test_a_position_from_a_stranger_or_a_broken_one_changes_nothing() -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    friend = talk.friend(peer)
    friend.says(peer, Position(THERE))
    assert peer._positions._known.keys() == {"friend"}
    before = peer.statistics().dropped
    good = Coordinate().packed()
    for bad in (b"\x92\x1e\xc4\x16\x0a" + good[1:], b"\x92\x1e\xc4\x02ab", b"\x91\x1e"):
        talk.give(peer, friend.sealed(bad), friend.address)
    assert peer.statistics().dropped == {**before, "malformed": 3}
    talk.puppet("stranger").says(peer, Position(THERE))
    assert peer._positions._known.keys() == {"friend"}
    peer.check()
