"""The last writer wins, entry by entry, puts and deletes alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CausalContext, Delta, HybridClock, LWWMap, OutOfRange
from crdt.clock import MAX_TIMESTAMP, MAX_WALL
from crdt.fragment import Fragment
from tests.crdt.laws import keys


def make(name: str, now: int = 1000) -> LWWMap:
    return LWWMap(name, clock=HybridClock(lambda: now))


def test_it_is_a_mapping() -> None:
    a = make("a")
    a["k"] = 1
    assert isinstance(a, Mapping)
    assert (a["k"], a.get("x"), "k" in a, len(a), dict(a)) == (1, None, True, 1, {"k": 1})
    assert list(a.items()) == [("k", 1)]
    del a["k"]
    assert "k" not in a
    assert not a
    with pytest.raises(KeyError):
        a["k"]


def test_the_later_stamp_wins_and_then_the_greater_name() -> None:
    early, late, tied = make("z", 1), make("a", 2), make("b", 2)
    early["k"], late["k"], tied["k"] = "early", "late", "tied"
    for order in [(early, late), (late, early)]:
        both = make("c")
        for other in order:
            both.merge(other)
        assert both["k"] == "late"
        both.merge(tied)
        assert both["k"] == "tied"


def test_a_delete_is_a_write_like_any_other() -> None:
    a = make("a")
    a["k"] = 1
    b = a.fork("b", clock=HybridClock(lambda: 2000))
    deleted = b.delete("k")
    a["k"] = 2  # earlier than the delete, by the clocks
    a.merge(deleted)
    assert "k" not in a
    a["k"] = 3  # later: it has seen the delete
    b.merge(a)
    assert b.value == {"k": 3}
    for absent in ("x", b"k"):
        with pytest.raises(KeyError):
            b.delete(absent)
    b.delete("k")
    with pytest.raises(KeyError):
        b.delete("k")


def test_update_is_one_delta() -> None:
    a, b = make("a"), make("b")
    b.merge(Delta.from_bytes(a.update({"x": 1, b"x": 2, "y": [3]}).to_bytes()))
    assert a.value == b.value == {"x": 1, "y": [3], b"x": 2}
    assert not b.merge(a.update({}))


@pytest.mark.parametrize("bad", [{"x": {1}}, {1: 1}, {"x" * 2000: 1}, {"x": "\ud800"}])
def test_update_is_all_or_none(bad: dict[Any, Any]) -> None:
    a = make("a")
    with pytest.raises((TypeError, ValueError)):
        a.update({"first": 1, **bad} if all(type(k) is str for k in bad) else {"first": 1} | bad)
    assert a == make("b")


def test_a_stamp_without_a_successor_locks_no_key() -> None:
    a = make("a")
    last = Fragment({b"\x01z": ((MAX_TIMESTAMP, "b", 1, "last"),)}, CausalContext([("b", 1, 1)]))
    a.merge(Delta.from_bytes(Delta(LWWMap.KIND, (last,)).to_bytes()))
    b = a.fork("b")
    b.merge(a.update({"a": 1, "z": 2}))
    assert a.value == b.value == {"a": 1, "z": 2}
    b.delete("z")
    a.merge(b)
    assert a.value == {"a": 1}


@pytest.mark.parametrize("change", ["put", "delete", "update"])
def test_a_clock_that_nobody_could_follow_is_refused_before_anything_changes(change: str) -> None:
    wall = [1000]
    a = LWWMap("a", clock=HybridClock(lambda: wall[0]))
    a["k"] = 1
    before = a.to_bytes()
    wall[0] = MAX_WALL + 1
    arguments: dict[str, tuple[Any, ...]] = {
        "put": ("k", 2),
        "delete": ("k",),
        "update": ({"x": 1},),
    }
    with pytest.raises(OutOfRange):
        getattr(a, change)(*arguments[change])
    assert a.to_bytes() == before
    wall[0] = 1000  # the clock was set
    a["k"] = 2
    assert a.value == {"k": 2}


@pytest.mark.parametrize("ahead", [10**9, 3600 * 10**9, MAX_WALL - 1000])
def test_a_local_write_after_a_merge_is_later_whatever_the_clocks(ahead: int) -> None:
    a, b = make("a", 1000), make("b", 1000 + ahead)
    b["k"] = "future"
    a.merge(b)
    a["k"] = "now"
    b.merge(a)
    assert a["k"] == b["k"] == "now"
    b["k"] = "again"
    a.merge(b)
    assert a["k"] == "again"


def test_clocks_that_jump_back_keep_the_order_of_writes() -> None:
    wall = [10**18]
    a = LWWMap("a", clock=HybridClock(lambda: wall[0]))
    b = make("b", 10**18)
    for number in range(5):
        b.merge(a.put("k", number))
        assert b["k"] == number
        wall[0] -= 10**15


def test_values_are_detached() -> None:
    a, mine = make("a"), {"list": [1]}
    a["k"] = mine
    mine["list"].append(2)
    a["k"]["list"].append(3)
    a.value["k"]["list"].append(4)
    next(iter(a.values()))["list"].append(5)
    next(a.range())[1]["list"].append(6)
    assert a["k"] == {"list": [1]}


def test_values_keep_their_type() -> None:
    a = make("a")
    a.update({"nan": math.nan, "zero": -0.0, "one": True, "tuple": (1, 2)})
    b = LWWMap.from_bytes(a.to_bytes(), "b")
    assert repr(b.value) == "{'nan': nan, 'one': True, 'tuple': [1, 2], 'zero': -0.0}"
    assert a == b


@pytest.mark.parametrize("key", [None, 1, ("a",), "\ud800", "x" * 2000])
def test_what_is_no_key_is_refused_and_is_not_in_it(key: Any) -> None:
    a = make("a")
    with pytest.raises((TypeError, ValueError)):
        a[key] = 1
    assert key not in a
    assert a.get(key) is None
    assert a == make("b")


def test_a_value_that_cannot_be_carried_changes_nothing() -> None:
    a = make("a")
    a["k"] = 1
    before = a.to_bytes()
    bad: list[Any] = [{1}, object(), 2**64, -(2**63) - 1, {1: 1}, "\ud800", ["\ud800"], "x" * 2**20]
    for value in bad:
        with pytest.raises((TypeError, ValueError)):
            a.put("k", value)
        with pytest.raises((TypeError, ValueError)):
            a.update({"a": 1, "k": value})
    assert a.to_bytes() == before


def test_it_reads_like_a_dict() -> None:
    a = make("a")
    a.update({"b": 2, "a": 1, b"a": 3})
    assert list(a) == ["a", "b", b"a"]
    assert list(a.keys()) == list(a)
    assert list(a.values()) == [1, 2, 3]
    assert dict(a) == a.value == {**a} == {"a": 1, "b": 2, b"a": 3}
    assert a.get("x", "default") == "default"
    assert repr(a) == "LWWMap({'a': 1, 'b': 2, b'a': 3})"
    for absent in ("x", b"b", 1, None, "\ud800"):
        with pytest.raises(KeyError):
            a[absent]  # type: ignore[index]
    with pytest.raises(KeyError):
        del a["x"]
    assert bool(a) is True


@given(
    st.dictionaries(keys, st.integers(0, 9), max_size=8),
    st.sets(keys),
    st.none() | keys,
    st.none() | keys,
)
def test_ranges_and_prefixes_are_slices_of_the_order(
    entries: dict[Any, int], deleted: set[Any], start: Any, stop: Any
) -> None:
    def order(key: str | bytes) -> tuple[bool, Any]:
        return (type(key) is bytes, key)

    a = make("a")
    a.update(entries)
    for key in deleted & entries.keys():
        a.delete(key)
    left = [(k, v) for k, v in entries.items() if k not in deleted]
    left.sort(key=lambda item: order(item[0]))
    assert list(a.items()) == left
    assert list(a) == [key for key, _ in left]
    assert len(a) == len(left)
    assert list(a.range(start, stop)) == [
        (key, value)
        for key, value in left
        if (start is None or order(key) >= order(start))
        and (stop is None or order(key) < order(stop))
    ]
    prefix = start if start is not None else ""
    assert list(a.prefix(prefix)) == [
        (key, value)
        for key, value in left
        if type(key) is type(prefix) and key[: len(prefix)] == prefix
    ]


def test_it_may_change_while_it_is_walked_through() -> None:
    a = make("a")
    a.update({"a": 1, "b": 2})
    for key in a:
        a.delete(key)
        a.put(key * 2, 0)
    assert list(a) == ["aa", "bb"]
