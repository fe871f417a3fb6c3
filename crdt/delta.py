"""A change, on its way to other replicas."""

from __future__ import annotations

from .codec import decode, encode, encode_write
from .errors import CrdtError
from .fragment import Event, Fragment, Mark, join_fragments
from .schema import TYPES

PARTS = 64
"""Joined changes are put in normal form when they are more than this, and than the leaves of any:
then that costs each of them little.
"""


class Delta:
    """A small state that carries a change: to be merged anywhere, any number of times, in any
    order.

    It tells all that its author had seen when it was made, so that it can be merged before the
    changes that it follows, or without them. That costs some twenty bytes per replica that ever
    wrote.
    """

    __slots__ = ("_event", "_key", "_parts", "kind")

    def __init__(
        self,
        kind: int,
        parts: tuple[Fragment, ...],
        key: bytes = b"",
        event: Event | None = None,
    ) -> None:
        """What `parts` say one after the other; or one event about a key, of which the fragment is
        put together when somebody asks.
        """
        self.kind = kind
        self._parts = parts
        self._key = key
        self._event = event

    @property
    def parts(self) -> tuple[Fragment, ...]:
        """What it says, to be joined one by one."""
        if self._event is not None:
            key, (entry, counter, base) = self._key, self._event
            known = base.context.copy()
            known.add_span(base.replica, min(known.last(base.replica) + 1, counter), counter)
            marks = {} if entry else {key: Mark(((base.replica, counter, counter),))}
            self._parts = (Fragment({key: entry} if entry else {}, known, marks),)
            self._event = None
        return self._parts

    @property
    def type_name(self) -> str:
        """The name of the type that this is a delta of."""
        name: str = TYPES[self.kind].NAME
        return name

    def join(self, other: Delta) -> Delta:
        """Both changes as one. `CrdtError` for a delta of another type."""
        if type(other) is not Delta or other.kind != self.kind:
            raise CrdtError(f"only another delta of {self.type_name} can be joined to this one")
        parts = self.parts + other.parts
        if len(parts) > PARTS and len(parts) > max(map(_leaves, parts)):
            parts = (join_fragments(parts),)
        return Delta(self.kind, parts)

    def fragment(self) -> Fragment:
        """What it says, as one, in the one form for it."""
        if len(self.parts) != 1:
            self._parts = (join_fragments(self._parts),)
        return self.parts[0]

    def to_bytes(self) -> bytes:
        """The delta as bytes; equal deltas give equal bytes."""
        if self._event is not None and self._event[0]:
            return encode_write(self.kind, self._key, self._event)
        return encode(self.kind, self.fragment())

    @staticmethod
    def from_bytes(data: bytes) -> Delta:
        """The delta behind `to_bytes`. `CrdtError` for anything else."""
        kind, fragment = decode(data, TYPES)
        if fragment.complete:
            raise CrdtError("these bytes hold a whole state, not a delta")
        return Delta(kind, (fragment,))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Delta) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # two ways to put it together may be equal

    def __repr__(self) -> str:
        return f"<Delta of {self.type_name}, {sum(1 for _ in self.fragment().leaves())} leaves>"


def _leaves(fragment: Fragment) -> int:
    return len(fragment.entries) + len(fragment.marks)
