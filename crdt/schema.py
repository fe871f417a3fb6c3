"""What kernel, codec and paths ask of a type, without knowing any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from .fragment import Entry, Payload


class Schema(Protocol):
    """What keys and payloads mean: those of one value, or of a store of many."""

    @property
    def INSIDE(self) -> Mapping[int, Kind]:  # noqa: N802  # a constant of the types
        """The types that a path's first step can lead to; none when keys are no paths."""

    def leaf_type(self, key: bytes) -> Kind:
        """The type of the leaf under a sound key."""

    def check_key(self, key: bytes) -> Kind:
        """The type of the leaf under a key from a stranger; `CrdtError` when there is none."""

    def checked(
        self, keys: Sequence[bytes], stamps: Sequence[int], payloads: Sequence[Payload]
    ) -> Sequence[Payload]:
        """The payloads, normalised, of writes from a stranger, each under its key and with its
        stamp; `CrdtError` when anything of it is malformed.
        """


class Kind(Schema, Protocol):
    """A replicated type, as a class."""

    @property
    def KIND(self) -> int:  # noqa: N802
        """The number that stands for it in bytes."""

    @property
    def NAME(self) -> str:  # noqa: N802
        """What it is called when something is said about it."""

    def shows(self, entry: Entry) -> bool:
        """Whether a reader can see anything of what lives under a key."""

    def taken_back(self, entry: Entry) -> Payload | None:
        """What has to be remembered in place of a leaf that is removed; None for nothing."""

    def check_stamp(self, stamp: int) -> None:
        """`CrdtError` for a stamp that no write of this type carries."""

    def check_payload(self, payload: Payload) -> Payload:
        """One payload from a stranger, normalised; `CrdtError` when it is malformed."""


TYPES: dict[int, Any] = {}
"""Every replicated type (a `Kind`, and a class) by its number; a type enters by being defined."""


def check_writes(
    schema: Schema, keys: Sequence[bytes], stamps: Sequence[int], payloads: Sequence[Payload]
) -> list[Payload]:
    """`Schema.checked`, one by one."""
    normal = []
    for key, stamp, payload in zip(keys, stamps, payloads, strict=True):
        leaf = schema.check_key(key)
        leaf.check_stamp(stamp)
        normal.append(leaf.check_payload(payload))
    return normal
