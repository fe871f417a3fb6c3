"""What must hold in every run, whatever the seed: each invariant with its name and its words.

Some are watched as things happen (`told`, `woken`), because the state afterwards no longer shows
them; the others are read off the state of the nodes (`examine`). A new one is a line in the list
below and the place that finds it broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from crdt import CausalContext
from gossip import (
    MemberEvent,
    MemberFailed,
    MemberRecovered,
    MemberSuspected,
    MemberUpdated,
    Peer,
)
from sim.host import Host

WAKES_MAX = 1000
"""How often a process may be woken within one nanosecond before it counts as stuck: our choice, far
beyond what any burst of local writes asks for."""


class Invariant(NamedTuple):
    """A promise of the protocols."""

    name: str
    words: str


SOUND = Invariant("sound", "everything a running member knows fits together (Peer.check)")
SELF_ALIVE = Invariant("self-alive", "a running member holds itself alive")
EQUAL = Invariant("equal-state", "members that have seen the same changes are in the same state")
FORWARD = Invariant("forward", "within one boot of a member, its incarnation never goes back")
OWN_WORD = Invariant("own-word", "nobody knows a greater incarnation of a member than itself")
ACCURATE = Invariant("accurate", "while nothing was ever disturbed, nobody is reported failed")
CLEAN = Invariant("clean", "while no datagram is corrupted, members drop none")
PROGRESS = Invariant("progress", "a member that was woken is not due again at once, for ever")

WITHIN_BOOT = (MemberSuspected, MemberRecovered, MemberUpdated)
"""What is told of a boot that was known before. The other events may be the first word of a new
boot, whose incarnations begin anew."""


class Broken(NamedTuple):
    """An invariant that was found broken: at which node, when (nanoseconds), and what was seen."""

    invariant: Invariant
    node: str
    at: int
    detail: str


class StuckError(Exception):
    """Raised through a run that would never end: the process of a host makes no progress."""


class Watch:
    """Remembers what the state of a node does not show: what each one was told before."""

    __slots__ = ("_seen", "broken")

    def __init__(self) -> None:
        self.broken: list[Broken] = []
        # Per observing host: the boot it belongs to, and the greatest incarnation by member id.
        self._seen: dict[int, tuple[int, dict[str, int]]] = {}

    def told(self, host: Host, event: MemberEvent, now: int, *, calm: bool) -> None:
        """A process told its user something about a member."""
        member = event.member
        if calm and isinstance(event, MemberFailed):
            self.broken.append(Broken(ACCURATE, host.name, now, f"{member.name} failed"))
        known = self._known(host)
        before = known.get(member.id, member.incarnation)
        if member.incarnation < before and isinstance(event, WITHIN_BOOT):
            detail = f"{member.name} went from incarnation {before} to {member.incarnation}"
            self.broken.append(Broken(FORWARD, host.name, now, detail))
        known[member.id] = member.incarnation

    def woken(self, host: Host, now: int) -> None:
        """A process is about to be woken; `StuckError` when it was too often at one moment."""
        if host.wakes[1] > WAKES_MAX:
            detail = f"woken {WAKES_MAX} times at one moment"
            self.broken.append(Broken(PROGRESS, host.name, now, detail))
            raise StuckError(host.name)

    def examine(self, hosts: Sequence[Host], now: int, *, intact: bool) -> Iterator[Broken]:
        """Everything that was found broken, and what is broken in the state of the nodes.

        `intact` says that no datagram was ever corrupted.
        """
        yield from self.broken
        peers = [(host, host.peer) for host in hosts if host.running and host.peer is not None]
        for host, peer in peers:
            for invariant, detail in (*_unsound(peer), *_unclean(peer, intact=intact)):
                yield Broken(invariant, host.name, now, detail)
        for invariant, host, detail in (*_unequal(peers), *_invented(peers)):
            yield Broken(invariant, host.name, now, detail)

    def _known(self, host: Host) -> dict[str, int]:
        boot, known = self._seen.get(host.index, (-1, {}))
        if boot != host.boots:  # a process remembers nothing of the one before it
            known = {}
            self._seen[host.index] = (host.boots, known)
        return known


def _unsound(peer: Peer) -> Iterator[tuple[Invariant, str]]:
    try:
        peer.check()
    except AssertionError as broken:
        yield SOUND, str(broken).partition("\n")[0] or "an assertion without words"


def _unclean(peer: Peer, *, intact: bool) -> Iterator[tuple[Invariant, str]]:
    dropped = {reason: count for reason, count in peer.statistics().dropped.items() if count}
    if intact and dropped:
        yield CLEAN, f"dropped {dropped}"


def _unequal(peers: Sequence[tuple[Host, Peer]]) -> Iterator[tuple[Invariant, Host, str]]:
    """Nodes whose causal contexts are equal and whose digests are not."""
    first: dict[tuple[object, ...], tuple[Host, str]] = {}
    for host, peer in peers:
        digest = peer.digest()
        other, expected = first.setdefault(_canonical(peer.context()), (host, digest))
        if digest != expected:
            yield EQUAL, host, f"digest {digest}, and {expected} at {other.name}"


def _canonical(context: CausalContext) -> tuple[object, ...]:
    return tuple(context.spans())


def _invented(peers: Sequence[tuple[Host, Peer]]) -> Iterator[tuple[Invariant, Host, str]]:
    """What nodes hold of themselves and of each other, against each one's own word."""
    views = [(host, peer.members()) for host, peer in peers]
    own = {
        member.id: member
        for host, members in views
        for member in members
        # Incarnations begin anew with each boot, and a view may still be of the boot before.
        if member.name == host.name and host.boots == 1
    }
    for host, members in views:
        for member in members:
            word = own.get(member.id, member)
            if member.name == host.name and member.state != "alive":
                yield SELF_ALIVE, host, f"it holds itself {member.state}"
            if member.incarnation > word.incarnation:
                detail = f"{member.name} at {member.incarnation}, itself at {word.incarnation}"
                yield OWN_WORD, host, detail
