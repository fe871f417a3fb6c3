"""What must hold in every run, whatever the seed, and who looks whether it does.

The invariants are listed in `promises`. Most are watched as things happen, because the state
afterwards no longer shows them: by `membership`, `data` and `channel`, which are told of every step
of every process; `state` reads the others off the nodes when somebody asks. A new one is a line in
the list and the place that finds it broken; and a test that breaks it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from gossip import (
    MemberEvent,
    MemberFailed,
    MemberRecovered,
    MemberSuspected,
    MemberUpdated,
    Peer,
    QueryAnswered,
    QueryAsked,
    UserEffect,
    UserEvent,
    UserEventsLost,
)
from sim.host import Host
from sim.invariants.broadcasts import Broadcasts
from sim.invariants.channel import Channel
from sim.invariants.data import Data
from sim.invariants.departures import Departures
from sim.invariants.membership import Members
from sim.invariants.news import News
from sim.invariants.promises import (
    ACCURATE,
    AUTHORED,
    DIGEST,
    DURABLE,
    EQUAL,
    EXACT,
    FORWARD,
    GONE,
    GROWS,
    INVARIANTS,
    KEPT,
    LIVE,
    NOT_YET,
    ONE_DOT,
    OVERDRAWN,
    OWN_RECORD,
    OWN_WORD,
    OWN_WRITE,
    PROGRESS,
    QUIET,
    SOUND,
    Broken,
    Invariant,
    StuckError,
)
from sim.invariants.queries import Queries
from sim.invariants.records import Records
from sim.invariants.state import examined
from sim.invariants.verdicts import Verdicts

__all__ = [
    "INVARIANTS",
    "LIVE",
    "NOT_YET",
    "QUIET",
    "WAKES_MAX",
    "Broken",
    "Invariant",
    "StuckError",
    "Watch",
]

WAKES_MAX = 1000
"""How often a process may be woken within one nanosecond before it counts as stuck: our choice, far
beyond what any burst of local writes asks for."""

DISK_BORNE = frozenset(
    {
        EQUAL,
        DIGEST,
        GROWS,
        ONE_DOT,
        AUTHORED,
        KEPT,
        GONE,
        EXACT,
        OVERDRAWN,
        OWN_WRITE,
        DURABLE,
        SOUND,
        OWN_WORD,
        OWN_RECORD,
    }
)
"""What a record that was altered on a disk can break."""

WITHIN_BOOT = (MemberSuspected, MemberRecovered, MemberUpdated)
"""What is told of a boot that was known before. The other events may be the first word of a new
boot, whose incarnations begin anew."""


class Watch:
    """Is told what happens, and remembers what the state of a node does not show."""

    __slots__ = (
        "_hosts", "_known", "_seen", "broadcasts", "broken", "channel", "data", "departures",
        "members", "news", "queries", "records", "rotten", "verdicts",
    )  # fmt: skip

    def __init__(self, hosts: Sequence[Host] = ()) -> None:
        self._hosts = hosts
        self.broken: list[Broken] = []
        """What was found broken as the run went, each invariant once per node."""
        self._known: dict[tuple[str, str], None] = {}
        # Per observing host: the boot it belongs to, and the greatest incarnation by member.
        self._seen: dict[int, tuple[int, dict[tuple[str, str], int]]] = {}
        self.rotten = False
        """Whether bits on a disk have rotted. Records carry no checksum yet, so from then on
        nothing can be said of data, nor of what members say of themselves."""
        self.channel = Channel(len(hosts), self.report)
        self.data = Data(self.channel, self.report)
        self.members = Members(hosts, self.report)
        self.news = News(self.report)
        self.records = Records(hosts, self.report)
        self.verdicts = Verdicts(self.report)
        self.departures = Departures(hosts, self.report)
        self.broadcasts = Broadcasts(hosts, self.report, self.records.process)
        self.queries = Queries(self.report, self.records.process)

    def report(self, invariant: Invariant, node: str, at: int, detail: str) -> None:
        """An invariant is broken."""
        if self.rotten and invariant in DISK_BORNE:
            return
        if (invariant.name, node) not in self._known:
            self._known[invariant.name, node] = None
            self.broken.append(Broken(invariant, node, at, detail))

    # As the run goes.

    def booted(self, host: Host, peer: Peer, now: int) -> None:
        """A process begins."""
        self.channel.busy = now
        self.departures.disturbed()
        self.data.booted(host, peer, now)

    def ended(self, host: Host, now: int) -> None:
        """A process is no more."""
        self.channel.busy = now
        self.data.ended(host, now)
        self.members.ended(host, now)

    def wrote(self, host: Host, peer: Peer, now: int) -> None:
        """A user changed data."""
        self.channel.busy = now
        self.data.wrote(host, peer, now)

    def stepped(self, host: Host, peer: Peer, now: int, clock: int) -> None:
        """A process has done something, at `clock` by its own."""
        self.data.stepped(host, peer, now)
        self.records.stepped(host, peer)
        self.verdicts.stepped(host, peer, clock)
        self.departures.stepped(host, peer, now, clock)
        self.news.stepped(host, clock)
        if self.members.stepped(host, peer, now, clock):
            self.data.held(host, peer, self._hosts, now)
            self.records.look(host, peer, now)
            self.news.look(host, peer, now)

    def promised(self, node: str, now: int, detail: str) -> None:
        """Somebody does not find what he wrote."""
        self.report(OWN_WRITE, node, now, detail)

    def told(self, host: Host, event: MemberEvent, now: int, *, calm: bool) -> None:
        """A process told its user something about a member."""
        self.channel.busy = now
        member = event.member
        if calm and isinstance(event, MemberFailed):
            self.report(ACCURATE, host.name, now, f"{member.name} failed")
        if calm and isinstance(event, MemberSuspected) and self._runs(member.name):
            self.report(ACCURATE, host.name, now, f"{member.name} is suspected")
        known = self._known_to(host)
        who = member.name, member.id  # a cloned disk makes two of one id
        before = known.get(who, member.incarnation)
        if member.incarnation < before and isinstance(event, WITHIN_BOOT):
            detail = f"{member.name} went from incarnation {before} to {member.incarnation}"
            self.report(FORWARD, host.name, now, detail)
        known[who] = member.incarnation
        if host.peer is not None:
            self.members.told(host, host.peer, member.name, now)
            self.news.told(host, host.peer, event, now)
            self.verdicts.told(host, host.peer, event, now)

    def heard(self, host: Host, effect: UserEffect, now: int, *, calm: bool) -> None:
        """A process told its user what another user said, or what came of his own query."""
        self.channel.busy = now
        if isinstance(effect, UserEvent | QueryAsked):
            self.broadcasts.heard(host, effect, now)
        elif isinstance(effect, UserEventsLost):
            self.broadcasts.lost(host, effect)
        elif isinstance(effect, QueryAnswered):
            self.queries.answered(host, effect, now)
        elif host.peer is not None:
            self.queries.done(host, host.peer, effect, now, calm=calm)

    def stuck(self, host: Host, now: int) -> None:
        """A process was woken more than `WAKES_MAX` times at one moment."""
        detail = f"woken {WAKES_MAX} times at one moment"
        self.broken.append(Broken(PROGRESS, host.name, now, detail))
        raise StuckError(host.name)

    # When somebody asks.

    def waiting(self, core: Collection[str]) -> Iterator[str]:
        """What the members of a core that agrees have yet to tell each other, in words."""
        yield from self.records.waiting(core)
        yield from self.broadcasts.waiting(core)

    def examine(
        self, hosts: Sequence[Host], now: int, *, intact: bool, calm: bool = False
    ) -> Iterator[Broken]:
        """Everything that was found broken, and what is broken in the state of the nodes.

        `intact` says that no datagram was ever corrupted, `calm` that nothing was ever disturbed.
        """
        self.broadcasts.examine(now, calm=calm)
        self.queries.examine(hosts, now)
        for host in hosts:
            if host.running and host.peer is not None:
                self.data.examine(host, host.peer, now)
        yield from self.broken
        for broken in examined(hosts, now, intact=intact):
            if not (self.rotten and broken.invariant in DISK_BORNE):
                yield broken

    def _runs(self, name: str) -> bool:
        return any(host.name == name and host.running for host in self._hosts)

    def _known_to(self, host: Host) -> dict[tuple[str, str], int]:
        boot, known = self._seen.get(host.index, (-1, {}))
        if boot != host.boots:  # a process remembers nothing of the one before it
            known = {}
            self._seen[host.index] = (host.boots, known)
        return known
