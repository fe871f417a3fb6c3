"""What every replicated type has in common.

A type is a thin facade over a kernel: it decides which key a change goes to and what payload it
carries, and how a reader sees concurrent payloads. It has no merge of its own. A standalone value
owns its kernel; a value of a node or within a map is the same facade over the keys of a larger
kernel that start with a prefix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from .clock import MAX_TIMESTAMP, HybridClock
from .codec import decode, encode
from .context import CausalContext
from .delta import Delta
from .errors import CrdtError
from .fragment import NOTHING, Entry, Fragment, Mark, Payload, join_fragments
from .kernel import Kernel
from .paths import claim
from .schema import TYPES, Kind, check_writes


class Replicated(ABC):
    """A value that replicas change independently and that merges without conflict.

    `replica` names the one who writes here (non-empty, unique among all who write), `clock` stamps
    the writes.
    """

    KIND: ClassVar[int]
    NAME: ClassVar[str]
    STAMPED: ClassVar[bool] = False
    """Whether writes carry a time stamp."""
    INSIDE: ClassVar[Mapping[int, Kind]] = {}
    """The types of the values that are within this one."""

    __slots__ = ("_kernel", "_prefix", "_root", "_witness")

    def __init_subclass__(cls) -> None:
        TYPES[cls.KIND] = cls

    def __init__(self, replica: str, *, clock: HybridClock | None = None) -> None:
        if clock is not None and not isinstance(clock, HybridClock):
            raise TypeError(f"the clock is a HybridClock, not {type(clock).__name__}")
        self._kernel = Kernel(replica, clock or HybridClock(), type(self))
        self._prefix = b""
        self._root = self.KIND, 0
        self._witness = b""

    @classmethod
    def over(cls, kernel: Kernel, prefix: bytes, root: tuple[int, int]) -> Self:
        """A live view of the keys of `kernel` that start with `prefix`.

        Its deltas are of the outermost value, `root`: its kind and the length of its own prefix.
        """
        view = cls.__new__(cls)
        view._kernel = kernel
        view._prefix = prefix
        view._root = root
        view._witness = b""
        return view

    @property
    @abstractmethod
    def value(self) -> Any:
        """The plain value, detached."""

    # What a leaf of this type is.

    @classmethod
    def leaf_type(cls, key: bytes) -> Kind:  # noqa: ARG003  # it is for those with others inside
        """The type of the leaf under a sound key."""
        return cls

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """The type of the leaf under a key from a stranger; `CrdtError` when there is none."""
        raise NotImplementedError

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """One payload from a stranger, normalised; `CrdtError` when it is malformed."""
        raise NotImplementedError

    @classmethod
    def checked(
        cls, keys: Sequence[bytes], stamps: Sequence[int], payloads: Sequence[Payload]
    ) -> Sequence[Payload]:
        """The payloads of many writes from a stranger; `CrdtError` when anything is malformed."""
        return check_writes(cls, keys, stamps, payloads)

    @classmethod
    def check_stamp(cls, stamp: int) -> None:
        """`CrdtError` for a stamp that no write of this type carries."""
        if not (0 < stamp <= MAX_TIMESTAMP if cls.STAMPED else stamp == 0):
            raise CrdtError(f"malformed {cls.NAME}: a time stamp out of range")

    @classmethod
    def shows(cls, entry: Entry) -> bool:  # noqa: ARG003  # most types hide nothing
        """Whether a reader can see anything of what lives under a key."""
        return True

    @classmethod
    def taken_back(cls, entry: Entry) -> Payload | None:  # noqa: ARG003
        """What has to be remembered in place of a leaf that is removed; None for nothing."""
        return None

    # What every value does.

    @property
    def replica(self) -> str:
        """The name under which changes are made here."""
        return self._kernel.replica

    @property
    def clock(self) -> HybridClock:
        """The clock that stamps the changes made here."""
        return self._kernel.clock

    @property
    def context(self) -> CausalContext:
        """The events seen here: a copy."""
        return self._kernel.context.copy()

    def merge(self, other: Self | Delta) -> bool:
        """Join another value of this type, or a delta of one; True when anything changed.

        `CrdtError` if foreign; and for a value of a node or within a map, which hears of changes
        through that alone.
        """
        if isinstance(other, Delta):
            if other.kind != self.KIND:
                raise CrdtError(f"a delta of {other.type_name} cannot be merged into {self.NAME}")
            fragments = other.parts
        elif type(other) is type(self):
            fragments = (other._kernel.state(other._prefix),)
        else:
            raise CrdtError(f"{type(other).__name__} cannot be merged into {self.NAME}")
        self._standalone("merge into")
        changed = False
        for fragment in fragments:
            changed |= self._join(fragment)
        return changed

    def _join(self, fragment: Fragment) -> bool:
        changed = self._kernel.join(fragment)
        if changed and (self.STAMPED or self.INSIDE):
            self.clock.observe(stamps(fragment))
        return changed

    def _standalone(self, what: str) -> None:
        if self._prefix:
            # Its events may be known to the kernel under another key, or be another value's.
            raise CrdtError(f"a value of a node or of a map is part of it: {what} the whole")

    def to_bytes(self) -> bytes:
        """The whole state; equal states give equal bytes."""
        return encode(self.KIND, self._kernel.state(self._prefix))

    @classmethod
    def from_bytes(cls, data: bytes, replica: str, *, clock: HybridClock | None = None) -> Self:
        """The value behind `to_bytes`, going on as `replica`. `CrdtError` for anything else."""
        _, fragment = decode(data, {cls.KIND: cls})
        if not fragment.complete:
            raise CrdtError("these bytes hold a delta, not a whole state")
        twin = cls(replica, clock=clock)
        twin._join(fragment)
        return twin

    def fork(self, replica: str, *, clock: HybridClock | None = None) -> Self:
        """A copy that goes on as another replica; without `clock` it shares this one's."""
        twin = type(self)(replica, clock=clock or self.clock)
        twin._kernel.join(self._kernel.state(self._prefix))
        return twin

    @property
    def residue(self) -> int:
        """How many leaves nobody sees and the join still needs: entries that were deleted, parts of
        counters that were taken back, and keys that were removed by a delta which overtook others.
        """
        return len(self._kernel.residue(self._prefix))

    def collect(self, stable: CausalContext) -> int:
        """Drop the residue of events in `stable`; how many leaves that were.

        `stable` has to be causally stable: every replica has seen these events, and nobody holds an
        event made without having seen them that others lack. When all replicas are in the same
        state, and nothing is under way, that is any one's `context`. Every replica has to collect
        before it merges whole states again with those that did. Dropping too early brings deleted
        entries back.
        """
        self._standalone("collect")
        return self._kernel.collect(stable)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()  # not payloads: a NaN differs from itself

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def __repr__(self) -> str:
        try:
            return f"{type(self).__name__}({self.value!r})"
        except RecursionError:
            return f"<{type(self).__name__}, nested deeper than can be shown>"

    # For the types.

    def _write(self, full: bytes, payload: Payload, stamp: int = 0) -> Delta:
        """Make a write under a key, given with the prefix, and tell of it."""
        if self._prefix:
            self._claim(full)
        kernel = self._kernel
        kind, cut = self._root
        return Delta(kind, (), full[cut:], kernel.write(full, payload, stamp))

    def _claim(self, key: bytes) -> None:
        """`CrdtError` when the name of this value, or of one around it, has got another type since
        it was opened.

        It cannot have while anything of this value is there, such as what was written last.
        """
        for present in (self._witness, key):
            entry = self._kernel.entries.get(present)
            if entry is not None and self.shows(entry):
                return
        claim(self._kernel.order, key, self._kernel.schema.INSIDE)
        self._witness = key

    def _change(
        self, writes: Sequence[tuple[bytes, Payload, int]], removals: Sequence[bytes] = ()
    ) -> Delta:
        """Make several writes, each `(key, payload, stamp)`, and removals within this value, and
        tell of them as one.
        """
        kernel, prefix = self._kernel, self._prefix
        kind, cut = self._root
        if not writes and not removals:
            return Delta(kind, (Fragment({}),))
        if prefix:
            writes = [(prefix + key, payload, stamp) for key, payload, stamp in writes]
            removals = [prefix + key for key in removals]
            for key, _, _ in writes[:1]:  # then there is something, and none of another type
                self._claim(key)
        entries, marks = kernel.change(writes, removals)
        if cut:
            entries = {key[cut:]: entry for key, entry in entries.items()}
            marks = {key[cut:]: mark for key, mark in marks.items()}
        fragment = Fragment(entries, kernel.context.copy(), marks)
        return Delta(kind, (self._with_extra(fragment) if kernel.extra else fragment,))

    def _with_extra(self, fragment: Fragment) -> Fragment:
        """Say also what is known of these keys ahead of the context."""
        kernel = self._kernel
        root = self._prefix[: self._root[1]]
        marks = {}
        for key, _, mark in fragment.leaves():
            extra = kernel.extra.get(root + key, NOTHING)
            marks[key] = Mark(mark.slots, extra.ahead_of(kernel.context))
        return join_fragments((fragment._replace(marks=marks),))

    def _entry(self, key: bytes) -> Entry | None:
        return self._kernel.entries.get(self._prefix + key)

    def _leaves(self) -> Iterable[Entry]:
        """What lives under each key that shows something, in any order."""
        entries = self._kernel.entries
        if not self._prefix:
            return entries.values()
        return (entries[key] for key in self._kernel.keys(self._prefix))

    def _keys(self) -> Iterator[bytes]:
        """The keys of the leaves that show something, in order, as they are now."""
        cut = len(self._prefix)
        return iter([key[cut:] for key in self._kernel.keys(self._prefix)])


def stamps(fragment: Fragment) -> list[int]:
    """The time stamps of the writes in a fragment."""
    return [write[0] for entry in fragment.entries.values() for write in entry]
