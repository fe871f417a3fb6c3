"""How fast one thread writes and reads values that stand alone, with other libraries beside.

Every write makes its delta, as it does for whoever sends it on. pycrdt's are bytes; ours are
objects that are put together when somebody looks, so they are measured as bytes, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from bench.measure import Figure, Prepare, Progress, Run, contest
from bench.peers import Loro, Pair, Pycrdt, asked, turns
from crdt import LWWMap, ORSet, PNCounter

SHARING = 100
"""Entries that share a prefix: keys that differ in their last two digits."""

Pairs = Sequence[Pair]


def measure(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """Rates and times on these entries."""
    for part in (puts, update, increments, elements, reads, in_key_order):
        yield from part(pairs, say)


def filled(pairs: Pairs) -> LWWMap:
    """A map of these entries, put one by one."""
    entries = LWWMap("bench")
    for key, value in pairs:
        entries.put(key, value)
    return entries


def rate(number: int) -> Callable[[float], float]:
    """Seconds for so many, as so many a second."""
    return lambda taken: number / taken


# Writing.


def puts(pairs: Pairs, say: Progress) -> list[Figure]:
    """Puts one at a time."""
    say("LWWMap.put")
    ours: dict[str, Prepare] = {
        "LWWMap.put, each with its delta": partial(put_each, pairs),
        "LWWMap.put, each delta as bytes": partial(put_each_as_bytes, pairs),
    }
    theirs = dict([turns(Pycrdt, lambda doc: partial(doc.put_each, pairs))])
    return contest("crdt", ours, theirs, "writes/s", rate(len(pairs)))


def put_each(pairs: Pairs) -> Run:
    """Put entries one by one into a new map."""
    entries = LWWMap("bench")

    def run() -> None:
        put = entries.put
        for key, value in pairs:
            put(key, value)

    return run


def put_each_as_bytes(pairs: Pairs) -> Run:
    """The same, and encode the delta of each."""
    entries = LWWMap("bench")

    def run() -> None:
        put = entries.put
        for key, value in pairs:
            put(key, value).to_bytes()

    return run


def update(pairs: Pairs, say: Progress) -> list[Figure]:
    """Puts all at once."""
    say("LWWMap.update")
    mapping: dict[str | bytes, str] = dict(pairs)
    ours: dict[str, Prepare] = {
        "LWWMap.update of all, one delta": lambda: partial(LWWMap("bench").update, mapping)
    }
    theirs = dict([turns(Pycrdt, lambda doc: partial(doc.put_all, pairs))])
    return contest("crdt", ours, theirs, "writes/s", rate(len(pairs)))


def increments(pairs: Pairs, say: Progress) -> list[Figure]:
    """As many increments as there are entries."""
    say("PNCounter.increment")
    ours: dict[str, Prepare] = {"PNCounter.increment": lambda: increment_each(len(pairs))}
    theirs = dict([turns(Loro, lambda doc: partial(doc.increment_each, len(pairs)))])
    return contest("crdt", ours, theirs, "writes/s", rate(len(pairs)))


def increment_each(times: int) -> Run:
    """Raise a new counter."""
    counter = PNCounter("bench")

    def run() -> None:
        increment = counter.increment
        for _ in range(times):
            increment(1)

    return run


def elements(pairs: Pairs, say: Progress) -> list[Figure]:
    """The keys as elements: in, and out again."""
    say("ORSet")
    keys = [key for key, _ in pairs]
    held: list[ORSet] = []

    def add() -> Run:
        held[:] = [ORSet("bench")]
        return partial(each, held[0].add, keys)

    def remove() -> Run:
        return partial(each, held[0].remove, keys)  # what was added just now

    ours: dict[str, Prepare] = {"ORSet.add": add, "ORSet.remove": remove}
    return contest("crdt", ours, {}, "writes/s", rate(len(keys)))


def each(operation: Callable[[str], object], keys: Sequence[str]) -> None:
    """Call it with one key after the other."""
    for key in keys:
        operation(key)


# Reading.


def reads(pairs: Pairs, say: Progress) -> list[Figure]:
    """Every key looked up."""
    say("LWWMap[key]")
    keys = [key for key, _ in pairs]
    entries = filled(pairs)

    def look_up() -> None:
        for key in keys:
            entries[key]

    def lookups(doc: Pycrdt | Loro) -> Prepare:
        doc.put_all(pairs)
        return lambda: partial(doc.read, keys)

    theirs = dict([asked(Loro, lookups), asked(Pycrdt, lookups)])
    return contest("crdt", {"LWWMap[key]": lambda: look_up}, theirs, "reads/s", rate(len(keys)))


def in_key_order(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """All entries in key order, and the few that share a prefix."""
    say("LWWMap in key order")
    entries = filled(pairs)
    ours: dict[str, Prepare] = {
        "LWWMap in key order, the first time": lambda: partial(walk, entries.fork("bench")),
        "LWWMap in key order, again": lambda: partial(walk, entries),
    }
    yield from contest("crdt", ours, {}, "entries/s", rate(len(pairs)))
    prefixes = [key[:-2] for key, _ in pairs[:: max(SHARING, len(pairs) // SHARING)]]

    def read_prefixes() -> None:
        for prefix in prefixes:
            assert len(list(entries.prefix(prefix))) == SHARING

    what = f"LWWMap.prefix, {SHARING} entries"
    scale = 1e6 / len(prefixes)
    yield from contest("crdt", {what: lambda: read_prefixes}, {}, "µs", lambda taken: taken * scale)


def walk(entries: LWWMap) -> None:
    """Look at each entry."""
    for _ in entries.range():
        pass
