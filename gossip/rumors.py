"""News about members, riding on whatever leaves anyway.

Each rumor is one encoded claim about one member; a newer claim about the same member takes its
place, so an accusation and its refutation never travel together. The least-sent rumors go first,
each a limited number of times.

Reference: SWIM, section 4.1 (infection-style dissemination).
"""

from __future__ import annotations

from sortedcontainers import SortedDict


class Rumors:
    """Encoded claims waiting to be passed on, at most one per member."""

    def __init__(self) -> None:
        self._queue: SortedDict[tuple[int, int], tuple[str, bytes]] = SortedDict()
        self._places: dict[str, tuple[int, int]] = {}
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._queue)

    def spread(self, name: str, claim: bytes) -> None:
        """Pass on this claim about `name`, in place of an older one."""
        place = self._places.get(name)
        if place is not None:
            del self._queue[place]
        self._put(0, name, claim)

    def take(self, room: int, limit: int) -> list[bytes]:
        """Claims that fit into `room` bytes, least-sent first; each is dropped once it was taken
        `limit` times.
        """
        taken: list[tuple[int, str, bytes]] = []
        for place, (name, claim) in self._queue.items():
            if len(claim) > room:
                break
            room -= len(claim)
            taken.append((place[0] + 1, name, claim))
        for sent, name, claim in taken:
            del self._queue[self._places.pop(name)]
            if sent < limit:
                self._put(sent, name, claim)
        return [claim for _, _, claim in taken]

    def _put(self, sent: int, name: str, claim: bytes) -> None:
        self._sequence += 1
        self._places[name] = (sent, self._sequence)
        self._queue[sent, self._sequence] = (name, claim)
