"""Leaving so that it is known to be a leave.

First somebody has to hold what was written here; then it is announced, and some members are told
directly, again and again, until all of them have answered. Both are bounded in time: a member that
nobody hears leaves all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from crdt import Store

from .claims import encode_claim
from .member import Claim, State
from .membership import Membership
from .messages import encode_claims
from .replication import Replication
from .timers import Timers
from .timing import Timing

GOODBYES = 8
"""How many members are told directly."""

ENOUGH = 4
"""How many of them have to answer: one that has just died must not keep us, and what four know is
soon known to all."""


class Farewell:
    """The last steps of a member; calls `done` when it has left."""

    def __init__(
        self,
        *,
        store: Store,
        membership: Membership,
        replication: Replication,
        timing: Timing,
        timers: Timers,
        random: Random,
        expecting: Callable[[int], bool],
        probe: Callable[..., int],
        done: Callable[[], None],
    ) -> None:
        """`expecting(now)` tells whether our first call may yet be answered; `probe(claim,
        *frames)` sends a probe with more frames and gives its number.
        """
        self._store = store
        self._membership = membership
        self._replication = replication
        self._timing = timing
        self._timers = timers
        self._random = random
        self._expecting = expecting
        self._probe = probe
        self._done = done
        self._unanswered: dict[int, str] = {}
        self._acknowledged = 0

    def begin(self, now: int) -> None:
        """Start to leave."""
        timeout = self._timing.leave_timeout
        self._timers.set("left", now + timeout, lambda _: self._done())
        self._timers.set("handed over", now + timeout // 2, self._announce)
        self._hand_over(now)

    def answered(self, sequence: int) -> None:
        """Somebody answered a probe, perhaps one of ours."""
        name = self._unanswered.get(sequence)
        if name is not None:
            self._unanswered = {s: n for s, n in self._unanswered.items() if n != name}
            self._acknowledged += 1
            if not self._unanswered or self._acknowledged >= ENOUGH:
                self._done()

    def _hand_over(self, now: int) -> None:
        alone = not self._membership.others()
        held = not self._store.context or self._replication.held_by(self._store.context)
        if (held or alone) and not (alone and self._expecting(now)):
            self._announce(now)
        else:
            self._replication.solicit(now)
            self._timers.set("farewell", now + self._timing.pull_delay, self._hand_over)

    def _announce(self, now: int) -> None:
        self._timers.stop("handed over")
        if self._membership.me.state is State.ALIVE:
            self._membership.leave()
        others: list[Claim] = self._membership.others()
        waiting = self._unanswered.values()
        told = [other for other in others if other.name in waiting]
        if not told:
            told = self._random.sample(others, min(GOODBYES, len(others)))
            self._unanswered = {}
        goodbye = encode_claims([encode_claim(self._membership.me)])
        self._unanswered |= {self._probe(other, goodbye): other.name for other in told}
        self._timers.set("farewell", now + self._timing.gossip_interval, self._announce)
        if not told:
            self._done()
