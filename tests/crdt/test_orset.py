"""Add wins over a concurrent remove, and a remove takes only what it has seen."""

from __future__ import annotations

import math
from typing import Any

import pytest

from crdt import CausalContext, Delta, ORSet


def test_an_add_survives_a_concurrent_remove() -> None:
    a = ORSet("a")
    a.add("x")
    b = a.fork("b")
    gone, again = a.remove("x"), b.add("x")
    for value in (a, b, ORSet("c")):
        value.merge(again)
        value.merge(gone)
        assert value.value == {"x"}
    assert a == b


def test_a_remove_takes_all_the_adds_it_has_seen() -> None:
    a, b = ORSet("a"), ORSet("b")
    a.add("x")
    b.add("x")
    a.merge(b)
    b.merge(a.remove("x"))
    assert "x" not in a
    assert "x" not in b
    assert a.merge(b) is False


def test_an_element_comes_back_when_it_is_added_again() -> None:
    a, b = ORSet("a"), ORSet("b")
    changes = [a.add("x"), a.remove("x"), a.add("x")]
    for change in reversed(changes):
        b.merge(change)
        assert b.value == {"x"}
    b.remove("x")
    a.merge(b)
    assert a.value == frozenset()


def test_a_removal_that_overtakes_the_add_buries_it() -> None:
    a, b = ORSet("a"), ORSet("b")
    born, gone = a.add("x"), a.remove("x")
    b.merge(gone)
    assert b.merge(born)
    assert b.value == frozenset()
    assert b == a


def test_a_removal_buries_also_what_its_add_had_replaced() -> None:
    a, b = ORSet("a"), ORSet("b")
    first, _lost, gone = a.add("x"), a.add("x"), a.remove("x")
    b.merge(gone)
    assert b.merge(first)
    assert b.value == frozenset()


def test_what_a_lost_delta_leaves_a_state_makes_good() -> None:
    a, b = ORSet("a"), ORSet("b")
    first, _lost, gone = a.add("x"), a.add("x"), a.remove("x")
    b.merge(gone)
    b.merge(first)
    b.merge(a)
    assert b == a
    assert b.value == frozenset()


def test_clear_takes_what_it_has_seen() -> None:
    a = ORSet("a")
    for element in (1, "x", (1, 2)):
        a.add(element)
    b = a.fork("b")
    cleared = a.clear()
    b.add("new")
    b.add(1)
    b.merge(cleared)
    assert set(b) == {"new", 1}
    assert len(a) == 0


def test_removals_of_the_absent() -> None:
    a = ORSet("a")
    with pytest.raises(KeyError, match="x"):
        a.remove("x")
    assert not a.fork("b").merge(a.discard("x"))
    assert not a.fork("b").merge(a.clear())
    assert a == ORSet("b")


def test_a_removed_element_leaves_only_the_context() -> None:
    a = ORSet("a")
    for number in range(100):
        a.add(number)
        a.remove(number)
    assert not a._kernel.entries
    assert not a._kernel.extra
    assert a._kernel.context == CausalContext([("a", 1, 200)])
    assert len(a.to_bytes()) < 20


def test_to_have_seen_more_is_a_change_although_nothing_is_left_of_it() -> None:
    a, b = ORSet("a"), ORSet("b")
    a.add("x")
    a.clear()
    assert a != b
    assert b.merge(a) is True
    assert b.merge(a) is False
    assert a == b


def test_elements_are_told_apart_by_type_and_value() -> None:
    a = ORSet("a")
    for element in (1, 1.0, True, 0.0, -0.0, math.nan, "1", b"1", None):
        a.add(element)
    assert len(a) == 9
    assert [repr(e) for e in a] == [repr(e) for e in ORSet.from_bytes(a.to_bytes(), "b")]
    assert len(a.value) == 6  # 1, 1.0 and True are one to Python, and so are the zeroes
    a.remove(math.nan)
    a.remove(1)
    assert 1 not in a
    assert 1.0 in a
    assert True in a


def test_lists_are_tuples() -> None:
    a = ORSet("a")
    a.add([1, [2, b"x"]])
    assert a.value == {(1, (2, b"x"))}
    assert (1, [2, b"x"]) in a
    a.remove((1, (2, b"x")))
    assert len(a) == 0


@pytest.mark.parametrize("element", [{}, {1}, object(), ({},), 2**64, "\ud800", "x" * 2000])
def test_what_cannot_be_carried_is_refused_and_is_not_in_it(element: Any) -> None:
    a = ORSet("a")
    for change in (a.add, a.remove, a.discard):
        with pytest.raises((TypeError, ValueError)):
            change(element)
    assert element not in a
    assert a == ORSet("b")


def test_it_reads_like_a_set() -> None:
    a = ORSet("a")
    for element in ("b", 2, None, b"b", (1,), "a", 1):
        a.add(element)
    assert len(a) == len(list(a)) == 7
    assert (1 in a, 3 in a, (1,) in a, [1] in a) == (True, False, True, True)
    assert list(a) == list(ORSet.from_bytes(a.to_bytes(), "b"))
    assert list(a) == list(reversed_twin(a))
    assert a.value == {"b", 2, None, b"b", (1,), "a", 1}
    one = ORSet("b")
    one.add("x")
    assert repr(one) == "ORSet(frozenset({'x'}))"


def reversed_twin(original: ORSet) -> ORSet:
    """The same elements, added in another order."""
    twin = ORSet("twin")
    for element in reversed(list(original)):
        twin.add(element)
    return twin


def test_every_change_tells_of_itself() -> None:
    a, b = ORSet("a"), ORSet("b")
    for method, element in [("add", 1), ("add", 1), ("remove", 1), ("add", 2), ("discard", 2)]:
        assert b.merge(Delta.from_bytes(getattr(a, method)(element).to_bytes()))
        assert b == a
    a.add(3)
    assert b.merge(Delta.from_bytes(a.clear().to_bytes()))
    assert b.value == a.value == frozenset()


def test_elements_have_a_size_and_a_depth() -> None:
    a = ORSet("a")
    a.add("x" * 1000)
    nested: Any = ()
    for _ in range(63):
        nested = (nested,)
    a.add(nested)
    assert nested in a
    for bad in ("x" * 1025, b"x" * 1025, (nested,), tuple(range(1000))):
        with pytest.raises(ValueError, match=r"larger|deeper"):
            a.add(bad)
        assert bad not in a
    assert len(a) == 2


def test_it_may_change_while_it_is_walked_through() -> None:
    a = ORSet("a")
    for number in range(5):
        a.add(number)
    for element in a:
        a.remove(element)
        a.add(element + 10)
    assert a.value == {10, 11, 12, 13, 14}
