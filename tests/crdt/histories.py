"""Random histories of a few replicas of one value, played on the real types and on a reference."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from crdt import Delta
from tests.crdt.laws import REPLICAS, Change, Subject, change

Step = tuple[Any, ...]
History = list[Step]

names = st.sampled_from(REPLICAS)


def histories(subject: Subject, size: int = 24) -> st.SearchStrategy[History]:
    """Changes, deltas that arrive anywhere in any order and number, and merges of whole states."""
    step = st.one_of(
        st.tuples(st.just("change"), names, subject.changes),
        st.tuples(st.just("change"), names, subject.changes),
        st.tuples(st.just("deliver"), names, st.integers(0, 63)),
        st.tuples(st.just("merge"), names, names),
    )
    return st.lists(step, min_size=size // 2, max_size=size)


class World:
    """The replicas of one value and everything they ever said."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.values: dict[str, Any] = {name: subject.new(name) for name in REPLICAS}
        self.reference = subject.reference()
        self.deltas: list[tuple[Delta, Any]] = []

    def play(self, history: History, *, checked: bool = False) -> World:
        for step in history:
            self._step(*step)
            if checked:
                self.check(step[1])
        return self

    def _step(self, kind: str, name: str, what: Any) -> None:
        value = self.values[name]
        if kind == "change":
            self.change(name, what)
        elif kind == "merge":
            self.merge(name, what)
        elif self.deltas:
            delta, event = self.deltas[what % len(self.deltas)]
            value.merge(delta)
            self.reference.deliver(name, event)

    def change(self, name: str, what: Change) -> None:
        """A change here, refused exactly when the reference refuses it."""
        delta = change(self.values[name], what)
        told = self.reference.change(name, what, delta)
        assert (delta is None) is (told is None)
        if delta is not None:
            self.deltas.append((delta, told))

    def merge(self, name: str, other: str) -> None:
        """A whole state arrives here."""
        self.values[name].merge(self.values[other])
        self.reference.merge(name, other)

    def check(self, name: str) -> None:
        value = self.values[name]
        value._kernel.check()
        assert self.subject.shown(value) == self.reference.shown(name)

    def parts(self) -> list[Any]:
        """All that can be merged: states and deltas."""
        return [*self.values.values(), *(delta for delta, _ in self.deltas)]

    def settle(self) -> None:
        """Whole states go round until everybody has met everybody."""
        for _ in range(2):
            for name in self.values:
                for other in self.values:
                    self.merge(name, other)
