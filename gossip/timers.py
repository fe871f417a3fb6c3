"""One deadline for the driver, out of many inside.

Every timer has a key; setting it again moves it. The host only learns the next moment that matters.
A timer that is stopped or moved leaves a stale entry in the heap, which is skipped when its time
comes, so nothing ever fires twice.
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

    def set(self, key: Hashable, at: int, action: Action) -> None:
        """Let `action` happen at time `at` (ns), instead of what was set under `key` before."""
        self._sequence += 1
        self._live[key] = (at, self._sequence, action)
        heappush(self._heap, (at, self._sequence, key))
        if len(self._heap) > 64 + 4 * len(self._live):
            self._heap = [(at, seq, key) for key, (at, seq, _) in self._live.items()]
            heapify(self._heap)

    def stop(self, key: Hashable) -> None:
        """Forget a timer, if it is set."""
        self._live.pop(key, None)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._live

    @property
    def next(self) -> int | None:
        """The time of the earliest timer."""
        while self._heap:
            at, sequence, key = self._heap[0]
            live = self._live.get(key)
            if live is not None and live[1] == sequence:
                return at
            heappop(self._heap)
        return None

    def due(self, now: int) -> Iterator[Action]:
        """Take the actions due by `now`, in order; those that they set for `now` or earlier too."""
        while (at := self.next) is not None and at <= now:
            key = heappop(self._heap)[2]
            yield self._live.pop(key)[2]

    def clear(self) -> None:
        """Forget all timers."""
        self._heap.clear()
        self._live.clear()
