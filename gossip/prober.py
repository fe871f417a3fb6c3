"""Are you there? One member is asked per interval; others ask for us before we accuse.

Members are probed in a shuffled order that is shuffled anew when it is through, so the longest time
between two probes of one member is bounded. A probe that is not answered in time is repeated by
`indirect_probes` others; if they do not bring an answer by the end of the interval either, the
member is suspected. A verdict that comes late, because this process was not running when it should
have been, is void: the silence may be ours.

References: SWIM, section 3.1 and 4.3; Dadgar, Phillips, Currey, "Lifeguard" (2017) for who is to
blame.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from .member import Address, Claim
from .membership import Membership
from .messages import Message, ProbeRequest
from .timers import Timers
from .timing import SECOND, Timing

MAX_RELAYED = 1024
"""How many probes on behalf of others may be under way; the oldest is forgotten beyond that."""


class Pending(NamedTuple):
    """A probe of ours that is not answered yet."""

    sequence: int
    target: str
    epoch: int
    sent: int


class Prober:
    """Probes the others in turn; `send_probe` sends a probe to a claim's address, `send` any
    message.
    """

    def __init__(
        self,
        *,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        random: Random,
        send_probe: Callable[[int, Claim], None],
        send: Callable[[Address, Message], None],
    ) -> None:
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._send_probe = send_probe
        self._send = send
        self._order: list[str] = []
        self._sequence = random.getrandbits(32)
        self._pending: Pending | None = None
        self._relayed: OrderedDict[int, tuple[Address, int]] = OrderedDict()

    def start(self, now: int) -> None:
        """Begin at a random moment of the first interval, so that members started together do not
        probe together.
        """
        self._timers.set(
            "probe", now + self._random.randrange(self._timing.probe_interval), self._tick
        )

    def next_sequence(self) -> int:
        """A number for a probe."""
        self._sequence += 1
        return self._sequence

    def relay(self, request: ProbeRequest, origin: Address) -> None:
        """Probe a member for somebody else."""
        target = self._membership.get(request.target)
        if target is None:
            return
        sequence = self.next_sequence()
        self._relayed[sequence] = (origin, request.sequence)
        if len(self._relayed) > MAX_RELAYED:
            self._relayed.popitem(last=False)
        self._send_probe(sequence, target)

    def acknowledged(self, sequence: int, now: int) -> tuple[Address, int] | None:
        """An answer came. If it was for somebody else: his address and his number."""
        pending = self._pending
        if pending is not None and pending.sequence == sequence:
            self._pending = None
            if "indirect" in self._timers:  # the answer is direct: nobody else was asked yet
                self._timers.stop("indirect")
                self._measure(pending, now)
            return None
        return self._relayed.pop(sequence, None)

    def _measure(self, pending: Pending, now: int) -> None:
        sample = (now - pending.sent) / SECOND
        known = self._membership.rtt.get(pending.target, sample)
        self._membership.rtt[pending.target] = known + (sample - known) / 8

    def _tick(self, now: int) -> None:
        self._judge(now)
        self._timers.set("probe", now + self._timing.probe_interval, self._tick)
        target = self._next_target()
        if target is not None:
            self._pending = Pending(self.next_sequence(), target.name, target.epoch, now)
            self._timers.set("indirect", now + self._timing.probe_timeout, self._ask_others)
            self._send_probe(self._pending.sequence, target)

    def _ask_others(self, _: int) -> None:
        pending = self._pending
        if pending is None:
            return
        others = [claim for claim in self._membership.others() if claim.name != pending.target]
        for claim in self._random.sample(others, min(self._timing.indirect_probes, len(others))):
            self._send(claim.address, ProbeRequest(pending.sequence, pending.target))

    def _judge(self, now: int) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        late = now - pending.sent > self._timing.probe_interval + self._timing.probe_timeout
        target = self._membership.get(pending.target)
        same_boot = target is not None and target.epoch == pending.epoch
        if target is not None and same_boot and target.state.running and not late:
            self._membership.suspect(pending.target, now)

    def _next_target(self) -> Claim | None:
        """The next member in our shuffled order that is still there."""
        for _ in range(2):
            while self._order:
                claim = self._membership.get(self._order.pop())
                if (
                    claim is not None
                    and claim.state.running
                    and claim.name != self._membership.me.name
                ):
                    return claim
            self._order = [claim.name for claim in self._membership.others()]
            self._random.shuffle(self._order)
        return None
