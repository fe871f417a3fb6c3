"""Fragments as bytes: canonical, compact, and safe to read from strangers.

Layout (msgpack after one version byte): `[kind, replicas, complete, known, leaf, leaf, …]`. Replica
names stand once, in `replicas`, and are meant by their index:

    context   [index, low, length - 1, …]            spans, in order
    leaf      [key, [index, counter, payload, …], context of extra, context of slots]

A complete state is canonical: replicas, dots and keys stand in order, so equal states have equal
bytes. `FragmentWriter` packs leaf by leaf, so a sender can stop at a size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgpack

from .context import MAX_COUNTER, CausalContext, Dot, Span
from .errors import CrdtError
from .kernel import NOTHING, Entry, Fragment, Leaf, Payload
from .values import pack, unpack

FORMAT = 1
"""The version of this layout; readers refuse others."""

PayloadCheck = Callable[[Payload], Payload]
"""Validates one payload and gives it back, normalised; raises `CrdtError`."""

LeafCheck = Callable[[bytes], PayloadCheck]
"""Validates a key (a leaf may name one under which nothing lives) and gives what its payloads must
pass; raises `CrdtError`.
"""


class FragmentWriter:
    """Packs a fragment leaf by leaf and knows its size as it goes."""

    def __init__(self, kind: int, known: CausalContext, *, complete: bool = False) -> None:
        self._kind = kind
        self._complete = complete
        self._indexes: dict[str, int] = {}
        self._known = pack(self._context(known.spans()))
        self._leaves: list[bytes] = []
        self.size = 16 + len(self._known) + _names_size(self._indexes)

    def __len__(self) -> int:
        return len(self._leaves)

    def add(self, key: bytes, leaf: Leaf, limit: int | None = None) -> bool:
        """Append a leaf, unless the whole would then exceed `limit` bytes and is not empty; True
        when appended.
        """
        named = len(self._indexes)
        dots: list[Any] = []
        for replica, counter in sorted(leaf.entry):
            dots += (self._index(replica), counter, leaf.entry[replica, counter])
        packed = pack([key, dots, self._context(leaf.extra.spans()), self._context(leaf.slots)])
        names = list(self._indexes)[named:]
        size = self.size + len(packed) + _names_size(names)
        if limit is not None and size > limit and self._leaves:
            for name in names:
                del self._indexes[name]
            return False
        self._leaves.append(packed)
        self.size = size
        return True

    def finish(self) -> bytes:
        """The bytes of all that was added."""
        packer = msgpack.Packer()
        head = [
            bytes([FORMAT]),
            packer.pack_array_header(4 + len(self._leaves)),
            pack(self._kind),
            pack(list(self._indexes)),
            pack(self._complete),
            self._known,
        ]
        return b"".join(head + self._leaves)

    def _index(self, replica: str) -> int:
        return self._indexes.setdefault(replica, len(self._indexes))

    def _context(self, spans: Iterable[Span]) -> list[int]:
        flat: list[int] = []
        for replica, low, high in spans:
            flat += (self._index(replica), low, high - low)
        return flat


def _names_size(names: Iterable[str]) -> int:
    return sum(len(name.encode()) + 5 for name in names)


def encode(kind: int, fragment: Fragment) -> bytes:
    """The bytes of a whole fragment."""
    writer = FragmentWriter(kind, fragment.known, complete=fragment.complete)
    for key in sorted(fragment.leaves):
        writer.add(key, fragment.leaves[key])
    return writer.finish()


def decode(data: bytes, checks: Mapping[int, LeafCheck]) -> tuple[int, Fragment]:
    """The kind and the fragment behind bytes of unknown origin; `checks` has the kinds welcome
    here.

    `CrdtError` for malformed bytes, another format version or another kind.
    """
    if type(data) is not bytes or not data:
        raise CrdtError("malformed bytes: not a replicated state")
    if data[0] != FORMAT:
        raise CrdtError(f"format version {data[0]} is unknown here (this is version {FORMAT})")
    body = unpack(data[1:])
    _require(type(body) is list and len(body) >= 4)
    kind, replicas, complete, known, *leaves = body
    if type(kind) is not int or kind not in checks:
        raise CrdtError("these bytes hold another type")
    _require(type(replicas) is list and all(type(name) is str and name for name in replicas))
    _require(len(dict.fromkeys(replicas)) == len(replicas) and type(complete) is bool)
    reader = _Reader(replicas, checks[kind])
    decoded: dict[bytes, Leaf] = {}
    for leaf in leaves:
        _require(type(leaf) is list and len(leaf) == 4)
        _require(type(leaf[0]) is bytes and leaf[0] not in decoded)
        decoded[leaf[0]] = reader.leaf(*leaf)
    return kind, Fragment(decoded, CausalContext(reader.spans(known)), complete)


class _Reader:
    """Validates the parts of one message against its table of replicas."""

    def __init__(self, replicas: Sequence[str], check: LeafCheck) -> None:
        self._replicas = replicas
        self._check = check
        self._dots: set[Dot] = set()

    def leaf(self, key: bytes, dots: Any, extra: Any, slots: Any) -> Leaf:
        _require(type(dots) is list and len(dots) % 3 == 0)
        check = self._check(key)
        entry: Entry = {}
        for at in range(0, len(dots), 3):
            dot = self._replica(dots[at]), _counter(dots[at + 1])
            _require(dot not in self._dots)  # an event is about one key, and was once
            self._dots.add(dot)
            entry[dot] = check(dots[at + 2])
        beyond = self.spans(extra)
        return Leaf(entry, CausalContext(beyond) if beyond else NOTHING, tuple(self.spans(slots)))

    def spans(self, flat: Any) -> list[Span]:
        _require(type(flat) is list and len(flat) % 3 == 0)
        spans = []
        for at in range(0, len(flat), 3):
            replica, low, length = self._replica(flat[at]), _counter(flat[at + 1]), flat[at + 2]
            _require(type(length) is int and 0 <= length <= MAX_COUNTER - low)
            spans.append((replica, low, low + length))
        return spans

    def _replica(self, index: Any) -> str:
        _require(type(index) is int and 0 <= index < len(self._replicas))
        return str(self._replicas[index])


def _counter(counter: Any) -> int:
    _require(type(counter) is int and 1 <= counter <= MAX_COUNTER)
    return int(counter)


def _require(condition: bool) -> None:
    if not condition:
        raise CrdtError("malformed bytes: not a replicated state")
