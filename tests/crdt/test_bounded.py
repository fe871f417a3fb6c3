"""A bounded counter is never below zero, on any replica, under any partition, and loses nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import BoundedCounter, CrdtError, Delta, InsufficientRights, OutOfRange
from crdt.counter import LIMIT
from tests.crdt.histories import World, histories
from tests.crdt.laws import SUBJECTS

(SUBJECT,) = (subject for subject in SUBJECTS if subject.type is BoundedCounter)


def holding(n: int, name: str = "a") -> BoundedCounter:
    counter = BoundedCounter(name)
    counter.increment(n)
    return counter


def test_who_adds_has_the_rights_to_it() -> None:
    a = BoundedCounter("a")
    assert (a.value, a.rights) == (0, 0)
    a.increment()
    a.increment(4)
    a.decrement()
    a.decrement(2)
    assert (a.value, a.rights) == (2, 2)
    b = a.fork("b")
    assert (b.value, b.rights) == (2, 0)
    assert repr(a) == "BoundedCounter(2)"


def test_rights_are_handed_on() -> None:
    a = holding(5)
    b, c = a.fork("b"), a.fork("c")
    handed = a.transfer(3, "b")
    assert (a.value, a.rights) == (5, 2)
    assert b.merge(Delta.from_bytes(handed.to_bytes()))
    assert (b.value, b.rights) == (5, 3)
    c.merge(b.transfer(2, "c"))
    b.decrement(1)
    for other in (a, b, c, a, b):
        other.merge(a)
        other.merge(b)
        other.merge(c)
    assert [(x.value, x.rights) for x in (a, b, c)] == [(4, 2), (4, 0), (4, 2)]
    assert a == b == c


def test_rights_may_go_to_whoever_is_not_there_yet() -> None:
    a = holding(5)
    a.transfer(2, "late")
    late = BoundedCounter.from_bytes(a.to_bytes(), "late")
    assert (late.value, late.rights) == (5, 2)


@pytest.mark.parametrize("n", [3, 2**62, LIMIT])
def test_without_rights_nothing_happens(n: int) -> None:
    a = holding(2)
    a.merge(holding(100, "b"))  # there is enough, but it is not a's
    before = a.to_bytes()
    with pytest.raises(InsufficientRights, match="rights to 2"):
        a.decrement(n)
    with pytest.raises(CrdtError, match="transfer"):
        a.transfer(n, "b")
    assert a.to_bytes() == before
    assert (a.value, a.rights) == (102, 2)


def test_all_the_rights_and_no_more() -> None:
    a = holding(2)
    a.decrement(2)
    with pytest.raises(InsufficientRights):
        a.decrement()
    with pytest.raises(InsufficientRights):
        a.transfer(1, "b")
    assert (a.value, a.rights) == (0, 0)


def test_a_transfer_to_oneself_is_no_change() -> None:
    a = holding(2)
    before = a.to_bytes()
    for n in (0, 2, 3):
        assert not a.fork("b").merge(a.transfer(n, "a"))
    assert a.to_bytes() == before


def test_nothing_may_be_added_taken_and_handed_on() -> None:
    a = BoundedCounter("a")
    for delta in (a.increment(0), a.decrement(0), a.transfer(0, "b")):
        assert isinstance(delta, Delta)
    assert (a.value, a.rights) == (0, 0)


@pytest.mark.parametrize("change", [("increment",), ("decrement",), ("transfer", "b")])
@pytest.mark.parametrize(
    ("n", "error"),
    [
        (-1, ValueError),
        (-(2**64), ValueError),
        (1.0, TypeError),
        (True, TypeError),
        ("1", TypeError),
    ],
)
def test_an_amount_is_an_int_and_not_negative(
    change: tuple[str, ...], n: Any, error: type[Exception]
) -> None:
    a = holding(2)
    before = a.to_bytes()
    method, *to = change
    with pytest.raises(error, match=r"the amount"):
        getattr(a, method)(n, *to)
    assert a.to_bytes() == before


@pytest.mark.parametrize("to", ["", None, 1, b"b", "\ud800"])
def test_rights_go_to_a_replica(to: Any) -> None:
    a = holding(2)
    before = a.to_bytes()
    with pytest.raises(ValueError, match=r"name|surrogates"):
        a.transfer(1, to)
    assert a.to_bytes() == before


def test_sixty_three_bits_and_no_more() -> None:
    a = holding(LIMIT)
    assert BoundedCounter.from_bytes(a.to_bytes(), "b").value == LIMIT
    with pytest.raises(OutOfRange):
        a.increment()
    a.decrement(LIMIT)
    with pytest.raises(ValueError, match="63 bits"):
        a.increment()
    assert (a.value, a.rights) == (0, 0)


def test_what_passes_to_and_fro_is_refused_before_its_total_overflows() -> None:
    a = holding(LIMIT)
    b = a.fork("b")
    b.merge(a.transfer(LIMIT, "b"))
    a.merge(b.transfer(LIMIT, "a"))
    before = a.to_bytes()
    with pytest.raises(OutOfRange):
        a.transfer(1, "b")
    assert a.to_bytes() == before
    assert (a.value, a.rights) == (LIMIT, LIMIT)


def test_a_merge_beyond_sixty_three_bits_does_not_wrap() -> None:
    a = holding(LIMIT)
    a.merge(holding(LIMIT, "b"))
    assert (a.value, a.rights) == (2 * LIMIT, LIMIT)
    a.decrement(LIMIT)
    assert a.value == LIMIT


def test_rights_used_before_they_were_heard_of_never_show_a_negative_value() -> None:
    a = holding(5)
    b = a.fork("b")
    handed = a.transfer(5, "b")
    b.merge(handed)
    used = b.decrement(5)
    far = BoundedCounter("far")
    seen = []
    for delta in (used, handed):
        far.merge(delta)
        seen.append((far.value, far.rights))
    assert seen == [(0, 0), (0, 0)]
    other = BoundedCounter("other")
    other.merge(handed)
    other.merge(used)
    assert (other.value, other) == (0, far)


def test_a_chain_of_transfers_in_any_order() -> None:
    a = holding(3)
    b, c = BoundedCounter("b"), BoundedCounter("c")
    deltas = [a.increment(1), first := a.transfer(4, "b")]
    b.merge(first)
    deltas += [second := b.transfer(3, "c"), b.decrement()]
    c.merge(second)
    deltas += [c.decrement(2)]
    far = BoundedCounter("far")
    for delta in reversed(deltas):
        far.merge(delta)
        assert far.value >= 0
    assert far.value == 1


@given(histories(SUBJECT, size=40))
def test_it_is_never_below_zero_and_exact_when_all_is_known(history: list[Any]) -> None:
    world = World(SUBJECT)
    for step in history:
        world.play([step])
        assert all(counter.value >= counter.rights >= 0 for counter in world.values.values())
    world.settle()
    events = [event.what for event in world.reference.history.events]
    exact = sum(n for kind, n, *_ in events if kind == "increment")
    exact -= sum(n for kind, n, *_ in events if kind == "decrement")
    assert {counter.value for counter in world.values.values()} == {exact}
    assert sum(counter.rights for counter in world.values.values()) <= exact


@given(st.integers(1, 20), st.lists(st.integers(1, 8), max_size=10))
def test_a_partition_cannot_sell_more_than_there_is(stock: int, orders: list[int]) -> None:
    """Two halves of a cluster share the rights and sell on their own."""
    left = holding(stock, "left")
    left_part = left.transfer(stock // 2, "right")
    right = BoundedCounter("right")
    right.merge(left)
    right.merge(left_part)
    sold = 0
    for at, n in enumerate(orders):
        try:
            (left, right)[at % 2].decrement(n)
        except InsufficientRights:
            continue
        sold += n
    left.merge(right)
    assert left.value == stock - sold >= 0
