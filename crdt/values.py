"""What can be stored: plain data, copied in and copied out, with one encoding for equal values.

A value is anything msgpack carries: None, bool, int from -2**63 to 2**64-1, float, str, bytes,
list, and dict with str or bytes keys. Inside it is held *normalised* (tuples as lists, dict keys in
order), so equal values have equal bytes; it belongs to the replica alone, so a caller who goes on
changing his list changes nothing here.
"""

from __future__ import annotations

from typing import Any

import msgpack

from .errors import CrdtError

Value = Any
"""Plain data; see the module's docstring for what exactly."""

MAX_VALUE_BYTES = 256 * 1024
"""The largest encoded value; chosen by us: it travels in a few hundred datagrams."""

MAX_ELEMENT_BYTES = 1024
"""The largest set element, encoded: elements are keys."""

MAX_DEPTH = 64
"""How deep lists and dicts may nest; fixed by the contract."""

DELETED = msgpack.ExtType(0, b"")
"""What stands for a value that was deleted, just this one object; no user can store it."""

REMOVED = msgpack.ExtType(1, b"")
"""What stands in a store for a removal that is the last word on its key; just this one object."""

SCALARS = frozenset((type(None), bool, int, float, str, bytes))
"""The types of values that need no copy, and are normal as they are."""

TEXTS = frozenset((str, bytes))

SMALL_TEXT = MAX_VALUE_BYTES // 4
"""A text with fewer characters cannot be too large, however they are encoded."""

_SMALL = frozenset((type(None), bool, float))
_CONTAINERS = (list, dict)

_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1


def normalise(value: Value) -> Value:
    """A detached copy of `value` in its one form. `TypeError` for a type, `ValueError` for a size
    or depth.
    """
    if type(value) is str and value.isascii() and len(value) <= MAX_VALUE_BYTES:
        return value
    normal = _Copy("a value", MAX_VALUE_BYTES).of(value, MAX_DEPTH)
    if type(normal) in _CONTAINERS and len(pack(normal)) > MAX_VALUE_BYTES:
        raise ValueError(f"a value of {len(pack(normal))} bytes is larger than {MAX_VALUE_BYTES}")
    return normal


class _Copy:
    """A walk through a value, that stops where it becomes too large to be carried.

    What is in it takes a byte at least, so a list that holds itself, or the same list a million
    times over, ends soon, too.
    """

    __slots__ = ("_left", "_limit", "_what")

    def __init__(self, what: str, limit: int) -> None:
        self._what = what
        self._limit = self._left = limit

    def of(self, value: Value, depth: int) -> Value:
        """The copy of what may have so many levels below it."""
        kind = type(value)
        self._take(1)
        if kind in _SMALL:
            return value
        if kind is int:
            if not _MIN_INT <= value <= _MAX_INT:
                raise ValueError("an integer outside -2**63..2**64-1 cannot be carried")
            return value
        if kind is str or kind is bytes:
            self._take((len(value) if kind is bytes else len(value.encode())) - 1)
            return value
        if kind not in (list, tuple, dict):
            raise TypeError(f"{self._what} of type {kind.__name__} cannot be carried: plain data")
        if depth == 0:
            raise ValueError(
                f"{self._what} nested deeper than {MAX_DEPTH} levels cannot be carried"
            )
        if kind is dict:
            if self._limit == MAX_ELEMENT_BYTES:
                raise TypeError("a dict cannot be an element of a set")
            return {key: self.of(value[key], depth - 1) for key in _in_order(value)}
        return [self.of(item, depth - 1) for item in value]

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError(f"{self._what} is larger than {self._limit} bytes")


def _in_order(mapping: dict[Any, Any]) -> list[str | bytes]:
    for key in mapping:
        if type(key) is not str and type(key) is not bytes:
            raise TypeError(f"a dict key is str or bytes, not {type(key).__name__}")
        if type(key) is str:
            key.encode()  # a lone surrogate is a ValueError here, not later on the wire
    return sorted(mapping, key=lambda key: (type(key) is bytes, key))


def check_value(value: Value) -> Value:
    """A value from a stranger, normalised; `CrdtError` when it cannot be one."""
    try:
        return normalise(value)
    except (TypeError, ValueError) as error:
        raise CrdtError(f"malformed value: {error}") from None


def detached(value: Value) -> Value:
    """A copy for a reader, who may do with it as he likes."""
    if type(value) is list:
        return [detached(item) for item in value]
    if type(value) is dict:
        return {key: detached(item) for key, item in value.items()}
    return value


def pack(value: Value) -> bytes:
    """The bytes of a normalised value; equal values give equal bytes."""
    data: bytes = msgpack.packb(value)
    return data


def unpack(data: bytes, *, tuples: bool = False) -> Value:
    """Plain data from bytes of unknown origin; `CrdtError` for anything malformed. Lengths are
    bounded by `data`.
    """
    try:
        return msgpack.unpackb(data, use_list=not tuples, strict_map_key=True, ext_hook=_extension)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise CrdtError(f"malformed bytes: {type(error).__name__}") from None


def _extension(code: int, data: bytes) -> Value:
    for known in (DELETED, REMOVED):
        if (code, data) == known:
            return known
    raise ValueError("an extension of msgpack that has no meaning here")


def element_to_key(element: Value) -> bytes:
    """The key of a set element: its encoding, so that `1`, `1.0` and `True` are three elements."""
    data = pack(_Copy("an element", MAX_ELEMENT_BYTES).of(element, MAX_DEPTH))
    if len(data) > MAX_ELEMENT_BYTES:
        raise ValueError(f"an element of {len(data)} bytes is larger than {MAX_ELEMENT_BYTES}")
    return data


def key_to_element(key: bytes) -> Value:
    """The element behind `element_to_key`'s bytes."""
    return unpack(key, tuples=True)


def check_element(key: bytes) -> None:
    """`CrdtError` when bytes from a stranger are no element in its canonical form."""
    try:
        canonical = element_to_key(unpack(key, tuples=True)) == key
    except (TypeError, ValueError):
        canonical = False
    if not canonical:
        raise CrdtError("malformed set element")
