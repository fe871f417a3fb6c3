"""How members are failed: after the time that they had to refute, or on the word of enough others.

This works out again, from who accused whom and for how long, what `docs/protocol.md` promises to a
suspect; and whether whoever stood still took the silence for that of others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, log10

from gossip import (
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberSuspected,
    MemberUpdated,
    Peer,
    Timing,
)
from gossip.member import Claim
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.promises import AWAKE, DISMISSED, PAST, PATIENT, Report

ROUNDING = 1000
"""Nanoseconds by which a time that is worked out twice may differ."""


@dataclass(slots=True)
class Pulse:
    """When one process did something."""

    boot: int
    now: int
    before: int
    """The latest moment before `now`, by its own clock."""
    version: int = -1
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """When its cluster had another size, by its own clock, and which."""


class Verdicts:
    """Sees whom each process suspects and fails."""

    __slots__ = ("_condemned", "_last", "_pulses", "_report", "woke")

    def __init__(self, report: Report) -> None:
        self._report = report
        self._pulses: dict[int, Pulse] = {}
        self._condemned: dict[tuple[str, int, int], dict[str, None]] = {}
        """Who says that a member has failed: by its name, epoch and incarnation."""

        self._last: dict[tuple[int, int, str], tuple[str, int]] = {}
        """What a process told last of who is there, and when that one joined, by its own clock."""
        self.woke = False
        """Whether what is being done is done at an alarm, and not because of a datagram."""

    def condemned(self, accuser: str, about: Claim) -> None:
        """Somebody says of a member that it has failed."""
        key = about.name, about.epoch, about.incarnation
        self._condemned.setdefault(key, {})[accuser] = None

    def stepped(self, host: Host, peer: Peer, clock: int) -> None:
        """A process has done something, at `clock` by its own."""
        pulse = self._pulses.get(host.index)
        if pulse is None or pulse.boot != host.boots:
            pulse = self._pulses[host.index] = Pulse(host.boots, clock, clock)
        if clock != pulse.now:
            pulse.before, pulse.now = pulse.now, clock
        membership = peer._membership
        if pulse.version != membership.version:
            pulse.version, size = membership.version, len(membership)
            if not pulse.sizes or pulse.sizes[-1][1] != size:
                pulse.sizes.append((clock, size))

    def told(self, host: Host, peer: Peer, event: MemberEvent, now: int) -> None:
        """A process told its user something about a member."""
        name, claim = event.member.name, peer._membership.get(event.member.name)
        if claim is None or isinstance(event, MemberUpdated):
            return
        key, clock = (host.index, host.boots, name), self._pulses[host.index].now
        before, joined = self._last.get(key, ("", 0))
        self._last[key] = event.member.state, clock if isinstance(event, MemberJoined) else joined
        if isinstance(event, MemberFailed):
            self._failed(host, peer, claim, now)
            self.condemned(host.name, claim)
        elif isinstance(event, MemberLeft) and claim.accuser and before == "alive":
            detail = f"{name} is made to leave by {claim.accuser}"
            self._report(DISMISSED, host.name, now, detail)
        elif isinstance(event, MemberSuspected) and claim.accuser == host.name:
            self._suspected(host, peer, claim, joined, now)

    def _suspected(self, host: Host, peer: Peer, claim: Claim, joined: int, now: int) -> None:
        """Whoever accuses has asked; and has been there for the answer."""
        timing, pulse = peer._timing, self._pulses[host.index]
        if claim.refused:
            return  # its host said so
        known = pulse.now - joined
        # What an earlier boot of the accuser said may come back to it.
        if host.boots == 1 and known < 4 * timing.probe_timeout_min // 5:
            detail = f"{claim.name}, which was met {known / SECOND:.3f} s before"
            self._report(PAST, host.name, now, detail)
        stood = pulse.now - pulse.before
        longest = 2 * timing.probe_interval * peer._membership.health.factor
        if self.woke and timing.late and stood > longest:
            detail = f"{claim.name}, by who stood still for {stood / SECOND:.1f} s"
            self._report(AWAKE, host.name, now, detail)

    def _failed(self, host: Host, peer: Peer, claim: Claim, now: int) -> None:
        """Nobody is failed on the word of one, nor by a verdict that came too soon or too late."""
        timing, cases = peer._timing, peer.why(claim.name)
        if timing.verdicts < 2 or not cases or cases[0].outcome != "failed":
            return  # with one verdict, everybody is believed at once
        case = cases[0]
        assert case.ended is not None
        accusers, took = dict(case.accusers), case.ended - case.began
        least, most = self._sizes(host.index, case.began)
        if timing.refusals and sum(accusers.values()) >= max(2, min(timing.refusals, least - 1)):
            return
        said = self._condemned.get((claim.name, claim.epoch, claim.incarnation), {})
        if any(len({**accusers, each: True}) >= min(timing.verdicts, least - 1) for each in said):
            return
        words = f"{claim.name} after {took / SECOND:.3f} s, accused by {', '.join(accusers)}"
        if case.verdict != host.name:
            self._report(PATIENT, host.name, now, f"{words}, on the word of {case.verdict}")
        elif took + ROUNDING < patience(timing, least, len(accusers)):
            self._report(PATIENT, host.name, now, f"{words}, of {least} members")
        elif timing.late and not host.service:
            longest = patience(timing, most, 1)
            if took > longest + max(timing.late, longest // 4) + ROUNDING:
                self._report(AWAKE, host.name, now, f"{words}: the verdict came late")

    def _sizes(self, index: int, began: int) -> tuple[int, int]:
        """How few and how many members there were for a process since then, the suspect too."""
        sizes = self._pulses[index].sizes
        first = max((at for at, (since, _) in enumerate(sizes) if since <= began), default=0)
        *counts, last = [size for _, size in sizes[first:]]
        return min([*counts, last + 1]), max([*counts, last + 1])


def patience(timing: Timing, members: int, accusers: int) -> int:
    """How long a suspect has to refute, in nanoseconds: the formula of `docs/protocol.md`."""
    scale = max(1.0, log10(members))
    least = max(timing.suspicion_min, timing.suspicion_mult * scale * timing.probe_interval)
    needed = min(timing.confirmations, members - 2)
    if needed < 1 or accusers > needed:
        return int(least)
    most = timing.suspicion_factor * least
    return int(most - (most - least) * log(accusers) / log(needed + 1))
