"""Asking for events that are missing: from whom, how often, and until when.

The member that told of them is asked first, for it has them; then the origin and others in turn.
Where a stream begins, only the origin knows. As long as events come in, asking goes on; what does
not come within `PATIENCE` is given up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from gossip.member import Claim
from gossip.members.membership import Membership
from gossip.outbox import Outbox
from gossip.timers import Timers
from gossip.timing import Timing
from gossip.wire.user_messages import MAX_NUMBERS, Lacking, encode_user

from .streams import Stream

PATIENCE = 25
"""For how many gossip intervals what is missing is asked for, without any progress."""

MAX_GAPS = 64
"""Of how many origins something may be missing at once; the others wait for their turn. As many
times as many events may wait for those before them.
"""


@dataclass(slots=True)
class Gap:
    """What is being asked for, of one origin."""

    teller: str
    since: int
    due: int
    at: int
    """The lowest number that was missing when there was progress last; 0 for the beginning."""
    tries: int = 0
    asked: tuple[int, ...] = ()


class Repair:
    """Asks for what `streams` lack; `give_up(origin, stream, teller, now)` when it is in vain."""

    def __init__(
        self,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        random: Random,
        outbox: Outbox,
        streams: Mapping[str, Stream],
        give_up: Callable[[str, Stream, str, int], None],
    ) -> None:
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._outbox = outbox
        self._streams = streams
        self._give_up = give_up
        self._gaps: dict[str, Gap] = {}

    def has_room(self, origin: str) -> bool:
        """Whether events of this origin may wait for others."""
        return origin in self._gaps or len(self._gaps) < MAX_GAPS

    def asked_for(self, origin: str, sequence: int) -> bool:
        """Whether we asked somebody for this event."""
        gap = self._gaps.get(origin)
        return gap is not None and sequence in gap.asked

    def lack(self, origin: str, stream: Stream, teller: str, now: int) -> None:
        """Events of this origin are missing: ask for them in a moment, if they do not come."""
        gap, at = self._gaps.get(origin), stream.next or 0
        interval = self._timing.gossip_interval
        if gap is None:
            if len(self._gaps) >= MAX_GAPS:
                return
            # Where it begins, only the origin says: there is nothing to wait for.
            pause = interval // 4 if at else min(self._timing.push_delay, interval)
            self._gaps[origin] = Gap(teller, now, now + pause, at)
        elif gap.at != at:  # what was asked for comes in: ask for the rest sooner
            gap.at, gap.since, gap.tries = at, now, 0
            gap.due = min(gap.due, now + interval // 4)
        self._plan()

    def stop(self, origin: str) -> None:
        """Nothing of this origin is missing any more."""
        self._gaps.pop(origin, None)

    def _plan(self) -> None:
        if self._gaps:
            due = min(gap.due for gap in self._gaps.values())
            self._timers.set("missing events", due, self._ask)

    def _ask(self, now: int) -> None:
        """Ask for what is missing, or give it up."""
        for origin, gap in list(self._gaps.items()):
            if gap.due > now:
                continue
            stream = self._streams[origin]
            if now - gap.since > PATIENCE * self._timing.gossip_interval:
                del self._gaps[origin]
                self._give_up(origin, stream, gap.teller, now)
                continue
            asked = self._whom(origin, stream, gap)
            if asked is not None:
                gap.asked = stream.missing(MAX_NUMBERS)
                frame = encode_user(Lacking(origin, stream.boot, gap.asked))
                self._outbox.send(asked.address, frame)
            gap.tries += 1
            gap.due = now + self._timing.gossip_interval
        self._plan()

    def _whom(self, origin: str, stream: Stream, gap: Gap) -> Claim | None:
        """The teller first; every other time the origin; else anybody."""
        if stream.next is None or gap.tries % 2:
            return self._membership.get(origin)
        if gap.tries == 0:
            return self._membership.get(gap.teller)
        others = self._membership.others()
        return self._random.choice(others) if others else None

    def check(self) -> None:
        """Assert what holds between two calls."""
        assert len(self._gaps) <= MAX_GAPS, "too many origins are asked for"
        assert not self._gaps or "missing events" in self._timers, "nobody asks for what is missing"
        for name, stream in self._streams.items():
            assert not stream.waiting or name in self._gaps, f"nobody asks for events of {name}"
