"""What each process tells its user about members, beside what it believes of them.

An application that counts who is there goes by these events, and never looks at the table. So they
have to lead there: each follows from what was told of that member before, none comes twice, and
what was told last is what is believed. That also shows who is listed no more, and since when.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gossip import (
    Member,
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberRecovered,
    MemberSuspected,
    MemberUpdated,
    NameConflict,
    Peer,
)
from gossip.member import Claim
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.promises import LISTED, TOLD, Report

THERE = ("alive", "suspect")
GONE = ("failed", "left")

FOLLOWS: dict[type[MemberEvent], tuple[str, ...]] = {
    MemberSuspected: ("alive", "failed"),
    MemberRecovered: ("suspect", "failed"),
    MemberUpdated: THERE,
    MemberFailed: THERE,
    MemberLeft: (*THERE, "failed"),
    MemberJoined: GONE,
}
"""What was told of one boot of a member before it, if anything was."""

SAYS: dict[type[MemberEvent], tuple[str, ...]] = {
    MemberSuspected: ("suspect",),
    MemberRecovered: ("alive",),
    MemberUpdated: THERE,  # the tags of a suspect may come that were asked for before
    MemberFailed: ("failed",),
    MemberLeft: ("left",),
    MemberJoined: THERE,
}
"""In which state its member is, who may be suspected by others when it is first heard of."""

BEGINS = (MemberJoined, MemberFailed, MemberLeft)
"""What may be the first word of another boot."""

UNTOLD = {("left", "failed")}
"""What may be believed where something else was told last: who has left is no news until it is
there again.
"""


@dataclass(slots=True)
class Last:
    """What a process told last of a member."""

    member: Member
    epoch: int
    at: int
    """When, by its own clock."""


@dataclass(slots=True)
class Told:
    """What one process told, of whom."""

    boot: int
    clock: int = 0
    """Its own, as it did something last."""
    version: int = -1
    """Of the table that was looked through last."""
    last: dict[str, Last] = field(default_factory=dict)


class News:
    """Holds the events of every process against each other, and against its table."""

    __slots__ = ("_report", "_told")

    def __init__(self, report: Report) -> None:
        self._report = report
        self._told: dict[int, Told] = {}

    def stepped(self, host: Host, clock: int) -> None:
        """A process has done something, at `clock` by its own."""
        told = self._told.get(host.index)
        if told is None or told.boot != host.boots:
            told = self._told[host.index] = Told(host.boots)
        told.clock = clock

    def told(self, host: Host, peer: Peer, event: MemberEvent, now: int) -> None:
        """A process told its user something about a member."""
        member, claim = event.member, peer._membership.get(event.member.name)
        if isinstance(event, NameConflict) or claim is None:
            return
        told = self._told[host.index]
        last = told.last.get(member.name)
        if member.state not in SAYS[type(event)] or not _follows(event, last, claim):
            before = f"after {last.member.state}" if last else "a stranger"
            detail = f"{type(event).__name__} of {member.name}, {member.state}, {before}"
            self._report(TOLD, host.name, now, detail)
        # What does not begin a boot is of the one before; the claim may be of a later one already.
        epoch = claim.epoch if last is None or isinstance(event, BEGINS) else last.epoch
        told.last[member.name] = Last(member, epoch, told.clock)

    def look(self, host: Host, peer: Peer, now: int) -> None:
        """Look through what a process believes; it is about to tell what is news since."""
        told, version = self._told[host.index], peer._membership.version
        pending = any(isinstance(effect, MemberEvent) for effect in peer._outbox.effects)
        if pending or told.version == version:
            return
        told.version = version
        members = {each.name: each for each in peer.members() if each.name != peer.name}
        for member in members.values():
            last = told.last.get(member.name)
            if not _agree(last, member):
                words = "nothing" if last is None else f"{last.member.state} {last.member.tags}"
                detail = f"{member.name} is {member.state} {member.tags}, and {words} was told"
                self._report(TOLD, host.name, now, detail)
        for name in [name for name in told.last if name not in members]:
            last = told.last.pop(name)
            listed = told.clock - last.at
            if last.member.state in THERE or listed < peer._timing.reap_after:
                detail = f"{name}, {last.member.state}, is gone {listed / SECOND:.1f} s later"
                self._report(LISTED, host.name, now, detail)


def _follows(event: MemberEvent, last: Last | None, claim: Claim) -> bool:
    """Whether what was told last leads to this."""
    if last is None:
        return isinstance(event, MemberJoined)
    if claim.epoch != last.epoch and isinstance(event, BEGINS):
        return True
    return last.member.state in FOLLOWS[type(event)]


def _agree(last: Last | None, member: Member) -> bool:
    """Whether what was told last is what is believed."""
    if last is None:
        return member.state in GONE  # it was never met
    told = last.member
    if told.state == member.state == "alive":
        return (told.id, told.address, told.tags) == (member.id, member.address, member.tags)
    return told.state == member.state or (told.state, member.state) in UNTOLD
