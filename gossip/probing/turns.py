"""Whose turn it is to be probed.

*In a common order.* Members are sorted by a hash of their names, and in each round everybody asks
the one that stands so many places further on as the round has a number. Where views agree, each
member is asked by exactly one other per round, so nobody waits for luck to be asked. The number of
the round is shared loosely: it rides on probes, and a member goes on from the greatest that it has
heard. Where views differ, what comes out is as good as chance.

*Alone.* Each member goes through the others in an order of its own that is shuffled anew when it is
through, and newcomers get a random place in it, as SWIM has it (section 4.3): a member may be asked
by several in one round and by none in the next.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from random import Random

from gossip.member import Claim
from gossip.members.membership import Membership

ROUNDS = 2**32
"""Rounds are numbered modulo this, so that no number that anybody says is the last (RFC 1982)."""


class Turns:
    """Gives the next member to probe."""

    def __init__(self, membership: Membership, random: Random, *, coordinated: bool) -> None:
        self._membership = membership
        self._random = random
        self._coordinated = coordinated
        self.round = 0
        """The greatest number of a round that is known here."""
        self._last = 0  # the number of our own last one
        self._version = -1
        self._ring: list[str] = []
        self._waiting: list[str] = []

    def heard(self, turn: int) -> None:
        """Somebody is in this round."""
        if turn != self.round and _is_later(turn, self.round):
            self.round = turn

    def next(self) -> Claim | None:
        """Who is to be probed now; None when there is nobody."""
        if self._version != self._membership.version:
            self._version = self._membership.version
            self._changed()
        if not self._ring:
            return None
        # Not one more than what was heard: then the first would always be ahead of all others.
        mine = (self._last + 1) % ROUNDS
        self._last = self.round = self.round if _is_later(self.round, mine) else mine
        if self._coordinated:
            return self._membership.get(self._ring[self.round % len(self._ring)])
        if not self._waiting:
            self._waiting = self._random.sample(self._ring, len(self._ring))
        return self._membership.get(self._waiting.pop())

    def _changed(self) -> None:
        """Somebody came or went."""
        names = [claim.name for claim in self._membership.others()]
        if self._coordinated:
            here = _place(self._membership.me.name)
            names.sort(key=_place)
            after = next((at for at, name in enumerate(names) if _place(name) > here), len(names))
            self._ring = names[after:] + names[:after]
            return
        known, there = dict.fromkeys(self._ring), dict.fromkeys(names)
        self._ring = names
        self._waiting = [name for name in self._waiting if name in there]
        for name in names:
            if name not in known:
                self._waiting.insert(self._random.randint(0, len(self._waiting)), name)


def _is_later(one: int, other: int) -> bool:
    return 0 < (one - other) % ROUNDS < ROUNDS // 2


@lru_cache(16384)
def _place(name: str) -> tuple[bytes, str]:
    """Where a member stands in the common order."""
    return blake2b(name.encode(), digest_size=8).digest(), name
