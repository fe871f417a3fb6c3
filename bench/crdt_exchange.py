"""How fast changes and whole states go from one replica to another, with other libraries beside."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count

from bench.crdt_speed import Pairs, filled, rate
from bench.measure import Figure, Prepare, Progress, Run, contest, in_turns
from bench.peers import Pycrdt, asked
from crdt import Delta, LWWMap

CHANGES = 100
"""Entries of a delta."""
MERGES = 10
"""Deltas merged in one run: one is over too soon to be timed."""


def measure(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """Rates and times on these entries."""
    yield from merges(pairs, say)
    yield from states(pairs, say)


def merges(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """A delta of few entries into many, and into a tenth of them: it should not matter."""
    say(f"LWWMap.merge of {CHANGES} entries")
    sizes = [len(pairs), len(pairs) // 10]
    names = [f"LWWMap.merge of {CHANGES} entries into {size:,}" for size in sizes]
    taken = in_turns({name: merging(pairs[:size]) for name, size in zip(names, sizes, strict=True)})
    for name in names:
        yield Figure.of("crdt", name, [1e3 * each / MERGES for each in taken[name]], "ms")
    many, few = (taken[name] for name in names)
    ratios = [much / little for much, little in zip(many, few, strict=True)]
    yield Figure.of("crdt", "LWWMap.merge, the one divided by the other", ratios, "×")


def merging(pairs: Pairs) -> Prepare:
    """Runs that merge what another replica has changed since the last, spread over all entries."""
    here = filled(pairs)
    there = here.fork("other")
    stride = len(pairs) // CHANGES
    turn = count()

    def changed() -> Delta:
        few = pairs[next(turn) % stride :: stride][:CHANGES]
        return Delta.from_bytes(there.update(dict(few)).to_bytes())

    def prepare() -> Run:
        deltas = [changed() for _ in range(MERGES)]

        def run() -> None:
            for delta in deltas:
                here.merge(delta)

        return run

    return prepare


def states(pairs: Pairs, say: Progress) -> Iterator[Figure]:
    """A whole state as bytes, and bytes as a whole state."""
    say("LWWMap as bytes, and back")
    state = filled(pairs).to_bytes()
    ours: dict[str, Prepare] = {
        "LWWMap.from_bytes": lambda: partial(LWWMap.from_bytes, state, "other")
    }
    theirs = dict([asked(Pycrdt, partial(applying, pairs))])
    yield from contest("crdt", ours, theirs, "entries/s", rate(len(pairs)))

    ours = {
        "LWWMap.to_bytes, one entry changed": encoding(pairs, new=False),
        "LWWMap.to_bytes, one entry new": encoding(pairs, new=True),
    }
    theirs = dict([asked(Pycrdt, partial(their_encoding, pairs))])
    yield from contest("crdt", ours, theirs, "entries/s", rate(len(pairs)))


def applying(pairs: Pairs, doc: Pycrdt) -> Prepare:
    """Runs that take up the whole state in a fresh document."""
    doc.put_all(pairs)
    state = doc.state()
    return lambda: partial(Pycrdt().apply, state)


def encoding(pairs: Pairs, *, new: bool) -> Prepare:
    """Runs that encode all; one entry changes before each, so that nothing lasts from the last.

    One that is written again is out of the order in which the map keeps them; a new one is not.
    """
    entries, turn = filled(pairs), count()

    def prepare() -> Run:
        key, value = pairs[next(turn)]
        entries.put(key + "+" if new else key, value[::-1])
        return entries.to_bytes

    return prepare


def their_encoding(pairs: Pairs, doc: Pycrdt) -> Prepare:
    """The same of theirs."""
    doc.put_all(pairs)
    turn = count()

    def prepare() -> Run:
        key, value = pairs[next(turn)]
        doc.put_all([(key, value[::-1])])
        return doc.state

    return prepare
