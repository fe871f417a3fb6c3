"""Stamps grow, follow what was seen, and are spoiled by nobody's wrong clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CausalContext, Delta, HybridClock, LWWMap, OutOfRange
from crdt.clock import MAX_DRIFT_NS, MAX_TIMESTAMP, MAX_WALL
from crdt.fragment import Fragment

SECOND = 1_000_000_000
YEAR = 365 * 86400 * SECOND


class Wall:
    """A wall clock in the hands of the test."""

    def __init__(self, now: int = 1000 * SECOND) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@given(
    st.lists(
        st.tuples(st.sampled_from(["wall", "observe", "tick"]), st.integers(-5, 10**12)),
        max_size=30,
    )
)
def test_stamps_grow_whatever_the_wall_and_the_others_do(events: list[tuple[str, int]]) -> None:
    wall = Wall(0)
    clock = HybridClock(wall)
    given_out = [0]
    for kind, number in events:
        if kind == "wall":
            wall.now = number
        elif kind == "observe":
            clock.observe([number])
        else:
            given_out.append(clock.tick())
    assert given_out == sorted(set(given_out))


@given(st.integers(0, MAX_WALL), st.integers(0, MAX_TIMESTAMP - 1))
def test_a_write_is_later_than_what_it_replaces(wall: int, after: int) -> None:
    clock = HybridClock(Wall(wall))
    assert clock.tick(after) > after
    assert clock.tick() > wall - 1


def test_the_wall_jumps_back_and_forth() -> None:
    wall = Wall()
    clock = HybridClock(wall)
    first = clock.tick()
    wall.now -= 500 * SECOND
    assert clock.tick() == first + 1
    wall.now = -YEAR
    assert clock.tick() == first + 2
    wall.now = 2000 * SECOND
    assert clock.tick() == 2000 * SECOND


def test_others_move_the_clock_within_the_drift_allowed() -> None:
    wall = Wall()
    clock = HybridClock(wall, max_drift_ns=SECOND)
    clock.observe([wall.now + SECOND])
    assert clock.drifted == 0
    assert clock.tick() == wall.now + SECOND + 1
    clock.observe([wall.now + SECOND - 7, wall.now + YEAR])
    assert clock.drifted == 1
    assert clock.tick() == wall.now + SECOND + 2


def test_a_stamp_from_the_future_is_followed_but_does_not_drag_the_clock() -> None:
    wall = Wall()
    clock = HybridClock(wall)
    assert clock.tick(wall.now + YEAR) == wall.now + YEAR + 1
    assert clock.tick() == wall.now
    assert clock.tick(wall.now + MAX_DRIFT_NS) == wall.now + MAX_DRIFT_NS + 1
    assert clock.tick() == wall.now + MAX_DRIFT_NS + 2


def test_a_wrong_clock_locks_no_key() -> None:
    ahead = LWWMap("z", clock=HybridClock(Wall(MAX_WALL)))
    right = LWWMap("a", clock=HybridClock(Wall()))
    ahead["k"] = "wrong"
    right.merge(ahead)
    assert right.clock.drifted == 1
    right["k"] = "right"
    right["other"] = 1
    for value in (ahead.fork("b"), LWWMap.from_bytes(ahead.to_bytes(), "c")):
        value.merge(right)
        assert value.value == {"k": "right", "other": 1}
    right.delete("k")
    ahead.merge(right)
    assert "k" not in ahead
    assert right.merge(ahead) is False


def test_a_stamp_that_nobody_could_follow_is_refused_where_it_is_made() -> None:
    wall = Wall(MAX_WALL + 1)
    values = LWWMap("a", clock=HybridClock(wall))
    with pytest.raises(OutOfRange, match="clock"):
        values.put("k", 1)
    with pytest.raises(OutOfRange, match="clock"):
        values.update({"k": 1, "l": 2})
    assert values == LWWMap("b")
    wall.now = 5
    values["k"] = 1
    assert values.value == {"k": 1}


def test_the_last_stamp_is_followed_by_itself_and_the_clock_stays() -> None:
    clock = HybridClock(Wall(1000))
    assert clock.tick(MAX_TIMESTAMP - 1) == MAX_TIMESTAMP
    assert clock.tick(MAX_TIMESTAMP) == MAX_TIMESTAMP
    assert clock.tick() == 1000


def test_the_last_stamp_locks_no_key() -> None:
    """Who has seen the write replaces it, whatever the stamps are: its dot is covered."""
    forged = (MAX_TIMESTAMP, "z", 1, "forged")
    spoiled = Delta(LWWMap.KIND, (Fragment({b"\x01k": (forged,)}, CausalContext([("z", 1, 1)])),))
    right = LWWMap("a", clock=HybridClock(Wall()))
    right.merge(Delta.from_bytes(spoiled.to_bytes()))
    changes = [right.put("k", "right"), right.delete("k"), right.put("k", "again")]
    assert right.value == {"k": "again"}
    other = LWWMap("b", clock=HybridClock(Wall()))
    for change, shown in zip(changes, ["right", None, "again"], strict=True):
        other.merge(change)
        other.merge(spoiled)
        assert other.get("k") == shown


def test_a_drift_is_not_negative() -> None:
    with pytest.raises(ValueError, match="max_drift_ns"):
        HybridClock(max_drift_ns=-1)
    assert HybridClock().tick() > 1_700_000_000 * SECOND
