"""Values: how fast they are written, read and exchanged, how large they are, and how fast they are
written in a member; with what is asked of them beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench import crdt_exchange, crdt_member, crdt_sizes, crdt_speed
from bench.measure import Figure, Progress

ENTRIES = 100_000

BARS = {
    "LWWMap.put, each with its delta": "≥ 1.5× pycrdt (target 3×)",
    "LWWMap.put, each delta as bytes": "≥ 1× pycrdt",
    "LWWMap.update of all, one delta": "≥ 1× pycrdt (target 2×)",
    "PNCounter.increment": "≥ 1× loro (target 3×)",
    "ORSet.add": "≥ 150,000",
    "ORSet.remove": "≥ 150,000",
    "LWWMap[key]": "≥ 0.5× loro (target 1×)",
    "LWWMap.merge of 100 entries into 100,000": "< 2",
    "LWWMap.merge of 100 entries into 10,000": "< 2",
    "LWWMap.merge, the one divided by the other": "0.8 to 1.2",
    "LWWMap.from_bytes": "≥ 0.5× pycrdt (target 1×)",
    "LWWMap.to_bytes, one entry changed": "≥ 0.33× pycrdt",
    "LWWMap.to_bytes, one entry new": "≥ 0.33× pycrdt",
    "state of an LWWMap, for each entry": "≤ 30",
    "digest and delta, 100 entries changed": "≤ 2,800",
    "state after 100,000 sets of 10 keys": "≤ 1,024",
    "memory of an LWWMap, for each entry": "≤ 450",
    "memory of an LWWMap read in key order, for each entry": "≤ 450",
}
"""What is asked of a figure with `ENTRIES` entries, in its own unit or as a ratio."""


def measure(say: Progress) -> Iterator[Figure]:
    """Every figure, with its bar."""
    pairs = [(f"k{number:07}", f"v{number:015}") for number in range(ENTRIES)]
    for part in (crdt_speed, crdt_exchange, crdt_sizes):
        for figure in part.measure(pairs, say):
            yield replace(figure, bar=BARS.get(figure.what, ""))
    yield from crdt_member.measure(say)
