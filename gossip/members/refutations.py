"""How often a member refutes: each time is news that everybody passes on at once, so who accuses it
without end must not keep everybody busy.
"""

from __future__ import annotations

REFUTATIONS = 8
"""So many accusations are answered at once, and after that two in each probe interval: our choice,
far more often than anybody has to who is merely slow."""


class Pace:
    """When the next refutation is due."""

    def __init__(self, probe_interval: int) -> None:
        self._pause = probe_interval // 2
        self._at: int | None = None

    def due(self, now: int) -> int:
        """The time from which on one may be made; one that may be made now counts as made."""
        spare = now - (REFUTATIONS - 1) * self._pause
        at = spare if self._at is None else max(self._at, spare)
        if at > now:
            return at
        self._at = at + self._pause
        return now
