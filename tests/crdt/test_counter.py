"""A counter counts every change once, also across resets, and never wraps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CrdtError, Delta, GCounter, OutOfRange, PNCounter
from crdt.counter import LIMIT

Counter = GCounter | PNCounter

both = pytest.mark.parametrize("kind", [GCounter, PNCounter])
changes = pytest.mark.parametrize(
    ("kind", "change"),
    [(GCounter, "increment"), (PNCounter, "increment"), (PNCounter, "decrement")],
)


@both
def test_increments_of_all_are_counted_once(kind: type[Counter]) -> None:
    a, b, late = kind("a"), kind("b"), kind("late")
    assert (a.value, repr(a)) == (0, f"{kind.__name__}(0)")
    told = [a.increment(), a.increment(4), b.increment(7)]
    for value in (a, b, late):
        for delta in [*told, *reversed(told)]:
            value.merge(delta)
        assert value.value == 12
    assert a == b == late


def test_a_growing_counter_cannot_be_lowered() -> None:
    assert not hasattr(GCounter, "decrement")
    assert not hasattr(GCounter, "reset")


@both
def test_nothing_is_added_by_nothing(kind: type[Counter]) -> None:
    a, b = kind("a"), kind("b")
    b.merge(a.increment(0))
    assert a.value == b.value == 0


def test_increments_and_decrements_of_all_add_up() -> None:
    a, b = PNCounter("a"), PNCounter("b")
    a.increment()
    a.increment(4)
    b.decrement(7)
    assert a.merge(b)
    assert b.merge(a)
    assert a.value == b.value == -2


def test_a_reset_takes_what_it_saw_and_concurrent_changes_survive() -> None:
    a = PNCounter("a")
    a.increment(5)
    b = a.fork("b")
    reset = b.reset()
    a.increment(2)
    a.decrement(1)
    a.merge(reset)
    b.merge(a)
    assert a.value == b.value == 1


def test_two_resets_at_once_subtract_nothing_twice() -> None:
    a = PNCounter("a")
    a.increment(5)
    b, c = a.fork("b"), a.fork("c")
    b.reset()
    a.increment(3)
    c.merge(a)
    c.reset()
    a.increment(10)
    for other in (b, c, b):
        a.merge(other)
    assert a.value == 10
    a.reset()
    assert a.value == 0
    assert a.merge(b) is False


def test_a_reset_of_nothing_is_no_change() -> None:
    a = PNCounter("a")
    assert not a.fork("b").merge(a.reset())
    a.increment(0)
    a.reset()
    assert a.value == 0
    assert not a.fork("b").merge(a.reset())


def test_a_reset_speaks_of_every_part() -> None:
    a = PNCounter("a")
    for number in range(20):
        a.merge(PNCounter(f"r{number}").increment(number))
    late = a.fork("late")
    assert late.merge(Delta.from_bytes(a.reset().to_bytes()))
    assert late.value == a.value == 0


def test_later_deltas_carry_the_earlier_ones_of_their_replica() -> None:
    a, b = PNCounter("a"), PNCounter("b")
    first, second = a.increment(3), a.increment(4)
    b.merge(second)
    assert b.value == 7
    b.merge(first)
    b.merge(second)
    assert b.value == 7
    assert b == a


def test_a_fork_and_its_original_both_go_on() -> None:
    a = PNCounter("a")
    a.increment(10)
    b = a.fork("b")
    a.increment(1)
    b.increment(2)
    assert (a.value, b.value) == (11, 12)
    a.merge(b)
    b.merge(a)
    assert a.value == b.value == 13


@changes
@pytest.mark.parametrize("amount", [-1, -(2**63), 2**63, 2**64])
def test_amounts_out_of_range_change_nothing(kind: type[Counter], change: str, amount: int) -> None:
    a = kind("a")
    a.increment(3)
    before = a.to_bytes()
    with pytest.raises(ValueError, match=r"negative|63 bits"):
        getattr(a, change)(amount)
    assert a.to_bytes() == before


@changes
@pytest.mark.parametrize("amount", [True, 1.0, "1", None, ""])
def test_amounts_are_ints(kind: type[Counter], change: str, amount: Any) -> None:
    a = kind("a")
    with pytest.raises(TypeError, match=f"not {type(amount).__name__}"):
        getattr(a, change)(amount)
    assert a == kind("b")


def test_sixty_three_bits_and_no_more() -> None:
    a = PNCounter("a")
    a.increment(LIMIT)
    assert PNCounter.from_bytes(a.to_bytes(), "b").value == LIMIT
    with pytest.raises(OutOfRange):
        a.increment()
    a.decrement(LIMIT)
    assert a.value == 0
    with pytest.raises(OutOfRange):
        a.decrement()
    with pytest.raises(CrdtError):
        a.increment()
    assert a.value == 0


def test_a_growing_counter_has_sixty_three_bits() -> None:
    a = GCounter("a")
    a.increment(LIMIT - 1)
    b = GCounter.from_bytes(a.to_bytes(), "b")
    b.increment()
    before = b.to_bytes()
    with pytest.raises(OutOfRange):
        b.increment()
    assert b.to_bytes() == before
    a.increment()
    a.merge(b)
    assert a.value == LIMIT + 1


def test_the_total_of_all_is_bounded_on_both_sides() -> None:
    a, b = PNCounter("a"), PNCounter("b")
    b.decrement(LIMIT)
    a.merge(b)
    before = a.to_bytes()
    with pytest.raises(OutOfRange):
        a.decrement()
    assert a.to_bytes() == before
    a.increment(2)
    a.decrement(1)
    assert a.value == 1 - LIMIT


def test_a_reset_makes_no_room_for_what_a_replica_ever_added() -> None:
    """Totals only grow, so 63 bits are what one replica can add in the life of a counter."""
    a = PNCounter("a")
    a.increment(LIMIT)
    a.reset()
    with pytest.raises(OutOfRange):
        a.increment()
    assert a.value == 0


def test_a_merge_beyond_sixty_three_bits_does_not_wrap() -> None:
    a, b = PNCounter("a"), PNCounter("b")
    a.increment(LIMIT)
    b.increment(LIMIT)
    assert a.merge(b)
    assert a.value == 2 * LIMIT
    with pytest.raises(OutOfRange):
        a.fork("c").increment()
    a.decrement(LIMIT)
    assert a.value == LIMIT


@given(st.lists(st.integers(0, 2**62), max_size=6))
def test_totals_are_exact_or_refused(amounts: list[int]) -> None:
    a, total = PNCounter("a"), 0
    for amount in amounts:
        if total + amount <= LIMIT:
            a.increment(amount)
            total += amount
        else:
            with pytest.raises(OutOfRange):
                a.increment(amount)
    assert a.value == total
