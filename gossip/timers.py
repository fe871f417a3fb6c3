"""One deadline for the driver, out of many inside.

Every timer has a key; setting it again moves it. The host only learns the next moment that matters.
A timer that is stopped or moved leaves a stale entry in the heap, which is dropped when it comes to
the top, so nothing ever fires twice and the top is always the next deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from heapq import heapify, heappop, heappush

Action = Callable[[int], None]
"""What a timer does when it is due, given the time now."""


class Timers:
    """Actions by the time they are due; equal times fire in the order they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Hashable]] = []
        self._live: dict[Hashable, tuple[int, int, Action]] = {}
        self._sequence = 0
        self.next: int | None = None
        """The time of the earliest timer."""

    def set(self, key: Hashable, at: int, action: Action) -> None:
        """Let `action` happen at time `at` (ns), instead of what was set under `key` before."""
        self._sequence += 1
        moved = key in self._live
        self._live[key] = (at, self._sequence, action)
        heappush(self._heap, (at, self._sequence, key))
        if moved:
            self._drop_stale()
        else:
            self.next = self._heap[0][0]

    def stop(self, key: Hashable) -> None:
        """Forget a timer, if it is set."""
        if self._live.pop(key, None) is not None:
            self._drop_stale()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._live

    def due(self, now: int) -> Iterator[Action]:
        """Take the actions due by `now`, in order; those that they set for `now` or earlier too."""
        while self._heap and self._heap[0][0] <= now:
            key = heappop(self._heap)[2]
            action = self._live.pop(key)[2]
            self._drop_stale()
            yield action

    def _drop_stale(self) -> None:
        """See that the earliest entry is of a timer that is set, and that few others are not."""
        heap, live = self._heap, self._live
        if len(heap) > 64 + 4 * len(live):
            heap[:] = [(at, sequence, key) for key, (at, sequence, _) in live.items()]
            heapify(heap)
        while heap:
            _, sequence, key = heap[0]
            if key in live and live[key][1] == sequence:
                break
            heappop(heap)
        self.next = heap[0][0] if heap else None

    def clear(self) -> None:
        """Forget all timers."""
        self._heap.clear()
        self._live.clear()
        self.next = None
