"""What every replicated type has in common, and the deltas they exchange.

A type is a thin facade over a kernel: it decides which key a change goes to and what payload it
carries, and how a reader sees concurrent payloads. It has no merge of its own. A standalone value
owns its kernel; a value of a node is the same facade over the keys of the node's store that start
with a prefix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from .clock import HybridClock
from .codec import PayloadCheck, decode, encode
from .context import CausalContext
from .errors import CrdtError
from .kernel import Entry, Fragment, Kernel, Leaf, Payload

TYPES: dict[int, type[Replicated]] = {}
"""Every replicated type by the number that stands for it in bytes; a type enters by being defined.
"""


class Replicated(ABC):
    """A value that replicas change independently and that merges without conflict.

    `replica` names the one who writes here (non-empty, unique among all who write), `clock` stamps
    the writes.
    """

    KIND: ClassVar[int]
    NAME: ClassVar[str]

    __slots__ = ("_kernel", "_prefix")

    def __init_subclass__(cls) -> None:
        TYPES[cls.KIND] = cls

    def __init__(self, replica: str, *, clock: HybridClock | None = None) -> None:
        self._kernel = Kernel(replica, clock or HybridClock())
        self._prefix = b""

    @classmethod
    def over(cls, kernel: Kernel, prefix: bytes) -> Self:
        """A live view of the keys of `kernel` that start with `prefix`."""
        view = cls.__new__(cls)
        view._kernel = kernel
        view._prefix = prefix
        return view

    @property
    @abstractmethod
    def value(self) -> Any:
        """The plain value, detached."""

    @staticmethod
    @abstractmethod
    def check_key(key: bytes) -> None:
        """`CrdtError` when a key from a stranger is none of this type's."""

    @staticmethod
    @abstractmethod
    def check_payload(payload: Payload) -> Payload:
        """One payload from a stranger, normalised; `CrdtError` when it is malformed."""

    @classmethod
    def check_leaf(cls, key: bytes) -> PayloadCheck:
        """Validates a key from a stranger, and gives what validates its payloads."""
        cls.check_key(key)
        return cls.check_payload

    @property
    def replica(self) -> str:
        """The name under which changes are made here."""
        return self._kernel.replica

    @property
    def clock(self) -> HybridClock:
        """The clock that stamps the changes made here."""
        return self._kernel.clock

    def merge(self, other: Self | Delta) -> bool:
        """Join another value of this type, or a delta of one; True when anything changed.

        `CrdtError` if foreign, and for a value of a node, which its node keeps in step.
        """
        if isinstance(other, Delta):
            if other.kind != self.KIND:
                raise CrdtError(f"a delta of {other.type_name} cannot be merged into {self.NAME}")
            fragment = other.fragment
        elif type(other) is type(self):
            fragment = other._kernel.state(other._prefix)
        else:
            raise CrdtError(f"{type(other).__name__} cannot be merged into {self.NAME}")
        if self._prefix:
            # Its events may be known to the store under another name, or be another value's.
            raise CrdtError("a value of a node hears from other nodes alone: write to it instead")
        self.clock.observe(
            stamp for leaf in fragment.leaves.values() for stamp in self.stamps(leaf.entry)
        )
        return self._kernel.join(fragment)

    @staticmethod
    def stamps(entry: Entry) -> list[int]:  # noqa: ARG004  # most types stamp nothing
        """The time stamps in a leaf, for the clock to see."""
        return []

    def to_bytes(self) -> bytes:
        """The whole state; equal states give equal bytes."""
        return encode(self.KIND, self._kernel.state(self._prefix))

    @classmethod
    def from_bytes(cls, data: bytes, replica: str, *, clock: HybridClock | None = None) -> Self:
        """The value behind `to_bytes`, going on as `replica`. `CrdtError` for anything else."""
        _, fragment = decode(data, {cls.KIND: cls.check_leaf})
        if not fragment.complete:
            raise CrdtError("these bytes hold a delta, not a whole state")
        twin = cls(replica, clock=clock)
        twin.clock.observe(
            stamp for leaf in fragment.leaves.values() for stamp in cls.stamps(leaf.entry)
        )
        twin._kernel.join(fragment)
        return twin

    def fork(self, replica: str, *, clock: HybridClock | None = None) -> Self:
        """A copy that goes on as another replica; without `clock` it shares this one's."""
        twin = type(self)(replica, clock=clock or self.clock)
        twin._kernel.join(self._kernel.state(self._prefix))
        return twin

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()  # not payloads: a NaN differs from itself

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    # For the types.

    def _write(self, payloads: Mapping[bytes, Payload]) -> Delta:
        write, prefix = self._kernel.write, self._prefix
        return Delta(self.KIND, {key: write(prefix + key, new) for key, new in payloads.items()})

    def _remove(self, keys: list[bytes]) -> Delta:
        return Delta(self.KIND, {key: self._kernel.remove(self._prefix + key) for key in keys})

    def _entry(self, key: bytes) -> Entry | None:
        return self._kernel.entries.get(self._prefix + key)

    def _keys(self) -> Iterator[bytes]:
        cut = len(self._prefix)
        return (
            (key[cut:] for key in self._kernel.keys(self._prefix)) if cut else self._kernel.keys()
        )


class Delta:
    """A small state that carries a change: to be merged anywhere, any number of times, in any
    order.
    """

    __slots__ = ("fragment", "kind")

    def __init__(self, kind: int, leaves: dict[bytes, Leaf]) -> None:
        self.kind = kind
        self.fragment = Fragment(leaves)

    @property
    def type_name(self) -> str:
        """The name of the type that this is a delta of."""
        return TYPES[self.kind].NAME

    def join(self, other: Delta) -> Delta:
        """Both changes as one. `CrdtError` for a delta of another type."""
        if type(other) is not Delta or other.kind != self.kind:
            raise CrdtError(f"only another delta of {self.type_name} can be joined to this one")
        leaves = dict(self.fragment.leaves)
        for key, theirs in other.fragment.leaves.items():
            leaves[key] = _join_leaves(leaves[key], theirs) if key in leaves else theirs
        return Delta(self.kind, leaves)

    def to_bytes(self) -> bytes:
        """The delta as bytes; equal deltas give equal bytes."""
        return encode(self.kind, self.fragment)

    @staticmethod
    def from_bytes(data: bytes) -> Delta:
        """The delta behind `to_bytes`. `CrdtError` for anything else."""
        kind, fragment = decode(data, {kind: cls.check_leaf for kind, cls in TYPES.items()})
        if fragment.complete or fragment.known:
            raise CrdtError("these bytes hold a whole state, not a delta")
        return Delta(kind, fragment.leaves)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Delta) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Delta of {self.type_name}, {len(self.fragment.leaves)} leaves>"


def _join_leaves(mine: Leaf, theirs: Leaf) -> Leaf:
    """The kernel's join of one leaf, between two messages."""
    scratch = Kernel("scratch", HybridClock(lambda: 0))
    for leaf in (mine, theirs):
        scratch.join(Fragment({b"": Leaf(leaf.entry, leaf.extra, ())}))
    entry = scratch.entries.get(b"", {})
    live = CausalContext((*dot, dot[1]) for dot in entry)
    slots = CausalContext(mine.slots + theirs.slots)
    return Leaf(entry, CausalContext(scratch.known(b"").beyond(live)), tuple(slots.spans()))
