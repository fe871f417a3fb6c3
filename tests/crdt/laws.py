"""Every replicated type, one line each: what changes it, how it shows, and what it ought to mean.

A type that is registered here is held to all laws of `test_replicated.py`, to the naive reference
of `reference.py`, to the machine of `test_machine.py` and to the decoder's promises of
`test_codec.py`. A change is plain data, so that a failing history can be read: a method's name and
its arguments, or for a value within maps several such calls, one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from crdt import (
    BoundedCounter,
    CrdtError,
    Delta,
    EWFlag,
    GCounter,
    HybridClock,
    LWWMap,
    LWWRegister,
    MVRegister,
    ORMap,
    ORSet,
    PNCounter,
    Replicated,
)
from tests.crdt import reference as means

Change = tuple[Any, ...]

# Few of each, so that replicas meet; and the pairs that Python holds equal but that differ.
ELEMENTS = [1, 1.0, True, 0.0, -0.0, math.nan, None, "", "ü", "\0", b"", b"\0\xff", (1, ("a",))]
KEYS = ["", "a", "a\0", "ü", "\U0001f600", b"", b"a", b"\0\xff"]
SCALARS = [None, False, -(2**63), 2**64 - 1, math.nan, -0.0, math.inf, "ü", b"\xff"]
REPLICAS = ["a", "b", "ü"]

elements = st.sampled_from(ELEMENTS[:2]) | st.sampled_from(ELEMENTS)
keys = st.sampled_from(["a", "a\0"]) | st.sampled_from(KEYS)
values = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=4,
)
amounts = st.sampled_from([0, 1, 2, 1000, 2**40])
few = st.integers(1, 5)

growing_changes = st.tuples(st.just("increment"), amounts)
counter_changes = st.one_of(
    st.tuples(st.sampled_from(["increment", "decrement"]), amounts), st.just(("reset",))
)
bounded_changes = st.one_of(
    st.tuples(st.sampled_from(["increment", "decrement", "decrement"]), few),
    st.tuples(st.just("transfer"), few, st.sampled_from([*REPLICAS, "nobody"])),
)
flag_changes = st.sampled_from([("enable",), ("disable",)])
register_changes = st.tuples(st.just("set"), values)
set_changes = st.one_of(
    st.tuples(st.sampled_from(["add", "add", "discard", "remove"]), elements), st.just(("clear",))
)
map_changes = st.one_of(
    st.tuples(st.just("put"), keys, values),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("update"), st.dictionaries(keys, values, max_size=3)),
)

# What Python can compare, so that the plain value of a whole map can be compared, too.
plain = st.sampled_from([None, 1, "ü", b"\xff", [1, {"a": b""}]])
distinct = st.sampled_from(["x", b"x", 2, (1, "a")])
WITHIN = {
    "counter": counter_changes,
    "set": st.tuples(st.sampled_from(["add", "discard"]), distinct) | st.just(("clear",)),
    "register": st.tuples(st.just("set"), plain),
    "mvregister": st.tuples(st.just("set"), plain),
    "flag": flag_changes,
}


@st.composite
def nested_changes(draw: st.DrawFn) -> Change:
    """A change below up to three maps: of a leaf, or that a key is deleted.

    Most names are used with one type, so that few changes are refused, and some with all.
    """
    maps = [("map", name) for name in draw(st.lists(_names("map"), max_size=3))]
    accessor = draw(st.sampled_from([*WITHIN, "counter", "delete", "delete"]))
    if accessor == "delete":
        kind = draw(st.sampled_from(["map", "map", *WITHIN]))
        return (*maps, ("delete", draw(_names(kind))))
    return (*maps, (accessor, draw(_names(accessor))), draw(WITHIN[accessor]))


def _names(accessor: str) -> st.SearchStrategy[str | bytes]:
    return st.sampled_from([accessor] * 6 + [f"{accessor}\0", "a", b"a"])


def show_map(mapping: ORMap) -> Any:
    """What every accessor finds under every key, and that the plain value says the same."""
    shown, expected = [], {}
    for key in mapping:
        found = {name: view for name in means.ACCESSORS if (view := _opened(mapping, name, key))}
        first, *_ = found.values()
        expected[key] = first[0].value
        shown.append((repr(key), {name: SHOWN[name](*view) for name, view in found.items()}))
    assert readable(mapping.value) == readable(expected)
    assert list(mapping.value) == list(mapping)
    assert len(mapping) == len(expected)
    return shown


def _opened(mapping: ORMap, accessor: str, key: str | bytes) -> tuple[Any] | None:
    """What is there, in a tuple because an empty map is false; None when it is of another type."""
    try:
        return (getattr(mapping, accessor)(key),)
    except CrdtError:
        return None


def readable(value: Any) -> Any:
    """A plain value in which 1, 1.0 and True differ, NaN equals itself and sets have an order."""
    if isinstance(value, dict):
        return [(key, readable(item)) for key, item in value.items()]
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)


def show_value(value: Replicated) -> Any:
    return repr(value.value)


def show_set(elements: ORSet) -> Any:
    assert len(elements) == len(list(elements))
    return {repr(element) for element in elements}


def show_bounded(counter: BoundedCounter) -> Any:
    assert counter.value >= counter.rights >= 0
    return counter.value, counter.rights


SHOWN: dict[str, Callable[[Any], Any]] = {
    "counter": show_value,
    "set": show_set,
    "map": show_map,
    "register": show_value,
    "mvregister": show_value,
    "flag": show_value,
}


@dataclass(frozen=True)
class Subject:
    """One line of the registry."""

    type: type[Replicated]
    changes: st.SearchStrategy[Change]
    sample: Change
    """A change that changes an empty value."""
    shown: Callable[[Any], Any]
    """What a reader sees, in a form in which 1, 1.0 and True differ and NaN equals itself."""
    meaning: means.Meaning

    def __repr__(self) -> str:
        return self.type.__name__

    def reference(self) -> means.Reference:
        """Nothing has happened yet."""
        return means.Reference(self.meaning)

    def new(self, replica: str) -> Any:
        """An empty value whose clock stands still: equal time stamps are the rule."""
        return self.type(replica, clock=HybridClock(lambda: 1000))


_nested = (("map", "a"), ("map", "a"), ("map", "a"), ("counter", "a"), ("increment",))

SUBJECTS = [
    Subject(GCounter, growing_changes, ("increment",), show_value, means.Counter()),
    Subject(PNCounter, counter_changes, ("increment",), show_value, means.Counter()),
    Subject(BoundedCounter, bounded_changes, ("increment",), show_bounded, means.Bounded()),
    Subject(EWFlag, flag_changes, ("enable",), show_value, means.Flag()),
    Subject(LWWRegister, register_changes, ("set", 1), show_value, means.Register()),
    Subject(MVRegister, register_changes, ("set", 1), show_value, means.MultiRegister()),
    Subject(ORSet, set_changes, ("add", 1), show_set, means.Set()),
    Subject(LWWMap, map_changes, ("put", "k", 1), show_value, means.LastMap()),
    Subject(ORMap, nested_changes(), _nested, show_map, means.Nested()),
]


def change(value: Any, what: Change) -> Delta | None:
    """Make a change; None when it is refused: nothing there to delete, no rights, another type."""
    *path, (method, *arguments) = what if isinstance(what[0], tuple) else (what,)
    try:
        for accessor, name in path:
            value = getattr(value, accessor)(name)
        delta = getattr(value, method)(*arguments)
    except (KeyError, CrdtError):
        return None
    assert isinstance(delta, Delta)
    return delta


def still(now: int = 1000) -> HybridClock:
    return HybridClock(lambda: now)


def agree(*values: Any) -> Any:
    """All hear of all; the one value that they then show."""
    for _ in range(2):
        for value in values:
            for other in values:
                value.merge(other)
    assert len({value.to_bytes() for value in values}) == 1
    return values[0].value
