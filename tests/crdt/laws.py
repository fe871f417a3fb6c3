"""Every replicated type, one line each: what changes it, how it shows, and what it ought to mean.

A type that is registered here is held to all laws of `test_replicated.py`, to the naive reference
of `reference.py` and to the decoder's promises of `test_codec.py`. A change is plain data (a
method's name and its arguments), so that a failing history can be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from crdt import Delta, HybridClock, LWWMap, ORSet, PNCounter, Replicated
from tests.crdt.reference import CounterReference, MapReference, Reference, SetReference

Change = tuple[Any, ...]

# Few of each, so that replicas meet; and the pairs that Python holds equal but that differ.
ELEMENTS = [1, 1.0, True, 0.0, -0.0, math.nan, None, "", "ü", "\0", b"", b"\0\xff", (1, ("a",))]
KEYS = ["", "a", "a\0", "ü", "\U0001f600", b"", b"a", b"\0\xff"]
SCALARS = [None, False, -(2**63), 2**64 - 1, math.nan, -0.0, math.inf, "ü", b"\xff"]

elements = st.sampled_from(ELEMENTS)
keys = st.sampled_from(KEYS)
values = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2),
    max_leaves=4,
)
amounts = st.sampled_from([0, 1, 2, 1000, 2**40])

counter_changes = st.one_of(
    st.tuples(st.sampled_from(["increment", "decrement"]), amounts), st.just(("reset",))
)
set_changes = st.one_of(
    st.tuples(st.sampled_from(["add", "add", "discard"]), elements), st.just(("clear",))
)
map_changes = st.one_of(
    st.tuples(st.just("put"), keys, values),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("update"), st.dictionaries(keys, values, max_size=3)),
)


@dataclass(frozen=True)
class Subject:
    """One line of the registry."""

    type: type[Replicated]
    changes: st.SearchStrategy[Change]
    shown: Callable[[Any], Any]
    """What a reader sees, in a form in which 1, 1.0 and True differ and NaN equals itself."""
    reference: Callable[[], Reference]

    def __repr__(self) -> str:
        return self.type.__name__

    def new(self, replica: str) -> Any:
        """An empty value whose clock stands still: equal time stamps are the rule."""
        return self.type(replica, clock=HybridClock(lambda: 1000))


SUBJECTS = [
    Subject(PNCounter, counter_changes, lambda counter: counter.value, CounterReference),
    Subject(ORSet, set_changes, lambda elements: {repr(e) for e in elements}, SetReference),
    Subject(LWWMap, map_changes, lambda mapping: repr(mapping.value), MapReference),
]


def change(value: Any, what: Change) -> Delta | None:
    """Make a change; None when there was nothing to delete."""
    name, *arguments = what
    try:
        delta = getattr(value, name)(*arguments)
    except KeyError:
        return None
    assert isinstance(delta, Delta)
    return delta
