"""What the users of a plan change: a value of any type, by its name, or by a path within a map."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any, NamedTuple, Protocol, TypeVar

from crdt import ORMap, Replicated
from crdt.schema import TYPES

T = TypeVar("T", bound=Replicated)

KINDS: Mapping[str, type[Replicated]] = {kind.NAME: kind for kind in TYPES.values()}
"""Every replicated type, by its name."""

NESTED = frozenset(kind.NAME for kind in ORMap.INSIDE.values())
"""The types that a value within a map can have."""


class Opens(Protocol):
    """Whatever holds named values: a node, or its peer."""

    def open_value(self, name: str, kind: type[T]) -> T:
        """The value called `name`."""


class Place(NamedTuple):
    """Where a value is."""

    kind: str
    name: str
    path: str = ""
    """The keys that lead to it within the map of this name, with a / between them; empty for the
    named value itself."""

    @property
    def words(self) -> str:
        """The name of the value, with its path."""
        return f"{self.name}/{self.path}" if self.path else self.name

    def open(self, holder: Opens) -> Any:
        """The value there, live; `CrdtError` when something else is there."""
        if not self.path:
            return holder.open_value(self.name, KINDS[self.kind])
        *outer, last = self.path.split("/")
        around = holder.open_value(self.name, ORMap)
        for key in outer:
            around = around.map(key)
        return getattr(around, "map" if self.kind == ORMap.NAME else self.kind)(last)

    def holds(self, other: Place, key: str) -> bool:
        """Whether `other` is what this map has under a key, or further down there."""
        below = f"{self.path}/{key}" if self.path else key
        return self.name == other.name and f"{other.path}/".startswith(f"{below}/")


def same(one: Any, other: Any) -> bool:
    """Whether two values of plain data are the same one; `==` says of NaN that it is not itself."""
    if one == other:
        return True
    if isinstance(one, float) and isinstance(other, float):
        return isnan(one) and isnan(other)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return False
