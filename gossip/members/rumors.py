"""News about members, riding on whatever leaves anyway.

Each rumor is one encoded claim about one member; a newer claim about the same member takes its
place, so an accusation and its refutation never travel together. What several members say of the
same suspect goes side by side. The least-sent rumors go first, each a limited number of times.

Reference: SWIM, section 4.1 (infection-style dissemination).
"""

from __future__ import annotations

from itertools import islice

from sortedcontainers import SortedDict

LOOKED_AT = 64
"""So many of the least-sent rumors are looked at for some that fit: our choice."""


class Rumors:
    """Encoded claims waiting to be passed on: of one member one, or one by each of its accusers."""

    def __init__(self) -> None:
        self.waiting: SortedDict[tuple[int, int], tuple[str, str, bytes]] = SortedDict()
        """By how often each was sent, and in the order of arrival: about whom, whose, and what."""
        self._places: dict[str, dict[str, tuple[int, int]]] = {}
        """By member and accuser."""
        self._sequence = 0

    def __len__(self) -> int:
        return len(self.waiting)

    def spread(self, name: str, claim: bytes) -> None:
        """Pass on this claim about `name`, in place of all older ones."""
        for place in self._places.pop(name, {}).values():
            del self.waiting[place]
        self._put(0, name, "", claim)

    def add(self, name: str, accuser: str, claim: bytes) -> None:
        """Pass on what one more member says of `name`."""
        place = self._places.get(name, {}).pop(accuser, None)
        if place is not None:
            del self.waiting[place]
        self._put(0, name, accuser, claim)

    def take(self, room: int, limit: int) -> list[bytes]:
        """Claims that fit into `room` bytes, least-sent first; each is dropped once it was taken
        `limit` times.
        """
        taken: list[tuple[int, str, str, bytes]] = []
        for place, (name, accuser, claim) in islice(self.waiting.items(), LOOKED_AT):
            if len(claim) > room:
                continue  # a large one must not keep back all behind it
            room -= len(claim)
            taken.append((place[0] + 1, name, accuser, claim))
        for sent, name, accuser, claim in taken:
            places = self._places[name]
            del self.waiting[places.pop(accuser)]
            if sent < limit:
                self._put(sent, name, accuser, claim)
            elif not places:
                del self._places[name]
        return [claim for *_, claim in taken]

    def _put(self, sent: int, name: str, accuser: str, claim: bytes) -> None:
        self._sequence += 1
        self._places.setdefault(name, {})[accuser] = (sent, self._sequence)
        self.waiting[sent, self._sequence] = (name, accuser, claim)
