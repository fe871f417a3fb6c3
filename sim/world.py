"""Every host and the network between them, moved one event at a time.

This is the driver of `gossip.Peer` for machines that do not exist, and it follows the driver's
contract to the letter: it waits for a datagram, a local write or the deadline; makes one call;
performs every effect in order; reads `next_wake`; and again. Two things only can be on the agenda
for a host: a datagram that arrives, and the one moment at which its process asked to be woken.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import assert_never

from gossip import Address, Effect, MemberEvent, Peer, Persist, Transmit
from sim.agenda import SECOND, Agenda
from sim.errors import SimError
from sim.host import INBOX_MAX, Host
from sim.invariants import Watch
from sim.network import Faults, Link, Network
from sim.streams import derived
from sim.trace import NOBODY, Kind, Trace

KNOWN_BY_HEART = 4
"""How many others, besides n0, a restarted process calls. Its list is fixed, like the one in a
configuration file: n0 and its next neighbours, whether they run or not."""

DELAY_CALM_MAX = SECOND // 20
"""A network slower than this may look like one that loses datagrams."""


class World:
    """The state of a simulation. Callers have checked what they ask for; hosts are handed in."""

    def __init__(self, nodes: int, seed: int, faults: Faults, *, keep: bool = False) -> None:
        self.seed = seed
        self.agenda = Agenda()
        self.network = Network(nodes, seed, faults)
        self.trace = Trace(keep=keep)
        self._at = NOBODY  # the place in the log of what is going on
        self.watch = Watch()
        self.events: list[tuple[float, str, MemberEvent]] = []
        self.messages = 0
        self.calm = not faults.chancy and self.network.usual.delay <= DELAY_CALM_MAX
        self.hosts = [Host(index, seed, self.agenda) for index in range(nodes)]
        self._at_address: dict[Address, Host] = {host.address: host for host in self.hosts}
        self._secret = derived(seed, "cluster secret")
        for host in self.hosts:
            self._boot(host, [self.hosts[0].address] if host.index else [])

    # What is done to a node.

    def crash(self, host: Host, *, power: bool) -> None:
        """End a process without a word; with `power`, its whole host."""
        self._disturb(Kind.POWER_LOSS if power else Kind.CRASH, host)
        host.forget()
        host.powered = not power
        if power:
            host.disk.lose_power(host.clocks.monotonic())

    def restart(self, host: Host, *, lose_disk: bool) -> None:
        """Start a new process on a host whose last one crashed or left."""
        self.calm = False
        host.forget()
        if lose_disk:
            host.disk.wipe()
        self._boot(host, self._known_by_heart(host))

    def pause(self, host: Host) -> None:
        """Stop a process in its tracks, as SIGSTOP does; its socket goes on filling."""
        self._disturb(Kind.PAUSE, host)
        host.paused = True
        host.due = None

    def resume(self, host: Host) -> None:
        """Let a stopped process go on: its socket first, then its timers."""
        self._disturb(Kind.RESUME, host)
        host.paused = False
        while host.inbox:
            datagram, source = host.inbox.popleft()
            self._receive(host, datagram, source)
        self._set_alarm(host)

    def leave(self, host: Host) -> None:
        """Have a process announce its departure; it ends by itself soon after."""
        self._at = self.trace.record(self.agenda.now, Kind.LEAVE, host.index)
        host.running = False
        assert host.peer is not None
        host.peer.leave(host.clocks.monotonic())
        self._perform(host, host.peer)

    def skew(self, host: Host, offset: int) -> None:
        """Set a wall clock `offset` nanoseconds ahead of the true time."""
        self._disturb(Kind.SKEW, host, payload=b"%d" % offset)
        host.clocks.skew = offset

    # What is done to the network.

    def partition(self, groups: Sequence[Collection[Host]], *, one_way: bool) -> None:
        """Replace the partition that is in force."""
        indices = [sorted(host.index for host in group) for group in groups]
        self._disturb(Kind.PARTITION, payload=repr((indices, one_way)).encode())
        self.network.partition(indices, one_way=one_way)

    def heal(self) -> None:
        """End the partition."""
        self.trace.record(self.agenda.now, Kind.HEAL)
        self.network.heal()

    def set_link(self, source: Host, destination: Host, link: Link) -> None:
        """Make one direction between two hosts different."""
        self._disturb(Kind.LINK, source, destination, repr(tuple(link)).encode())
        self.network.set_link(source.index, destination.index, link)

    # What happens by itself.

    def _boot(self, host: Host, join: Sequence[Address]) -> None:
        self._at = self.trace.record(self.agenda.now, Kind.START, host.index, cause=self._at)
        peer = host.boot(self.seed, self._secret)
        peer.on_write = partial(self._wrote, host, peer)
        peer.start(host.clocks.monotonic(), join)
        self._perform(host, peer)

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
        self._set_alarm(host)

    def _arrive(self, host: Host, datagram: bytes, sender: Host, cause: int) -> None:
        """A datagram reaches a host, and perhaps a process on it."""
        kind = Kind.DELIVER
        if host.peer is None:
            kind = Kind.REFUSE if host.powered else Kind.VANISH
        elif host.paused and len(host.inbox) >= INBOX_MAX:
            kind = Kind.VANISH
        self._at = self.trace.record(
            self.agenda.now, kind, host.index, sender.index, datagram, cause
        )
        if kind is not Kind.DELIVER:
            return
        if host.paused:
            host.inbox.append((datagram, sender.address))
        else:
            self._receive(host, datagram, sender.address)

    def _receive(self, host: Host, datagram: bytes, source: Address) -> None:
        peer = host.peer
        assert peer is not None
        peer.receive(datagram, source, host.clocks.monotonic())
        self._perform(host, peer)

    def _wake(self, host: Host) -> None:
        """The alarm of a process goes off, unless it was set to another time or nobody is there."""
        peer, now = host.peer, self.agenda.now
        if peer is None or host.paused or host.due != now:
            return
        host.due = None
        wanted = peer.next_wake
        if wanted is None or host.clocks.virtual(wanted) > now:
            self._set_alarm(host)  # it was put off since
            return
        host.wakes = (now, host.wakes[1] + 1) if host.wakes[0] == now else (now, 1)
        self.watch.woken(host, now)
        self._at = self.trace.record(now, Kind.WAKE, host.index)
        peer.wake(host.clocks.monotonic())
        self._perform(host, peer)

    def _perform(self, host: Host, peer: Peer) -> None:
        """Do what a process asked for, in order, and note when it wants to be woken."""
        for effect in peer.effects():
            self._perform_one(host, effect)
        if not host.running and peer.phase == "left":
            self.trace.record(self.agenda.now, Kind.LEFT, host.index, cause=self._at)
            host.forget()
        else:
            self._set_alarm(host)

    def _perform_one(self, host: Host, effect: Effect) -> None:
        now = self.agenda.now
        if isinstance(effect, Transmit):
            self._send(host, effect.datagram, effect.destination)
        elif isinstance(effect, Persist):
            payload = repr(effect.records).encode()
            self.trace.record(now, Kind.PERSIST, host.index, payload=payload, cause=self._at)
            host.disk.write(effect.records, host.clocks.monotonic())
        elif isinstance(effect, MemberEvent):
            member = effect.member
            words = f"{type(effect).__name__} {member.name} {member.state} {member.incarnation}"
            self.trace.record(now, Kind.MEMBER, host.index, payload=words.encode(), cause=self._at)
            self.events.append((now / SECOND, host.name, effect))
            self.watch.told(host, effect, now, calm=self.calm)
        else:
            assert_never(effect)

    def _send(self, host: Host, datagram: bytes, address: Address) -> None:
        self.messages += 1
        target = self._at_address.get(address)
        copies = self.network.carry(host.index, target.index, datagram) if target else ()
        if target is None or not copies:
            peer = NOBODY if target is None else target.index
            self.trace.record(self.agenda.now, Kind.LOSE, host.index, peer, datagram, self._at)
            return
        for copy in copies:
            at = self.agenda.now + copy.delay
            self.agenda.put(at, self._arrive, target, copy.datagram, host, self._at)

    def _set_alarm(self, host: Host) -> None:
        """Put the next wake-up on the agenda, if it is sooner than the one that is there.

        A later one needs nothing: the alarm that goes off too early sets itself anew. So a deadline
        that is pushed back a thousand times costs one entry.
        """
        if host.peer is None or host.paused:
            return
        wanted = host.peer.next_wake
        if wanted is None:
            return
        due = max(host.clocks.virtual(wanted), self.agenda.now)
        if host.due is None or due < host.due:
            host.due = due
            self.agenda.put(due, self._wake, host)

    def _disturb(
        self, kind: Kind, host: Host | None = None, peer: Host | None = None, payload: bytes = b""
    ) -> None:
        """Note a fault: from now on, what only holds in a calm world is not asked any more."""
        self.calm = False
        node = NOBODY if host is None else host.index
        other = NOBODY if peer is None else peer.index
        self._at = self.trace.record(self.agenda.now, kind, node, other, payload)
