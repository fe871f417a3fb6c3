"""How members go: told to leave, they are gone soon; and where nothing else is wrong, the end of a
process is known as soon as `docs/guarantees.md` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gossip import Peer, Timing
from gossip.member import State
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.promises import DEPARTS, SOON, Report
from sim.invariants.verdicts import patience

SPARE = SECOND
"""How long a goodbye takes at most, when nothing is wrong and it is announced."""

HOPS = 12
"""How many datagrams, one after the other, have it that a process is not there: it is asked, others
are asked and ask, they say so, and all are told.
"""

HASTE = SECOND // 5
"""How long urgent news is under way beside that: a few rounds of 20 ms."""

LATE = 2 * SECOND
"""How long after its time a member may leave: its process may be slow."""


class Leaving(NamedTuple):
    """A process that was told to leave."""

    boot: int
    until: int
    """By its own clock."""


class Ended(NamedTuple):
    """A process that ended while nothing else was wrong."""

    name: str
    epoch: int
    at: int
    until: int
    witnesses: tuple[tuple[Host, int], ...]
    """Who has to know by then, with their boots."""


class Departures:
    """Sees members leave and processes end."""

    __slots__ = ("_ended", "_hosts", "_leaving", "_report")

    def __init__(self, hosts: Sequence[Host], report: Report) -> None:
        self._hosts = hosts
        self._report = report
        self._leaving: dict[int, Leaving] = {}
        self._ended: Ended | None = None

    def leaves(self, host: Host, peer: Peer, clock: int, *, calm: bool) -> None:
        """A process is told to leave, at `clock` by its own."""
        wait = peer._timing.leave_timeout
        # In a calm world others come to hold what was written there, and then they answer.
        most = min(wait, wait // 2 + SPARE) if calm else wait + LATE
        self._leaving[host.index] = Leaving(host.boots, clock + most)

    def crashed(self, host: Host, now: int, delay: int) -> None:
        """A process is about to end, in a world where nothing is wrong but that datagrams take so
        long: if all agree and are well, it is known in time.
        """
        peer = host.peer
        running = [each for each in self._hosts if each.running and each.peer is not None]
        if peer is None or not all(_settled(each.peer, running) for each in running):
            return
        others, timing = [each for each in running if each is not host], peer._timing
        if not timing.coordinated or not timing.witnesses or len(others) < 2:
            return
        me = peer._membership.me
        until = now + _known_after(timing, len(others)) + HOPS * delay + HASTE
        witnesses = tuple((each, each.boots) for each in others)
        self._ended = Ended(me.name, me.epoch, now, until, witnesses)

    def disturbed(self) -> None:
        """Something else happens: nothing is promised of who ended before."""
        self._ended = None

    def stepped(self, host: Host, peer: Peer, now: int, clock: int) -> None:
        """A process has done something."""
        leaving = self._leaving.get(host.index)
        if leaving is not None and (leaving.boot != host.boots or peer.phase == "left"):
            del self._leaving[host.index]
        elif leaving is not None and clock > leaving.until:
            late = (clock - leaving.until) / SECOND
            self._report(DEPARTS, host.name, now, f"it should have been gone {late:.1f} s ago")
        if self._ended is not None and now > self._ended.until:
            self._look(self._ended, now)
            self._ended = None

    def _look(self, ended: Ended, now: int) -> None:
        for host, boot in ended.witnesses:
            if host.boots != boot or host.peer is None:
                continue
            claim = host.peer._membership.get(ended.name)
            if claim is not None and claim.epoch == ended.epoch and claim.state.running:
                after = (now - ended.at) / SECOND
                detail = f"{ended.name} is {claim.state.name.lower()} here, {after:.1f} s after"
                self._report(SOON, host.name, now, detail)


def _settled(peer: Peer | None, running: Sequence[Host]) -> bool:
    """Whether a process is well, and takes those to be there that are."""
    if peer is None or peer.phase != "running" or peer._membership.health.score:
        return False
    claims = [claim for claim in peer._membership.claims() if claim.state.running]
    alive = all(claim.state is State.ALIVE for claim in claims)
    return alive and {claim.name for claim in claims} == {host.name for host in running}


def _known_after(timing: Timing, others: int) -> int:
    """How long it takes at most, in nanoseconds: two intervals until the one that ended is asked,
    and where a host says so itself, round trips. It takes as many as are refused.
    """
    asked = min(timing.indirect_probes, others - 1)
    needed = max(2, min(timing.refusals, others))
    first = 2 * timing.probe_interval
    if timing.refusals and asked + 1 >= needed:
        return first
    return first + 2 * timing.probe_timeout + patience(timing, others + 1, asked + 1)
