"""A fragment that grows leaf by leaf, up to a size."""

from __future__ import annotations

from .codec import encode
from .context import CausalContext, Span
from .fragment import NO_MARK, Entry, Fragment, Mark
from .values import TEXTS, pack

_SPAN_BYTES = 23
"""The most that three integers take: an index, a counter, a length."""

_STAMP_BYTES = 18
"""The most that a stamp adds to the differences: its own, and that of the next one."""

_LENGTH_BYTES = 5
"""The most that the length of a text takes, in a list or in front of it."""


_UNKNOWN, _MIXED = "unknown", "mixed"
"""Of something that leaves may have in common: there was none yet, and they do not."""


class FragmentWriter:
    """Gathers a fragment and bounds its size as it goes.

    Columns make use of what leaves have in common, so one that differs can make all the others
    larger. The bound counts that in; where it gets too tight, it is measured anew.
    """

    def __init__(self, kind: int, known: CausalContext, size: int | None = None) -> None:
        """`size` is that of a fragment without leaves, for who knows it."""
        self._kind = kind
        self._known = known.copy()
        self._entries: dict[bytes, Entry] = {}
        self._marks: dict[bytes, Mark] = {}
        self._writes = 0
        self._prefix: bytes | None = None
        self._alike: list[object] = [_UNKNOWN] * 4
        self.size = len(self.finish()) if size is None else size
        """At least what `finish` gives takes."""

    def __len__(self) -> int:
        return len(self._entries) + sum(key not in self._entries for key in self._marks)

    def add(self, key: bytes, entry: Entry, mark: Mark = NO_MARK, limit: int | None = None) -> bool:
        """Append a leaf, unless the whole could then exceed `limit` bytes and is not empty; True
        when appended.
        """
        shared, bound = self._shared(key), self._bound(key, entry, mark)
        if limit is not None and (self._entries or self._marks) and self.size + bound > limit:
            self.size = len(self.finish())
            if self.size + bound > limit:
                return False
        self.size += bound
        if entry:
            self._entries[key] = entry
            self._prefix = key[:shared]
            for place, mine in self._unlike(key, entry):
                self._alike[place] = mine if self._alike[place] is _UNKNOWN else _MIXED
            self._writes += len(entry)
        if mark.slots or mark.beyond or not entry:
            self._marks[key] = mark
        return True

    def finish(self) -> bytes:
        """The bytes of all that was added."""
        return encode(self._kind, Fragment(self._entries, self._known, self._marks))

    def _shared(self, key: bytes) -> int:
        """How many bytes a key shares with all before it."""
        if self._prefix is None:
            return len(key)
        shared = 0
        for mine, other in zip(key, self._prefix, strict=False):
            if mine != other:
                break
            shared += 1
        return shared

    def _bound(self, key: bytes, entry: Entry, mark: Mark) -> int:
        """The most by which a leaf can make the whole larger."""
        bound = 16  # the heads of arrays and texts
        if entry:
            bound += len(entry) * (len(key) + _LENGTH_BYTES)
            for stamp, replica, _, payload in entry:
                bound += (
                    _SPAN_BYTES + len(replica.encode()) + len(pack(payload)) + 2 * _LENGTH_BYTES
                )
                bound += _STAMP_BYTES if stamp else 1
            lost = len(self._prefix or b"") - self._shared(key)
            bound += self._writes * lost
            bound += self._writes * _LENGTH_BYTES * len(self._unlike(key, entry))
        if mark.slots or mark.beyond or not entry:
            spans: list[Span] = [*mark.slots, *mark.beyond.spans()]
            bound += len(key) + 12
            bound += sum(_SPAN_BYTES + _name_bytes(replica) for replica, _, _ in spans)
        return bound

    def _unlike(self, key: bytes, entry: Entry) -> list[tuple[int, object]]:
        """Where a leaf is the first that differs in what columns make use of."""
        stamp, _, _, payload = entry[0]
        size = len(payload) if type(payload) in TEXTS else 0
        mine = enumerate((len(key), type(payload), size, stamp > 0))
        return [(at, each) for at, each in mine if self._alike[at] not in {each, _MIXED}]


def _name_bytes(replica: str) -> int:
    return len(replica.encode()) + _LENGTH_BYTES
