"""Two runs, side by side, up to the first event in which they differ.

A change that should change nothing, a run that does not repeat itself, a canary: each shows in the
one event at which two histories part, and in what came just before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from sim.story import Reader
from sim.trace import Record

BEFORE = 10
"""How many events before the difference are shown."""


def first_difference(a: Sequence[Record], b: Sequence[Record]) -> int | None:
    """The place of the first event that is not the same in both logs; None when there is none.

    As in the hash of a run, what led to an event is no part of it.
    """
    for place, (one, other) in enumerate(zip_longest(a, b)):
        if one is None or other is None or one[:-1] != other[:-1]:
            return place
    return None


def around(log: Sequence[Record], place: int, seed: int, before: int = BEFORE) -> list[str]:
    """The events of one run before a place, and the one there, marked."""
    reader = Reader(seed)
    lines = [
        f"  {index:>8} {reader.sentence(log[index])}"
        for index in range(max(0, place - before), min(place, len(log)))
    ]
    here = reader.sentence(log[place]) if place < len(log) else "the run is over"
    return [*lines, f"> {place:>8} {here}"]
