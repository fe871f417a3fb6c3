"""The two clocks of one host over virtual time, right or wrong.

Both are made of the same quartz, so a drift bends both. The wall clock can be set to anything; the
monotonic one only ever goes forward.
"""

from __future__ import annotations

from sim.agenda import SECOND, Agenda, finite
from sim.errors import SimError

EPOCH = 1_893_456_000 * SECOND
"""What an undisturbed wall clock shows at the start of a run: 2030-01-01, midnight UTC."""

BILLION = 1_000_000_000
DRIFT_MIN, DRIFT_MAX = -0.9, 9.0
"""A clock runs between a tenth and ten times as fast as time: our choice. At -1 it would stand."""


class Clocks:
    """The monotonic clock that `now` is read from, and the time of day."""

    __slots__ = ("_agenda", "_drift", "_gained", "_monotonic", "_since", "_wall")

    def __init__(self, agenda: Agenda, uptime: int) -> None:
        self._agenda = agenda
        self._monotonic = uptime  # ahead of virtual time; at the start it differs by host
        self._wall = 0  # ahead of the true time, the drift left out
        self._drift = 0  # nanoseconds gained per second
        self._since = 0  # when it began to drift like this, and what it had gained by then
        self._gained = 0

    @property
    def drifts(self) -> bool:
        """Whether it keeps another time than the world."""
        return self._drift != 0

    def monotonic(self) -> int:
        """The clock that `now` is read from. It has nothing to do with that of any other host."""
        if self._drift:
            return self._agenda.now + self._monotonic + self._gain()
        return self._agenda.now + self._monotonic + self._gained

    def wall(self) -> int:
        """The time of day, as far as this host knows."""
        return EPOCH + self._agenda.now + self._wall + self._gain()

    def virtual(self, monotonic: int) -> int:
        """When, in virtual time, this host's monotonic clock shows `monotonic`, or the first
        moment at which it shows more.
        """
        if not self._drift:
            return monotonic - self._monotonic - self._gained
        to_go = monotonic - self._monotonic - self._gained - self._since
        return self._since - (-to_go * BILLION // (BILLION + self._drift))

    def set_wall(self, ahead: int) -> None:
        """Let the wall clock show `ahead` nanoseconds more than the true time."""
        self._wall = ahead - self._gain()

    def set_drift(self, drift: int) -> None:
        """Let both clocks gain so many nanoseconds per second from now on."""
        self._gained = self._gain()
        self._since = self._agenda.now
        self._drift = drift

    def jump(self, by: int, *, monotonic: bool) -> None:
        """Move the wall clock from where it is; with `monotonic` both, as after a suspension."""
        self._wall += by
        if monotonic:
            assert by >= 0, "a monotonic clock never goes back"
            self._monotonic += by

    def _gain(self) -> int:
        return self._gained + (self._agenda.now - self._since) * self._drift // BILLION


def drift(seconds_per_second: object) -> int:
    """What a clock gains, in nanoseconds per second; `SimError` for what no clock does."""
    words = f"a drift is a number of seconds per second in {DRIFT_MIN}..{DRIFT_MAX}"
    number = finite(seconds_per_second, words)
    if not DRIFT_MIN <= number <= DRIFT_MAX:
        raise SimError(f"{words}, not {seconds_per_second!r}")
    return round(number * BILLION)
