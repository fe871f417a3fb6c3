"""How long answers take: smoothed round trips per member, and how long to wait for the next one.

The time-out of a member is what its round trips were lately and four times how they varied. For one
that was never measured, what those of all others were stands in, since most clusters are of one
kind; before anything was measured, the longest time-out holds.

References: Jacobson, "Congestion avoidance and control" (1988); RFC 6298, section 2.
"""

from __future__ import annotations

from .timing import SECOND, Timing


class RoundTrips:
    """Measurements, of one member."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._links: dict[str, tuple[int, int]] = {}  # smoothed, and variation: ns
        self._all: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self._links)

    def note(self, name: str, took: int) -> None:
        """An answer came after so many nanoseconds."""
        self._links[name] = _smoothed(self._links.get(name), took)
        self._all = _smoothed(self._all, took)

    def seconds(self, name: str) -> float | None:
        """The smoothed round trip to a member; None when it was not measured."""
        link = self._links.get(name)
        return None if link is None else link[0] / SECOND

    def timeout(self, name: str) -> int:
        """How long to wait for an answer, in nanoseconds."""
        timing = self._timing
        link = self._links.get(name, self._all)
        if link is None:
            return timing.probe_timeout
        return min(timing.probe_timeout, max(timing.probe_timeout_min, link[0] + 4 * link[1]))

    def forget(self, name: str) -> None:
        """Nothing is remembered of this member any more."""
        self._links.pop(name, None)


def _smoothed(link: tuple[int, int] | None, took: int) -> tuple[int, int]:
    if link is None:
        return took, took // 2
    smoothed, variation = link
    variation += (abs(took - smoothed) - variation) // 4
    return smoothed + (took - smoothed) // 8, variation
