"""Time stamps that follow both the wall clock and causality.

A hybrid logical clock (Kulkarni et al., 2014) in one integer of nanoseconds: the wall clock when
that moves ahead, the last stamp plus one when it does not. What a wrong clock may do is bounded
twice:

* A stamp from the far future is followed (a later write must win) but does not drag this clock
  along, so it spoils no other key.
* Therefore fixing a wrong clock never locks a key: whoever has seen the value can overwrite it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from time import time_ns

from .errors import OutOfRange

MAX_TIMESTAMP = 2**63 - 1
"""Nanoseconds since 1970; chosen by us: 292 years, and it fits a signed 64-bit integer everywhere.
"""

MAX_WALL = MAX_TIMESTAMP - 2**56
"""The latest wall clock that is believed; chosen by us: each stamp made under it can be followed by
2**56 others.
"""

MAX_DRIFT_NS = 60 * 1_000_000_000
"""How far ahead of the wall clock a stamp may be and still move the clock: a minute, chosen by us.
"""


class HybridClock:
    """A strictly monotonic source of time stamps (integer nanoseconds) for one replica.

    `now` gives the wall clock in nanoseconds; it may jump either way. `drifted` counts the stamps
    that were further ahead of it than `max_drift_ns`.
    """

    __slots__ = ("_last", "_now", "drifted", "max_drift_ns")

    def __init__(self, now: Callable[[], int] = time_ns, max_drift_ns: int = MAX_DRIFT_NS) -> None:
        if max_drift_ns < 0:
            raise ValueError(f"max_drift_ns must not be negative, it is {max_drift_ns}")
        self._now = now
        self._last = 0
        self.max_drift_ns = max_drift_ns
        self.drifted = 0

    def tick(self, after: int = 0) -> int:
        """A stamp later than `after` (the value about to be replaced) and than every stamp that
        moved this clock; one from the far future is followed and does not move it.

        The greatest stamp there can be is followed by itself, so that it locks nothing: who has
        seen a write replaces it whatever the stamps are, they only choose between concurrent ones.
        Raises `OutOfRange`, and does not move, when this machine's clock is so far ahead that
        others could not follow.
        """
        wall = self._now()
        if wall > MAX_WALL:
            raise OutOfRange(
                f"a time stamp of {wall} ns could not be followed: set this machine's clock"
            )
        if type(wall) is not int:
            raise TypeError(f"a clock gives an int of nanoseconds, not {type(wall).__name__}")
        stamp = self._last + 1
        stamp = max(stamp, wall)
        if after < stamp:
            self._last = stamp
            return stamp
        if after <= self._bound(wall):
            self._last = after + 1
        return min(after + 1, MAX_TIMESTAMP)

    def ticks(self, afters: Sequence[int]) -> list[int]:
        """A stamp for each write of many that are made at once, later than each of `afters`."""
        first = self.tick()
        if max(afters, default=0) < first:
            self._last = first + max(0, len(afters) - 1)
            return list(range(first, first + len(afters)))
        return [self.tick(after) for after in afters]

    def observe(self, stamps: Collection[int]) -> None:
        """Take note of stamps from elsewhere: later ticks are later than they, within the drift
        allowed.
        """
        if not stamps or max(stamps) <= self._last:
            return
        bound = self._bound(self._now())
        for stamp in stamps:
            if stamp > bound:
                self.drifted += 1
            elif stamp > self._last:
                self._last = stamp

    def _bound(self, wall: int) -> int:
        """Up to where a stamp moves this clock."""
        return min(wall + self.max_drift_ns, MAX_WALL)
