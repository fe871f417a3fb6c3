"""Virtual time: one queue of what happens when, ordered by (time, sequence).

The sequence number is given out when an entry is made, so two things at the same nanosecond happen
in the order in which they were caused, and an entry is never compared by anything but integers.
Time is an integer number of nanoseconds and moves only here.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import isfinite
from typing import Any

from sim.errors import SimError

SECOND = 1_000_000_000
"""One virtual second in nanoseconds."""

Entry = tuple[int, int, Callable[..., object], tuple[object, ...]]
"""(time, sequence, action, its arguments)."""


class Agenda:
    """What is still to happen, and the virtual time `now`."""

    __slots__ = ("_entries", "_sequence", "now")

    def __init__(self) -> None:
        self.now = 0
        self._entries: list[Entry] = []
        self._sequence = 0

    def put(self, at: int, action: Callable[..., object], *arguments: object) -> None:
        """Have `action(*arguments)` done at `at`, which is not in the past. Costs O(log n)."""
        assert at >= self.now, f"{at} is before {self.now}"
        self._sequence += 1
        heappush(self._entries, (at, self._sequence, action, arguments))

    def advance(self, until: int) -> None:
        """Do everything due up to and at `until`, in order, and let `now` be `until`."""
        entries = self._entries
        while entries and entries[0][0] <= until:
            self.now, _, action, arguments = heappop(entries)
            action(*arguments)
        self.now = until


def nanoseconds(seconds: object, what: str) -> int:
    """A user's seconds as our integer; `SimError` for what is no length of time."""
    value = finite(seconds, f"{what} is a number of seconds")
    if value < 0:
        raise SimError(f"{what} is a number of seconds from 0, not {seconds!r}")
    return round(value * SECOND)


SECONDS_MAX = 1e9
"""The longest time that means anything here: thirty years, chosen by us."""


def finite(value: Any, words: str) -> float:
    """`value`, if it is a number within reason; otherwise a `SimError` that says so in `words`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not isfinite(value) or abs(value) > SECONDS_MAX:
        raise SimError(f"{words}, not {value!r}")
    return float(value)
