"""A map of values: made when they are first changed, to any depth, and deleted by what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import (
    CrdtError,
    Delta,
    EWFlag,
    HybridClock,
    LWWRegister,
    MVRegister,
    ORMap,
    ORSet,
    PNCounter,
)

ACCESSORS = ["counter", "set", "map", "register", "mvregister", "flag"]

FIRST: dict[str, tuple[Any, ...]] = {
    "counter": ("increment", 3),
    "set": ("add", "x"),
    "register": ("set", "x"),
    "mvregister": ("set", "x"),
    "flag": ("enable",),
}
VALUES = {"counter": 3, "set": {"x"}, "register": "x", "mvregister": ["x"], "flag": True}

every_leaf = pytest.mark.parametrize("accessor", FIRST)


def make(name: str = "a") -> ORMap:
    return ORMap(name, clock=HybridClock(lambda: 1000))


def put(mapping: ORMap, accessor: str, key: str | bytes = "k") -> Delta:
    method, *arguments = FIRST[accessor]
    delta = getattr(getattr(mapping, accessor)(key), method)(*arguments)
    assert isinstance(delta, Delta)
    return delta


def full() -> ORMap:
    """One of each, alone and three maps deep."""
    mapping = make()
    for accessor in FIRST:
        put(mapping, accessor, accessor)
        put(mapping.map("m").map("m").map("m"), accessor, accessor)
    return mapping


def test_the_accessors_give_the_types_that_stand_alone() -> None:
    a = make()
    views = [getattr(a, accessor)(accessor) for accessor in ACCESSORS]
    assert [type(view) for view in views] == [
        PNCounter, ORSet, ORMap, LWWRegister, MVRegister, EWFlag
    ]  # fmt: skip
    assert (len(a), list(a), a.value, repr(a)) == (0, [], {}, "ORMap({})")


def test_a_key_is_there_while_a_leaf_below_it_is() -> None:
    a = full()
    assert list(a) == sorted([*FIRST, "m"])
    assert len(a) == 6
    assert a.value == {**VALUES, "m": {"m": {"m": VALUES}}}
    inner = a.map("m").map("m").map("m")
    for accessor in FIRST:
        del inner[accessor]
        del a[accessor]
        assert accessor not in a
        assert accessor not in inner
    assert a.value == {}
    assert len(a) == 0
    assert "m" not in a


def test_what_empties_itself_is_gone_too() -> None:
    a = make()
    for accessor, undo in [("counter", "reset"), ("set", "clear"), ("flag", "disable")]:
        put(a, accessor, accessor)
        assert accessor in a
        getattr(getattr(a, accessor)(accessor), undo)()
        assert accessor not in a
    assert a.value == {}


def test_a_counter_that_comes_back_to_zero_is_there() -> None:
    a = make()
    a.counter("k").increment(2)
    a.counter("k").decrement(2)
    assert a.value == {"k": 0}


def test_a_view_is_live() -> None:
    a = make()
    view, b = a.map("m").set("s"), make("b")
    b.merge(a.map("m").set("s").add(1))
    assert view.value == {1}
    a.merge(b.map("m").set("s").add(2))
    assert sorted(view) == [1, 2]
    assert (len(view), 2 in view) == (2, True)
    a.delete("m")
    assert view.value == frozenset()
    view.add(3)
    assert a.value == {"m": {"s": {3}}}


def test_a_change_of_something_within_is_a_delta_of_the_whole() -> None:
    a, b = full(), make("b")
    for accessor in FIRST:
        other = make(f"the one with a {accessor}")
        delta = put(other.map("m").map("n"), accessor)
        assert b.merge(Delta.from_bytes(delta.to_bytes()))
        assert b.value["m"]["n"] == {"k": VALUES[accessor]}
        b.delete("m")
    assert b.merge(a)
    assert b.value == a.value


@every_leaf
def test_a_delete_takes_what_it_has_seen_at_every_depth(accessor: str) -> None:
    a = make()
    put(a, accessor)
    put(a.map("m"), accessor)
    put(a.map("m").map("m"), accessor)
    b = a.fork("b")
    assert b.merge(Delta.from_bytes(a.delete("m").to_bytes()))
    assert a.value == b.value == {"k": VALUES[accessor]}
    b.delete("k")
    a.merge(b)
    assert a.value == {}
    assert a == b


@every_leaf
def test_a_concurrent_update_survives_with_just_its_own_part(accessor: str) -> None:
    a = make()
    put(a.map("m"), accessor, "old")
    put(a.map("m"), accessor, "k")
    b = a.fork("b", clock=HybridClock(lambda: 1000))
    deleted, again = a.delete("m"), put(b.map("m"), accessor, "k")
    for order in ([deleted, again], [again, deleted]):
        late = make("late")
        for delta in order:
            late.merge(delta)
        assert late.value == {"m": {"k": VALUES[accessor]}}
    a.merge(b)
    b.merge(a)
    assert a.value == b.value == {"m": {"k": VALUES[accessor]}}


def test_a_delete_of_what_is_not_there_is_a_key_error() -> None:
    a = full()
    before = a.to_bytes()
    for absent in ("nothing", b"m", "", b""):
        with pytest.raises(KeyError):
            a.delete(absent)
        with pytest.raises(KeyError):
            del a.map("m")[absent]
    assert a.to_bytes() == before
    a.delete("m")
    with pytest.raises(KeyError, match="m"):
        a.delete("m")


@pytest.mark.parametrize("accessor", ACCESSORS)
@pytest.mark.parametrize("there", ACCESSORS)
def test_a_key_has_one_type_here(there: str, accessor: str) -> None:
    a = make()
    at = a.map("outer")
    if there == "map":
        put(at.map("k"), "flag")
    else:
        put(at, there)
    before = a.to_bytes()
    if accessor != there:
        with pytest.raises(CrdtError, match="'k' is a "):
            getattr(at, accessor)("k")
        assert a.to_bytes() == before
        del at["k"]
    getattr(at, accessor)("k")
    assert a.value in ({}, {"outer": at.value})


def test_a_view_does_not_write_where_another_type_came_meanwhile() -> None:
    a, b = make(), make("b")
    counter, leaf = a.counter("k"), a.map("k").flag("x")
    b.register("k").set(1)
    a.merge(b)
    before = a.to_bytes()
    with pytest.raises(CrdtError, match="'k' is a "):
        counter.increment()
    with pytest.raises(CrdtError, match="'k' is a "):
        leaf.enable()
    assert a.to_bytes() == before
    a.delete("k")
    counter.increment()
    assert a.value == {"k": 1}


def test_two_replicas_make_a_key_with_two_types() -> None:
    a, b = make(), make("b")
    a.counter("k").increment(2)
    a.map("m").set("s").add(1)
    b.set("k").add("x")
    b.map("m").map("s").flag("f").enable()
    a.merge(b)
    b.merge(a)
    assert a == b
    for mapping in (a, b):
        assert (mapping.counter("k").value, *mapping.set("k")) == (2, "x")
        assert mapping.map("m").set("s").value == {1}
        assert mapping.map("m").map("s").value == {"f": True}
        assert (len(mapping), list(mapping)) == (2, ["k", "m"])
        assert mapping.value["k"] == 2
        with pytest.raises(CrdtError, match=" and a "):
            mapping.register("k")
    a.delete("k")  # both
    assert b.merge(a)
    assert list(b) == ["m"]


@pytest.mark.parametrize("accessor", [*ACCESSORS, "delete"])
@pytest.mark.parametrize(
    ("key", "error"),
    [(None, TypeError), (1, TypeError), (("a",), TypeError), ("\ud800", ValueError),
     ("x" * 2000, ValueError), (b"x" * 2000, ValueError)],
)  # fmt: skip
def test_what_is_no_key_is_refused(accessor: str, key: Any, error: type[Exception]) -> None:
    a = make()
    with pytest.raises(error):
        getattr(a, accessor)(key)
    assert key not in a
    assert a == make("b")


def test_a_path_has_a_limit_and_says_so() -> None:
    at = whole = make()
    for _ in range(16):
        at = at.map("x" * 1000)
    with pytest.raises(ValueError, match="path"):
        at.map("x" * 1000)
    deep = at.flag("f").enable()
    assert Delta.from_bytes(deep.to_bytes()) == deep
    assert ORMap.from_bytes(whole.to_bytes(), "b") == whole


@every_leaf
def test_bad_input_within_changes_nothing(accessor: str) -> None:
    a = full()
    before = a.to_bytes()
    bad: dict[str, list[tuple[str, Any]]] = {
        "counter": [("increment", -1), ("decrement", 1.0), ("increment", 2**64)],
        "set": [("add", {}), ("add", 2**64), ("remove", "absent")],
        "register": [("set", object()), ("set", "\ud800")],
        "mvregister": [("set", object()), ("set", 2**64)],
        "flag": [],
    }
    for at in (a, a.map("m").map("m").map("m")):
        for method, argument in bad[accessor]:
            with pytest.raises((TypeError, ValueError, KeyError)):
                getattr(getattr(at, accessor)(accessor), method)(argument)
    assert a.to_bytes() == before


def test_a_value_within_is_merged_only_through_the_whole() -> None:
    a = full()
    before = a.to_bytes()
    within: list[tuple[Any, Any]] = [
        (a.counter("counter"), PNCounter("b")),
        (a.map("m"), make("b")),
    ]
    for view, alone in within:
        with pytest.raises(CrdtError, match="the whole"):
            view.merge(alone)
        with pytest.raises(CrdtError, match="the whole"):
            view.collect(a.context)
    assert a.to_bytes() == before


def test_what_is_read_is_detached() -> None:
    a = make()
    a.map("m").register("r").set([1])
    value = a.value
    value["m"]["r"].append(2)
    value["m"]["x"] = value["n"] = 3
    a.map("m").register("r").value.append(4)
    assert a.value == {"m": {"r": [1]}}


def test_keys_keep_their_type_and_come_in_order() -> None:
    a = make()
    names: list[str | bytes] = [
        "",
        "\0",
        "\0\xff",
        "a",
        "a\0b",
        "b",
        "ü",
        "\U0001f600",
        b"",
        b"\0",
        b"\0\xff",
        b"\xff",
    ]
    for name in reversed(names):
        a.map(name).map(name).counter(name).increment()
    b = ORMap.from_bytes(a.to_bytes(), "b")
    assert list(b) == list(b.value) == list(a) == names
    for name in names:
        assert list(b.map(name)) == [name]
        assert list(b.map(name).map(name).value) == [name]
    b.delete("\0")
    assert list(b) == [name for name in names if name != "\0"]


@pytest.mark.parametrize(
    ("one", "other"), [("a", "a\0"), ("", "\0\xff"), (b"", b"\0"), ("a", b"a")]
)
def test_a_key_is_not_mistaken_for_one_that_it_begins(one: str | bytes, other: str | bytes) -> None:
    a = make()
    put(a, "counter", other)
    assert one not in a
    with pytest.raises(KeyError):
        a.delete(one)
    put(a, "set", one)
    put(a.map("m"), "set", one)
    put(a.map("m"), "flag", other)
    assert list(a) == sorted([one, other, "m"], key=lambda key: (isinstance(key, bytes), key))
    assert list(a.map("m").value) == [one, other]
    a.delete(one)
    assert a.value == {other: 3, "m": {one: {"x"}, other: True}}


def test_it_may_change_while_it_is_walked_through() -> None:
    a = make()
    for key in "abc":
        a.flag(key).enable()
    for key in map(str, a):
        a.delete(key)
        a.flag(key + key).enable()
    assert list(a) == ["aa", "bb", "cc"]
