"""Leaving so that it is known to be a leave.

First somebody has to hold what was written here; then it is announced, and some members are told
directly, again and again, until enough of them have answered. Both are bounded in time: a member
that nobody hears leaves all the same.

Who is leaving as well answers, and says so: that answer is worth nothing, for when most of a
cluster leave at once those who stay might never hear of it.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from crdt import Store

from .data.replication import Replication
from .member import Claim, State
from .members.membership import Membership
from .timers import Timers
from .timing import MILLISECOND, Timing
from .wire.claims import encode_claim
from .wire.messages import encode_claims

GOODBYES = 8
"""How many members are told directly at a time."""

PAUSE = 20 * MILLISECOND
"""The least time before others are told instead of those who are leaving as well: our choice."""

ENOUGH = 4
"""How many who stay have to answer: one that has just died must not keep us, and what four know is
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
        self._acknowledged: dict[str, None] = {}

    def begin(self, now: int) -> None:
        """Start to leave."""
        timeout = self._timing.leave_timeout
        self._timers.set("left", now + timeout, lambda _: self._done())
        self._timers.set("handed over", now + timeout // 2, self._announce)
        self._hand_over(now)

    def answered(self, sequence: int, now: int) -> None:
        """Somebody answered a probe, perhaps one of ours."""
        name = self._unanswered.get(sequence)
        if name is None:
            return
        self._unanswered = {s: n for s, n in self._unanswered.items() if n != name}
        known = self._membership.get(name)
        if known is not None and known.state.running:
            self._acknowledged[name] = None
        if len(self._acknowledged) >= ENOUGH or not self._untold():
            self._done()
        elif not self._unanswered:
            self._timers.set("farewell", now + PAUSE, self._announce)

    def _untold(self) -> list[Claim]:
        """Who stays, as far as we know, and has not answered."""
        others = self._membership.others()
        return [other for other in others if other.name not in self._acknowledged]

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
        others = self._untold()
        staying = {other.name: None for other in others}
        self._unanswered = {s: n for s, n in self._unanswered.items() if n in staying}
        waiting = dict.fromkeys(self._unanswered.values())
        told = [other for other in others if other.name in waiting]
        fresh = [other for other in others if other.name not in waiting]
        told += self._random.sample(fresh, min(max(0, GOODBYES - len(told)), len(fresh)))
        goodbye = encode_claims([encode_claim(self._membership.me)])
        self._unanswered |= {self._probe(other, goodbye): other.name for other in told}
        self._timers.set("farewell", now + self._timing.gossip_interval, self._announce)
        if not told:
            self._done()
