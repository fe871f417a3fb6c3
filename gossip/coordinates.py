"""How far is it from any member to any other, when nobody measured all the pairs?

Every member has a place in a space, and two places are as far apart as the round trip between them
takes. A member that measured a round trip moves a little: away from the other where it took longer
than the places say, towards it where it took less. So the cluster settles where the places explain
what was measured, and then also tell the round trips that were not: two members that never spoke,
or a pair of others.

Beside its place in eight dimensions, a coordinate has a *height*, the way from the member to the
network, which every round trip of it includes; an *adjustment*, what its estimates were wrong by
lately; and an *error*, how little it trusts itself: who is sure of its place moves less, and is
followed more.

The constants are those that Serf (`coordinate/config.go`) has run with for years. References:
[1] Dabek, Cox, Kaashoek, Morris, "Vivaldi: A Decentralized Network Coordinate System" (2004).
[2] Ledlie, Gardner, Seltzer, "Network Coordinates in the Wild" (2007).
[3] Lee, Zhang, Sahu, Saha, "On Suitability of Euclidean Embedding for Host-based Network
Coordinate Systems" (2010).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import dist, isfinite
from operator import sub
from random import Random
from struct import Struct

DIMENSIONS = 8
"""Of the place; [2] finds no gain in accuracy beyond seven."""

ERROR_MAX = 1.5
"""The error of who has measured nothing yet, and the most that it can be."""

CE = 0.25
"""How far one round trip can change the error, at most ([1], section 3.4: c_e)."""

CC = 0.25
"""How far one round trip can move the place, as a share of the surprise ([1], 3.4: c_c)."""

ADJUSTMENT_WINDOW = 20
"""Over so many round trips the adjustment is a mean ([3])."""

LATENCY_SAMPLES = 3
"""Of so many round trips to one member the median counts: one late answer moves nobody ([2])."""

HEIGHT_MIN = 10e-6
"""The least height, in seconds; it has to be positive ([1], 5.4), and small next to real ones."""

GRAVITY_RHO = 150.0
"""How weakly all are drawn to the origin, in seconds, so that the whole cluster does not drift
away ([2], 5.2: ρ)."""

ZERO = 1e-6
"""What is closer than this, in seconds, is in one place; chosen by Serf."""

RTT_MAX = 10.0
"""A longer round trip, in seconds, is no measurement but an accident; chosen by Serf."""

FAR = 10.0
"""Nobody is further from the origin, nor higher, in seconds; chosen by us: the longest round trip.
"""

MAX_FILTERED = 8192
"""Members whose last round trips are kept; chosen by us, as many as there can be in a table."""

_LAYOUT = Struct(f">B{DIMENSIONS}hHhB")
_UNIT = 1e-6
_EXPONENT_MAX = 9  # 2**9 µs * 32,767 is more than `FAR`
_ORIGIN = (0.0,) * DIMENSIONS

PACKED_BYTES = _LAYOUT.size


@dataclass(frozen=True, slots=True)
class Coordinate:
    """Where a member is. Seconds, but for the error, which is a share."""

    place: tuple[float, ...] = _ORIGIN
    height: float = HEIGHT_MIN
    adjustment: float = 0.0
    error: float = ERROR_MAX

    @property
    def sound(self) -> bool:
        """Whether every part is a number within its bounds."""
        return (
            len(self.place) == DIMENSIONS
            and dist(self.place, _ORIGIN) <= FAR  # False, too, where a part is not a number
            and 0 < self.height <= FAR
            and -FAR <= self.adjustment <= FAR
            and 0 < self.error <= ERROR_MAX
        )

    def packed(self) -> bytes:
        """As bytes: one exponent for all parts, so that a LAN keeps its microseconds, and the
        longest ways still fit.
        """
        most = max(*map(abs, self.place), self.height / 2, abs(self.adjustment))
        exponent = 0
        while exponent < _EXPONENT_MAX and most > _UNIT * 2**exponent * 32767:
            exponent += 1
        unit = _UNIT * 2**exponent
        return _LAYOUT.pack(
            exponent,
            *(round(part / unit) for part in self.place),
            max(1, round(self.height / unit)),
            round(self.adjustment / unit),
            max(1, round(self.error / ERROR_MAX * 255)),
        )

    @classmethod
    def unpacked(cls, data: bytes) -> Coordinate:
        """The coordinate behind these bytes, which is sound; `ValueError` when it is not."""
        if len(data) != PACKED_BYTES:
            raise ValueError
        exponent, *place, height, adjustment, error = _LAYOUT.unpack(data)
        if exponent > _EXPONENT_MAX:
            raise ValueError
        unit = _UNIT * 2**exponent
        parts = tuple([part * unit for part in place])
        found = cls(parts, height * unit, adjustment * unit, error / 255 * ERROR_MAX)
        if not found.sound:
            raise ValueError
        return found


def distance(a: Coordinate, b: Coordinate) -> float:
    """The round trip between two places, in seconds, as far as the coordinates tell."""
    raw = dist(a.place, b.place) + (a.height + b.height)
    adjusted = raw + (a.adjustment + b.adjustment)
    return adjusted if adjusted > 0 else raw


@dataclass(slots=True)
class Vivaldi:
    """One member's own coordinate, and what moves it."""

    random: Random
    """Into which direction to move away from who is in the same place."""

    coordinate: Coordinate = field(default_factory=Coordinate)
    ignored: int = 0
    """Measurements that could not be true, and moves that led out of all bounds."""

    _latest: dict[str, deque[float]] = field(default_factory=dict)
    _misses: deque[float] = field(
        default_factory=lambda: deque([0.0] * ADJUSTMENT_WINDOW, ADJUSTMENT_WINDOW)
    )

    def update(self, other: Coordinate, rtt_seconds: float, name: str) -> None:
        """Move, for a round trip to a member of that name and coordinate took so long."""
        if not (isfinite(rtt_seconds) and 0 <= rtt_seconds <= RTT_MAX and other.sound):
            self.ignored += 1
            return
        moved = self._moved(other, max(ZERO, self._filtered(name, rtt_seconds)))
        if not moved.sound:
            self.ignored += 1
            moved = Coordinate()
        self.coordinate = moved

    def forget(self, name: str) -> None:
        """Nothing is kept of a member any more."""
        self._latest.pop(name, None)

    def _filtered(self, name: str, rtt: float) -> float:
        samples = self._latest.setdefault(name, deque(maxlen=LATENCY_SAMPLES))
        samples.append(rtt)
        if len(self._latest) > MAX_FILTERED:
            del self._latest[next(iter(self._latest))]
        return sorted(samples)[len(samples) // 2]

    def _moved(self, other: Coordinate, rtt: float) -> Coordinate:
        """Where the spring between the two moves us ([1], figure 3), gravity after it, and what
        estimates miss by then.
        """
        me = self.coordinate
        expected = distance(me, other)
        weight = me.error / (me.error + other.error)
        error = me.error + CE * weight * (abs(expected - rtt) / rtt - me.error)
        force = CC * weight * (rtt - expected)
        away, apart = self._away(me.place, other.place)
        height = me.height
        if apart > ZERO:
            height = max(HEIGHT_MIN, height + force * (height + other.height) / apart)
        step = force / dist(away, _ORIGIN)
        place = [part + step * way for part, way in zip(me.place, away, strict=True)]
        out = dist(place, _ORIGIN)
        pull = max(0.0, 1 - out / GRAVITY_RHO**2)  # a force of (out / ρ)², along the way there
        place = [part * pull for part in place]
        # Half of what is missed, for the other has an adjustment too; the old one does not count.
        self._misses.append(rtt - dist(place, other.place) - height - other.height)
        adjustment = sum(self._misses) / (2 * ADJUSTMENT_WINDOW)
        return Coordinate(
            tuple(place), height, max(-FAR, min(FAR, adjustment)), max(ZERO, min(ERROR_MAX, error))
        )

    def _away(
        self, mine: tuple[float, ...], theirs: tuple[float, ...]
    ) -> tuple[Sequence[float], float]:
        """Which way leads away from there, and how far apart the two are."""
        apart = dist(mine, theirs)
        if apart > ZERO:
            return list(map(sub, mine, theirs)), apart
        chance = [self.random.random() - 0.5 for _ in range(DIMENSIONS)]
        return chance if any(chance) else [1.0, *_ORIGIN[1:]], 0.0
