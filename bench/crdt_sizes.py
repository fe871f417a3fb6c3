"""How many bytes values take, sent and in memory, with other libraries beside.

Nothing here depends on speed, so each figure is taken once.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

from bench.crdt_exchange import CHANGES
from bench.crdt_speed import Pairs, filled, walk
from bench.measure import Beside, Figure, Progress
from bench.peers import Library, Loro, Pycrdt, asked
from crdt import LWWMap
from crdt.codec import encode
from crdt.fragment import Fragment

KEYS = 10
"""Keys that are written again and again."""
REPLICAS = (1, 10, 100)
"""Numbers of replicas that have written a map."""


def measure(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """Bytes for these entries."""
    for part in (states, differences, overwritten, memory, deltas):
        yield from part(pairs, say)


def size(what: str, ours: float, unit: str, *theirs: tuple[str, float | None]) -> Figure:
    """A figure that is the same each time."""
    beside = [
        Beside(peer) if other is None else Beside.of(peer, [ours], [other])
        for peer, other in theirs
    ]
    return Figure.of("crdt", what, [ours], unit, beside)


def states(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """The whole state."""
    say("size of a state")

    def theirs(doc: Library) -> float:
        doc.put_all(pairs)
        return len(doc.state()) / len(pairs)

    ours = len(filled(pairs).to_bytes()) / len(pairs)
    what = "state of an LWWMap, for each entry"
    yield size(what, ours, "B", asked(Pycrdt, theirs), asked(Loro, theirs))


def differences(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """What it takes to tell of a few entries among many: what one side has, what it lacks."""
    say("size of a difference")
    few = [(key, value[::-1]) for key, value in pairs[:: len(pairs) // CHANGES]][:CHANGES]

    def theirs(doc: Library) -> float:
        doc.put_all(pairs)
        digest = doc.digest()
        doc.put_all(few)
        return len(digest) + len(doc.since(digest))

    entries = filled(pairs)
    digest = encode(LWWMap.KIND, Fragment({}, entries.context))
    first, *others = [entries.put(key, value) for key, value in few]
    for other in others:
        first = first.join(other)
    what = f"digest and delta, {CHANGES} entries changed"
    ours = len(digest) + len(first.to_bytes())
    yield size(what, ours, "B", asked(Pycrdt, theirs), asked(Loro, theirs))


def overwritten(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """The state after the same few keys were set again and again."""
    say(f"size after overwriting {KEYS} keys")
    again = [(pairs[number % KEYS][0], value) for number, (_, value) in enumerate(pairs)]

    def theirs(doc: Library) -> float:
        doc.put_all(again)
        return len(doc.state())

    def without_history(doc: Loro) -> float:
        doc.put_all(again)
        return len(doc.shallow_state())

    ours = len(filled(again).to_bytes())
    what = f"state after {len(again):,} sets of {KEYS} keys"
    yield size(what, ours, "B", asked(Pycrdt, theirs), asked(Loro, theirs))
    yield size(f"{what}, loro's shallow", ours, "B", asked(Loro, without_history))


def memory(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """What Python allocates for a map beyond its keys and values; the others' is not Python's."""
    say("memory of a map")
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        entries = filled(pairs)
        written = allocated() - before
        walk(entries)
        walked = allocated() - before
    finally:
        tracemalloc.stop()
    yield size("memory of an LWWMap, for each entry", written / len(pairs), "B")
    yield size("memory of an LWWMap read in key order, for each entry", walked / len(pairs), "B")


def allocated() -> int:
    """Bytes that are in use now, with no rubbish among them."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def deltas(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """The delta of one put where few or many replicas have written."""
    say("size of a delta")
    each = pairs[: max(1, len(pairs) // max(REPLICAS))]
    for replicas in REPLICAS:
        entries = LWWMap("replica 00")
        entries.update(dict(each))
        for number in range(1, replicas):
            other = LWWMap(f"replica {number:02}")
            for key, value in each:
                other.put(f"{key} {number}", value)
            entries.merge(other)
        (key, value), *_ = each
        what = f"delta of a put, replicas in its context: {replicas}"
        yield size(what, len(entries.put(key, value).to_bytes()), "B")
