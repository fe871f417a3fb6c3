"""How well this member itself is doing: what it takes for the fault of others may be its own.

The score goes up when there are signs that this member is slow or cut off (a probe that nobody
helped with, a wake-up that came late, an accusation that had to be refuted), and down with every
answer. Everything that judges others takes longer by the score.

Reference: Dadgar, Phillips, Currey, "Lifeguard" (2018), section IV.A (local health multiplier).
That late wake-ups count is ours: an interpreter can be busy for long. So is that whoever is behind
with its work judges nobody.
"""

from __future__ import annotations

from .timing import Timing


class Health:
    """The score of this member: 0 is well."""

    def __init__(self, timing: Timing) -> None:
        self._limit = timing.health_max - 1
        self._late = timing.late
        self.score = 0
        self.factor = 1
        """How many times longer this member waits for others."""
        self.behind = 0
        """When a timer fired late last; 0 when somebody answered since. Whoever is late for timers
        is late for datagrams too: what others said may lie unread in the inbox."""

    def better(self) -> None:
        """Somebody answered in time."""
        self.behind = 0
        if self.score:
            self._set(self.score - 1)

    def worse(self, by: int = 1) -> None:
        """Something went wrong here, it seems."""
        self._set(min(self._limit, self.score + by))

    def _set(self, score: int) -> None:
        self.score = score
        self.factor = 1 + score

    def woken(self, due: int, now: int) -> None:
        """Timers fire now, of which the first was set for `due`."""
        if self._late and now - due > self._late:
            self.behind = now

    def late(self, due: int, now: int, waited: int) -> bool:
        """Whether a timer that was set for `due`, after a wait, fires so late that the silence
        meanwhile says nothing about others; it does say something about us.
        """
        if not self._late or now - due <= max(self._late, waited // 4):
            return False
        self.worse()
        return True
