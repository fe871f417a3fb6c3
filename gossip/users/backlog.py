"""Events of users, to be passed on: the twin of `rumors`, with a place of its own.

The least-sent go first, each a limited number of times; an event is never replaced, for each is
another one. Beyond a bound the most-sent is dropped, for it has travelled furthest, and whoever
misses it asks for it.
"""

from __future__ import annotations

from sortedcontainers import SortedDict

MAX_BACKLOG = 512
"""Events that wait to be passed on; chosen by us, about what eight origins may send at once."""


SMALLEST = 16
"""No event is smaller than this: with less room there is nothing to look for."""


class Backlog:
    """Frames of events, each with how often it was sent."""

    def __init__(self) -> None:
        self.frames: SortedDict[tuple[int, int], bytes] = SortedDict()
        """By how often each was sent, and in the order of arrival."""
        self._number = 0
        self.dropped = 0
        """How many were dropped before they had been sent as often as they should."""

    def __len__(self) -> int:
        return len(self.frames)

    def add(self, frame: bytes, sent: int) -> None:
        """Pass on this event, which was sent so many times already."""
        self._number += 1
        self.frames[sent, self._number] = frame
        if len(self.frames) > MAX_BACKLOG:
            self.frames.popitem()
            self.dropped += 1

    def take(self, room: int, limit: int) -> list[bytes]:
        """Frames that fit into `room` bytes, least-sent first; each is dropped once it was sent
        `limit` times. One that does not fit is passed over: it gets its turn in an emptier
        datagram.
        """
        taken: list[tuple[int, int]] = []
        for place, frame in self.frames.items():
            if len(frame) <= room:
                room -= len(frame)
                taken.append(place)
            elif room < SMALLEST:
                break
        frames = [self.frames.pop(place) for place in taken]
        for (sent, _), frame in zip(taken, frames, strict=True):
            if sent + 1 < limit:
                self._number += 1
                self.frames[sent + 1, self._number] = frame
        return frames
