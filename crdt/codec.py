"""Fragments as bytes: canonical, compact, and safe to read from strangers.

Layout (msgpack after one version byte), with columns as in `columns.py`:

    [kind, replicas, complete, known, live, keys, stamps, payloads, marks]

`live` names the dots of the writes, and the next three columns tell of the same writes in the same
order, which is that of replica and counter: what one replica wrote one after the other differs
little. `marks` is `[[key, slots, beyond], …]` in order of keys. Replica names stand once, in
`replicas`, and are meant by their index; a context is `[index, low, length - 1, …]`.

Equal fragments have equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice, repeat
from operator import lt
from typing import Any

import msgpack

from .columns import (
    PREFIX_BYTES_MAX,
    malformed,
    pack_keys,
    pack_payloads,
    pack_stamps,
    require,
    require_ints,
    runs,
    unpack_keys,
    unpack_payloads,
    unpack_stamps,
)
from .context import MAX_COUNTER, CausalContext, Span
from .errors import CrdtError
from .fragment import NOTHING, Base, Entry, Event, Fragment, Mark, Payload, Write
from .schema import Schema
from .values import unpack

FORMAT = 2
"""The version of this layout; readers refuse others."""

AHEAD_SPANS_MAX = 2**20
"""How many spans the keys of a message may know of in all; chosen by us, against one that makes
much of little.
"""

_pack = msgpack.Packer().pack


# Writing.


def encode(kind: int, fragment: Fragment) -> bytes:
    """The bytes of a fragment."""
    indexes: dict[str, int] = {}
    known = _flat(fragment.known.spans(), indexes)
    live, *columns = _columns(fragment.entries, indexes)
    marks = [
        [key, _flat(mark.slots, indexes), _flat(mark.beyond.spans(), indexes)]
        for key, mark in sorted(fragment.marks.items())
    ]
    return _FORMAT_BYTE + _pack(
        [kind, list(indexes), fragment.complete, known, live, *columns, marks]
    )


_FORMAT_BYTE = bytes([FORMAT])


def _flat(spans: Iterable[Span], indexes: dict[str, int]) -> list[int]:
    flat: list[int] = []
    for replica, low, high in spans:
        flat += (indexes.setdefault(replica, len(indexes)), low, high - low)
    return flat


def _columns(
    entries: Mapping[bytes, Entry], indexes: dict[str, int]
) -> tuple[list[int], list[Any], list[int], list[Any]]:
    """The writes in order of replica and counter: their dots, keys, stamps and payloads."""
    replicas: list[str] = []
    counters: list[int] = []
    stamps: list[int] = []
    payloads: list[Payload] = []
    for entry in entries.values():
        for stamp, replica, counter, payload in entry:
            replicas.append(replica)
            counters.append(counter)
            stamps.append(stamp)
            payloads.append(payload)
    keys = list(entries)
    if len(keys) != len(counters):
        keys = [key for key, entry in entries.items() for _ in entry]
    if not _in_order(replicas, counters):
        table = sorted(zip(replicas, counters, keys, stamps, payloads, strict=True))
        columns: list[list[Any]] = [[row[column] for row in table] for column in range(5)]
        replicas, counters, keys, stamps, payloads = columns
    live = _live(replicas, counters, indexes)
    return live, pack_keys(keys), pack_stamps(stamps), pack_payloads(payloads)


def _in_order(replicas: Sequence[str], counters: Sequence[int]) -> bool:
    """Whether these are the dots of one replica, in order: the usual case, and cheap to see."""
    one = not replicas or replicas.count(replicas[0]) == len(replicas)
    return one and all(map(lt, counters, islice(counters, 1, None)))


def _live(replicas: Sequence[str], counters: Sequence[int], indexes: dict[str, int]) -> list[int]:
    if not replicas:
        return []
    if replicas[0] is replicas[-1] and counters[-1] - counters[0] == len(counters) - 1:
        return [indexes.setdefault(replicas[0], len(indexes)), counters[0], len(counters) - 1]
    at = (indexes.setdefault(replica, len(indexes)) for replica in replicas)
    return list(runs(zip(at, counters, strict=True)))


def encode_write(kind: int, key: bytes, event: Event) -> bytes:
    """What `encode` gives for the delta of one write: the same bytes, several times faster."""
    ((stamp, _, counter, payload),), _, base = event
    if base.told is None or base.told[0] != kind:
        base.told = kind, *_tell(kind, base)
    _, head, spans, at = base.told
    known = spans.copy()
    known[at + 2] += counter
    rest = [
        known,
        [spans[at], counter, 0],
        [key, [0], b""] if len(key) <= PREFIX_BYTES_MAX else pack_keys([key]),
        [stamp] if stamp else [],
        pack_payloads([payload]),
        [],
    ]
    return head + _pack(rest)[1:]


def _tell(kind: int, base: Base) -> tuple[bytes, list[int], int]:
    """How all deltas of events after `base` begin: their first bytes; the spans of what is known;
    and where among these the replica's own last one is, which lacks its length.
    """
    replica, told = base.replica, base.context.copy()
    told.advance(replica)
    indexes: dict[str, int] = {}
    spans = _flat(told.spans(), indexes)
    (*_, at) = (place for place in range(0, len(spans), 3) if spans[place] == indexes[replica])
    spans[at + 2] = -spans[at + 1]
    nine_follow = _FORMAT_BYTE + _pack([None] * 9)[:1]
    return nine_follow + _pack([kind, list(indexes), False])[1:], spans, at


# Reading.


def decode(data: bytes, types: Mapping[int, Schema]) -> tuple[int, Fragment]:
    """The kind and the fragment behind bytes of unknown origin; `types` has the kinds welcome here.

    `CrdtError` for malformed bytes, another format version or another kind.
    """
    if type(data) is not bytes or not data:
        raise malformed()
    if data[0] != FORMAT:
        raise CrdtError(f"format version {data[0]} is unknown here (this is version {FORMAT})")
    body = unpack(data[1:])
    require(type(body) is list and len(body) == 9)
    kind, replicas, complete, known, live, keys, stamps, payloads, marks = body
    if type(kind) is not int or kind not in types:
        raise CrdtError("these bytes hold another type")
    require(type(replicas) is list and all(type(name) is str and name for name in replicas))
    require(len(dict.fromkeys(replicas)) == len(replicas) and type(complete) is bool)
    schema = types[kind]
    seen, held = CausalContext(_spans(known, replicas)), _spans(live, replicas)
    require(all(seen.holds(*span) for span in held))  # who tells of a write has seen it
    entries = _entries(held, keys, stamps, payloads, schema)
    told = _marks(marks, replicas, schema)
    # What goes beyond is kept with what is known for all, per key, unless that is the whole state.
    ahead = sum(1 for mark in told.values() if mark.beyond)
    require(complete or ahead * (len(known) // 3) <= AHEAD_SPANS_MAX)
    return kind, Fragment(entries, seen, told, complete)


def _spans(flat: Any, replicas: Sequence[str]) -> list[Span]:
    """The spans of a context; each replica's are in order and apart, so they build up quickly."""
    numbers = require_ints(flat)
    require(len(numbers) % 3 == 0)
    ends: dict[int, int] = {}
    spans = []
    for at in range(0, len(numbers), 3):
        index, low, length = numbers[at : at + 3]
        require(0 <= index < len(replicas))
        require(ends.get(index, -1) + 1 < low and 0 <= length <= MAX_COUNTER - low)
        ends[index] = low + length
        spans.append((replicas[index], low, low + length))
    return spans


def _entries(
    live: Sequence[Span], keys: Any, stamps: Any, payloads: Any, schema: Schema
) -> dict[bytes, Entry]:
    """The writes of a fragment by key, the greatest of a key first."""
    keys = unpack_keys(keys)
    count = len(keys)
    require(sum(high - low + 1 for _, low, high in live) == count)
    stamps = unpack_stamps(stamps, count)
    payloads = schema.checked(keys, stamps, unpack_payloads(payloads, count))
    replicas = chain.from_iterable(repeat(name, high - low + 1) for name, low, high in live)
    counters = chain.from_iterable(range(low, high + 1) for _, low, high in live)
    writes = list(zip(stamps, replicas, counters, payloads, strict=True))
    entries: dict[bytes, Entry] = dict(zip(keys, zip(writes), strict=True))
    return entries if len(entries) == count else _with_siblings(keys, writes)


def _with_siblings(keys: Sequence[bytes], writes: Sequence[Write]) -> dict[bytes, Entry]:
    gathered: dict[bytes, list[Write]] = {}
    for key, write in zip(keys, writes, strict=True):
        gathered.setdefault(key, []).append(write)
    return {key: tuple(sorted(each, reverse=True)) for key, each in gathered.items()}


def _marks(marks: Any, replicas: Sequence[str], schema: Schema) -> dict[bytes, Mark]:
    require(type(marks) is list)
    told: dict[bytes, Mark] = {}
    for mark in marks:
        require(type(mark) is list and len(mark) == 3)
        key, slots, beyond = mark
        require(type(key) is bytes and key not in told)
        schema.check_key(key)
        ahead = _spans(beyond, replicas)
        told[key] = Mark(tuple(_spans(slots, replicas)), CausalContext(ahead) if ahead else NOTHING)
    return told
