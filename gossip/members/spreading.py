"""When news goes out by itself, beside riding on whatever leaves anyway.

While there is news, it goes to a few members every gossip interval. What cannot wait, that somebody
is suspected, has failed, is there after all or leaves, begins its way at once, from member to
member: the intervals are then only for those whom that did not reach.

Reference: SWIM, section 4.1; a gossip tick of its own, as memberlist has it; the haste is ours.
"""

from __future__ import annotations

from random import Random

from gossip.outbox import Outbox
from gossip.timers import Timers
from gossip.timing import MILLISECOND, Timing

from .membership import Membership

HASTE = 20 * MILLISECOND
"""The least time between two hasty rounds of one member: our choice, against storms of news."""

HURRY = 3
"""So many hasty rounds follow the first: together they use up what news is sent at all, so that in
a large cluster nobody is left out until the next interval but by rare bad luck."""


class Spreading:
    """Sends rumors to members chosen at random."""

    def __init__(
        self, membership: Membership, timing: Timing, timers: Timers, random: Random, outbox: Outbox
    ) -> None:
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._outbox = outbox
        self._latest = -HASTE
        self._hurry = 0

    def begin(self, now: int) -> None:
        """There is news: see that it goes out."""
        urgent, self._membership.urgent = self._membership.urgent, False
        if not self._membership.others():
            return
        if urgent:
            self._hurry = HURRY
            self._timers.set("gossip", max(now, self._latest + HASTE), self._gossip)
        elif "gossip" not in self._timers:
            self._timers.set("gossip", now + self._timing.gossip_interval, self._gossip)

    def _gossip(self, now: int) -> None:
        self._latest = now
        others = self._membership.others()
        for other in self._random.sample(others, min(self._timing.gossip_fanout, len(others))):
            if self._membership.rumors:
                self._outbox.send(other.address)
        if self._hurry and self._membership.rumors:
            self._hurry -= 1
            self._timers.set("gossip", now + HASTE, self._gossip)
