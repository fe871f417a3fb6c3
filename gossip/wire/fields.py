"""The fields of messages: each is validated before anything behind the codec sees it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gossip.member import is_name

U32 = 2**32 - 1
U64 = 2**64 - 1

HOSTS = 16384
"""How many names, hosts and claims are kept converted: about twice as many as there can be members.
"""

Field = Callable[[Any], Any]
"""Validates one field and gives it back in its type; raises `ValueError` when it is not."""


def integer(limit: int, least: int = 0) -> Field:
    """A whole number in these bounds; true and false are none."""

    def field(value: Any) -> int:
        if type(value) is not int or not least <= value <= limit:
            raise ValueError
        return value

    return field


u64 = integer(U64)


def blob(value: Any) -> bytes:
    """Bytes."""
    if type(value) is not bytes:
        raise ValueError
    return value


def blob_of(size: int) -> Field:
    """Exactly so many bytes."""

    def field(value: Any) -> bytes:
        if type(value) is not bytes or len(value) != size:
            raise ValueError
        return value

    return field


def name(value: Any) -> str:
    """The name of a member."""
    if type(value) is not str or not names_somebody(value):
        raise ValueError
    return value


names_somebody = lru_cache(HOSTS)(is_name)


def tuple_of(item: Field, limit: int) -> Field:
    """At most so many of these."""

    def field(value: Any) -> tuple[Any, ...]:
        if type(value) is not tuple or len(value) > limit:
            raise ValueError
        return tuple([item(part) for part in value])

    return field


def pair(value: Any) -> tuple[str, str]:
    """A tag."""
    if type(value) is not tuple or tuple(map(type, value)) != (str, str):
        raise ValueError
    return value[0], value[1]
