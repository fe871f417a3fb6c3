"""Every host and the network between them, moved one event at a time.

This is the driver of `gossip.Peer` for machines that do not exist, and it follows the driver's
contract to the letter: it waits for a datagram, a local write or the deadline; makes one call;
performs every effect in order; reads `next_wake`; and again. Three things only can be on the agenda
for a host: a datagram that arrives, the one moment at which its process asked to be woken, and the
one at which a slow process is done with what it is at.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from crdt import CrdtError
from gossip import (
    Address,
    MemberEvent,
    Peer,
    Persist,
    QueryAsked,
    QuorumChanged,
    Timing,
    Transmit,
    UserEffect,
)
from sim.agenda import SECOND, Agenda, nanoseconds
from sim.disk import DiskFault
from sim.errors import SimError
from sim.host import Host
from sim.invariants import WAKES_MAX, Watch
from sim.network import Faults, Network
from sim.questions import Question, reply
from sim.streams import derived
from sim.trace import NOBODY, Kind, Trace

KNOWN_BY_HEART = 4
"""How many others, besides n0, a restarted process calls. Its list is fixed, like the one in a
configuration file: n0 and its next neighbours, whether they run or not."""

QUOTED = 520
"""Bytes of a datagram that a refusal repeats: as many as those of Linux over IPv4."""

DELIVER, WAKE = Kind.DELIVER, Kind.WAKE
"""What happens all the time: to look it up in its enum takes longer than a call (Python 3.11)."""

DELAY_CALM_MAX = SECOND // 20
"""A network slower than this may look like one that loses datagrams."""


class Driver:
    """The state of a simulation, and what happens in it by itself."""

    def __init__(
        self,
        nodes: int,
        seed: int,
        faults: Faults,
        *,
        keep: bool = False,
        timing: Timing | None = None,
    ) -> None:
        self.seed = seed
        self.agenda = Agenda()
        self.network = Network(nodes, seed, faults)
        self.befell = self.network.befell
        self.trace = Trace(keep=keep)
        self._at = NOBODY  # the place in the log of what is going on
        self.events: list[tuple[float, str, MemberEvent]] = []
        self.messages = 0
        self.calm = not faults.chancy and nanoseconds(faults.delay, "delay") <= DELAY_CALM_MAX
        self.disturbed = 0
        """When something was last done to the world."""
        self.hosts = [Host(index, seed, self.agenda, timing) for index in range(nodes)]
        self.watch = Watch(self.hosts)
        self._at_address: dict[Address, Host] = {host.address: host for host in self.hosts}
        self._secret = derived(seed, "cluster secret")
        self.questions: dict[tuple[str, int], Question] = {}
        """What users ask, by who asks and under which number: what those think who answer."""

    def boot(self) -> None:
        """Start the first process of every host; all join through n0."""
        for host in self.hosts:
            self._boot(host, [self.hosts[0].address] if host.index else [])

    # What happens by itself.

    def _boot(self, host: Host, join: Sequence[Address]) -> None:
        self._at = self.trace.record(self.agenda.now, Kind.START, host.index)
        try:
            peer = host.boot(self.seed, self._secret, self.agenda.now)
            peer.on_write = partial(self._wrote, host, peer)
            self.watch.booted(host, peer, self.agenda.now)
            peer.start(host.clocks.monotonic(), join)
        except CrdtError as error:  # what the disk gave back is no state of a member
            self._end(host, Kind.UNFIT, f"its disk is damaged: {error}")
        else:
            self._perform(host, peer, host.clocks.monotonic())

    def _end(self, host: Host, kind: Kind, trouble: str) -> None:
        """A process ends by itself, without a goodbye, as the real one does with an error."""
        self.calm = False
        self.disturbed = self.agenda.now
        words = trouble.encode()
        self._at = self.trace.record(
            self.agenda.now, kind, host.index, payload=words, cause=self._at
        )
        self.befell[kind.name.lower()] += 1
        self.watch.ended(host, self.agenda.now)
        host.forget()
        host.trouble = trouble

    def _known_by_heart(self, host: Host) -> list[Address]:
        ring = [(host.index + step) % len(self.hosts) for step in range(1, KNOWN_BY_HEART + 1)]
        known = dict.fromkeys(self.hosts[index].address for index in (0, *ring))
        known.pop(host.address, None)
        return list(known)

    def _wrote(self, host: Host, peer: Peer) -> None:
        """A user changed data: `next_wake` may have moved to this very moment."""
        if host.peer is not peer or not host.running:
            raise SimError(
                f"{host.name} no longer runs: this value belongs to a process that ended"
            )
        self._at = self.trace.record(self.agenda.now, Kind.WRITE, host.index)
        self.watch.wrote(host, peer, self.agenda.now)
        self._set_alarm(host)

    def _arrive(
        self, host: Host, datagram: bytes, sender: Host, source: Address, cause: int
    ) -> None:
        """A datagram reaches a host, and perhaps a process on it."""
        kind = DELIVER
        if host.peer is None:
            kind = Kind.REFUSE if host.powered else Kind.VANISH
        elif host.is_full:
            kind = Kind.VANISH
            self.befell["inbox full"] += 1
        self._at = self.trace.record(
            self.agenda.now, kind, host.index, sender.index, datagram, cause
        )
        if kind is DELIVER:
            if host.waits:
                self._queue(host, datagram, source)
            else:
                self._receive(host, datagram, source)
        elif kind is Kind.REFUSE:
            self._refuse(host, datagram, source)

    def _refuse(self, host: Host, datagram: bytes, source: Address) -> None:
        """A host answers for the process that it does not have, if the source is still somebody."""
        now, sender = self.agenda.now, self._at_address.get(source)
        takes = None if sender is None else self.network.refuse(host.index, sender.index, now)
        if takes is not None:
            quoted = datagram[:QUOTED]
            self.agenda.put(now + takes, self._bounce, sender, quoted, host, self._at)

    def _bounce(self, host: Host, quoted: bytes, refuser: Host, cause: int) -> None:
        """That answer arrives, where there may be a process, perhaps another than the sender."""
        if host.peer is not None and not host.is_full:
            now = self.agenda.now
            self._at = self.trace.record(now, Kind.BOUNCE, host.index, refuser.index, quoted, cause)
            if host.waits:
                self._queue(host, quoted, None)
            else:
                self._receive(host, quoted, None)

    def _queue(self, host: Host, datagram: bytes, source: Address | None) -> None:
        """What arrives waits for a process that is busy, or stands still."""
        host.inbox.append((datagram, source, self._at))
        self._serve_soon(host)

    def _receive(self, host: Host, datagram: bytes, source: Address | None) -> None:
        """A process takes in a datagram; without a source, one of its own that was refused."""
        peer = host.peer
        assert peer is not None
        clock = host.clocks.monotonic()
        self.watch.verdicts.woke = False
        if source is None:
            peer.refused(datagram, clock)
        else:
            peer.receive(datagram, source, clock)
            self.watch.channel.received(host, peer, datagram, self.agenda.now)
        self._perform(host, peer, clock)

    def _serve_soon(self, host: Host) -> None:
        """Let a slow process begin with the next event, unless it is at one."""
        if host.busy_until is None and not host.paused:
            host.busy_until = self.agenda.now + host.service
            self.agenda.put(host.busy_until, self._serve, host)

    def _serve(self, host: Host) -> None:
        """A slow process is done with an event: its effects are seen, and the next one begins.

        An alarm that is due goes before the datagrams that wait, but not twice in a row.
        """
        if host.busy_until != self.agenda.now:
            return  # that process ended
        host.busy_until = None
        if host.peer is None or host.paused:
            return
        alarmed = self._is_due(host) and not (host.inbox and host.alarmed)
        host.alarmed = alarmed
        if alarmed:
            self._do_wake(host, host.peer)
        elif host.inbox:
            datagram, source, self._at = host.inbox.popleft()
            self._receive(host, datagram, source)
        if host.inbox or self._is_due(host):
            self._serve_soon(host)
        else:
            self._set_alarm(host)  # whatever was due may have been put off meanwhile

    def _is_due(self, host: Host) -> bool:
        wanted = None if host.peer is None else host.peer.next_wake
        return wanted is not None and host.clocks.virtual(wanted) <= self.agenda.now

    def _wake(self, host: Host) -> None:
        """The alarm of a process goes off, unless it was set to another time or nobody is there."""
        peer, now = host.peer, self.agenda.now
        if peer is None or host.paused or host.due != now:
            return
        wanted = peer.next_wake
        due = None if wanted is None else host.clocks.virtual(wanted)
        if due is None or due > now:  # it was put off since
            host.due = due
            if due is not None:
                self.agenda.put(due, self._wake, host)
            return
        host.due = None
        if host.service:
            self._serve_soon(host)
        else:
            self._do_wake(host, peer)

    def _do_wake(self, host: Host, peer: Peer) -> None:
        now = self.agenda.now
        host.wakes = (now, host.wakes[1] + 1) if host.wakes[0] == now else (now, 1)
        if host.wakes[1] > WAKES_MAX:
            self.watch.stuck(host, now)
        self._at = self.trace.record(now, WAKE, host.index)
        clock = host.clocks.monotonic()
        self.watch.verdicts.woke = True
        peer.wake(clock)
        self._perform(host, peer, clock)

    def _perform(self, host: Host, peer: Peer, clock: int) -> None:
        """Do what a process asked for, in order, and note when it wants to be woken."""
        self.watch.stepped(host, peer, self.agenda.now, clock)
        trouble = ""
        for effect in peer.effects():
            if isinstance(effect, Transmit):
                self._send(host, effect.datagram, effect.destination)
                continue
            if isinstance(effect, QuorumChanged):
                continue  # advice to an application, of which there is none here
            try:
                self._perform_one(host, effect)
            except DiskFault as fault:
                trouble = trouble or str(fault)
        if trouble:  # what it sent meanwhile is under way: it saves beside sending
            self._end(host, Kind.HALT, trouble)
        elif not host.running and peer.phase == "left":
            self.trace.record(self.agenda.now, Kind.LEFT, host.index, cause=self._at)
            self.watch.ended(host, self.agenda.now)
            host.forget()
            host.departed = True
        else:
            self._set_alarm(host)

    def _perform_one(self, host: Host, effect: Persist | MemberEvent | UserEffect) -> None:
        now = self.agenda.now
        if isinstance(effect, Persist):
            payload = repr(effect.records).encode()
            self.trace.record(now, Kind.PERSIST, host.index, payload=payload, cause=self._at)
            host.disk.write(effect.records, now)
        elif not isinstance(effect, MemberEvent):
            payload = repr(effect).encode()
            self.trace.record(now, Kind.HEAR, host.index, payload=payload, cause=self._at)
            host.received.append(effect)
            self.watch.heard(host, effect, now, calm=self.calm)
            if isinstance(effect, QueryAsked) and host.peer is not None:
                think = self.questions[effect.id.asker, effect.id.number].think
                self.agenda.put(now + think, self._answer, host, host.peer, effect)
        else:
            member = effect.member
            words = f"{type(effect).__name__} {member.name} {member.state} {member.incarnation}"
            self.trace.record(now, Kind.MEMBER, host.index, payload=words.encode(), cause=self._at)
            self.events.append((now / SECOND, host.name, effect))
            self.watch.told(host, effect, now, calm=self.calm)

    def _answer(self, host: Host, peer: Peer, asked: QueryAsked) -> None:
        """The user of a process answers, if that process still runs."""
        if host.peer is not peer or host.paused:
            return
        now, clock = self.agenda.now, host.clocks.monotonic()
        self._at = self.trace.record(now, Kind.SAY, host.index, payload=repr(asked.id).encode())
        self.watch.channel.busy = now
        if self.questions[asked.id.asker, asked.id.number].decline:
            peer.decline(asked.id, clock)
        else:
            answer = reply(host.name, asked.id, asked.topic)
            self.watch.queries.given(host, asked, answer, now)
            peer.answer(asked.id, answer, clock)
        self._perform(host, peer, clock)

    def _send(self, host: Host, datagram: bytes, address: Address) -> None:
        self.messages += 1
        now = self.agenda.now
        self.watch.channel.sent(host, datagram, now, calm=self.calm)
        target = self._at_address.get(address)
        copies = self.network.carry(host.index, target.index, datagram, now) if target else ()
        if target is None or not copies:
            peer = NOBODY if target is None else target.index
            self.trace.record(now, Kind.LOSE, host.index, peer, datagram, self._at)
            return
        for copy in copies:
            if copy.bent:
                self.watch.channel.altered(copy.datagram)
            self.agenda.put(
                now + copy.delay, self._arrive, target, copy.datagram, host, host.seen_as, self._at
            )

    def _set_alarm(self, host: Host) -> None:
        """Put the next wake-up on the agenda, if it is sooner than the one that is there.

        A later one needs nothing: the alarm that goes off too early sets itself anew. So a deadline
        that is pushed back a thousand times costs one entry.
        """
        if host.peer is None or host.paused or host.busy_until is not None:
            return
        wanted = host.peer.next_wake
        if wanted is None:
            return
        due = host.clocks.virtual(wanted)
        if host.due is None or due < host.due:
            host.due = due = max(due, self.agenda.now)
            self.agenda.put(due, self._wake, host)

    def _disturb(
        self, kind: Kind, host: Host | None = None, peer: Host | None = None, payload: bytes = b""
    ) -> None:
        """Note a fault: from now on, what only holds in a calm world is not asked any more."""
        self.calm = False
        self.disturbed = self.agenda.now
        self.watch.departures.disturbed()
        node = NOBODY if host is None else host.index
        other = NOBODY if peer is None else peer.index
        self._at = self.trace.record(self.agenda.now, kind, node, other, payload)
