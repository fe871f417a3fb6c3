"""Values inside values: a path names one, and says of what type it is.

A map of values, and a store, keep under one kernel what belongs to many names. A leaf's key there
is a path of steps, each the closed name and one byte for the type, and then the leaf's own key
within the value that the steps lead to:

    name type (name type …) leaf

All that belongs to a value is what begins with the steps to it: its *section*. One name has one
type, unless two replicas made it with two at once; then there are two sections side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .errors import CrdtError
from .keys import after_prefix, close, decode_key, encode_key, split
from .order import KeyOrder
from .schema import TYPES, Kind

MAX_PATH_BYTES = 16 * 1024
"""The longest section; chosen by us: thousands of steps, in a few datagrams."""


class Step(NamedTuple):
    """One step of a path."""

    name: bytes
    """The encoded name."""
    kind: Kind
    end: int
    """Where in the path the next step, or the leaf's own key, begins."""


def section(prefix: bytes, name: str | bytes, kind: Kind) -> bytes:
    """What the keys of a value begin with. `TypeError` or `ValueError` for what is no name."""
    path = prefix + close(encode_key(name)) + bytes([kind.KIND])
    if len(path) > MAX_PATH_BYTES:
        raise ValueError(f"a path of {len(path)} bytes is longer than {MAX_PATH_BYTES}")
    return path


def walk(path: bytes, types: Mapping[int, Kind]) -> Iterator[Step]:
    """The steps of a path, the first to one of these types; `CrdtError` when it is malformed."""
    end = 0
    while types and end < len(path):
        name, after = split(path, end)
        kind = types.get(path[after]) if after < len(path) else None
        if kind is None or after >= MAX_PATH_BYTES:
            raise CrdtError("malformed path")
        end = after + 1
        yield Step(name, kind, end)
        types = kind.INSIDE


def leaf_type(path: bytes, types: Mapping[int, Kind]) -> Kind:
    """The type of the value that a sound path leads to."""
    *_, step = walk(path, types)
    return step.kind


def check(path: bytes, types: Mapping[int, Kind]) -> Kind:
    """The type of the leaf under a path from a stranger; `CrdtError` when it is malformed."""
    step = None
    for step in walk(path, types):
        decode_key(step.name)
    if step is None or step.kind.INSIDE:
        raise CrdtError("malformed path: it leads to no leaf")
    return step.kind.check_key(path[step.end :])


def claim(order: KeyOrder, path: bytes, types: Mapping[int, Kind]) -> None:
    """See that every name on the way is of the type that the path says, or of none yet;
    `CrdtError` when another type is there.
    """
    for name, kind, end in walk(path, types):
        named = path[: end - 1]
        if not order.count(path[:end]) and order.count(named):
            found = " and a ".join(there.NAME for there in kinds(order, named))
            raise CrdtError(f"{decode_key(name)!r} is a {found}, not a {kind.NAME}")


def kinds(order: KeyOrder, named: bytes) -> Iterator[Kind]:
    """The types that are there under a name, whose path ends before the type."""
    for number in sorted(TYPES):
        if order.count(named + bytes([number])):
            yield TYPES[number]


def names(order: KeyOrder, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The names whose paths begin with `prefix` and `start`, in order: each with the path to it,
    short of the type. A name comes once, however many types it has.
    """
    at: bytes | None = prefix + start
    while at is not None:
        key = order.first(at, prefix + start)
        if key is None:
            return
        name, end = split(key, len(prefix))
        yield name, key[:end]
        at = after_prefix(key[:end])
