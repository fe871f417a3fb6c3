"""What can be done to a simulated cluster: to its nodes, and to the network between them.

What happens by itself is in `driver.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple
from typing import Any

from gossip import Address, Timing, TooManyEvents
from gossip.member import State
from gossip.wire.claims import encode_claim
from gossip.wire.messages import encode_claims
from gossip.wire.selection import where
from sim.agenda import nanoseconds
from sim.disk import Health, Snapshot
from sim.driver import DELAY_CALM_MAX, Driver
from sim.errors import SimError
from sim.host import Host
from sim.liar import LIES
from sim.network import Faults
from sim.questions import Question
from sim.trace import Kind

REST = 5
"""For how many probe intervals nothing was done to a world in which all is well."""

NAT_PORT = 1024
"""The port of every address that a NAT gives: it has addresses enough."""


class World(Driver):
    """The state of a simulation. Callers have checked what they ask for; hosts are handed in."""

    def __init__(
        self,
        nodes: int,
        seed: int,
        faults: Faults,
        *,
        keep: bool = False,
        timing: Timing | None = None,
    ) -> None:
        super().__init__(nodes, seed, faults, keep=keep, timing=timing)
        self.network.on_rebind = self._forgotten_by_nat
        self._rebinds = 0
        self._given: dict[Address, Host] = {}
        """Every address that a NAT ever gave to a host."""

    # What is done to a node.

    def crash(self, host: Host, *, power: bool) -> None:
        """End a process without a word; with `power`, its whole host."""
        alone = not power and self._well()
        self._disturb(Kind.POWER_LOSS if power else Kind.CRASH, host)
        if alone:
            delay = nanoseconds(self.network.faults.delay, "delay")
            self.watch.departures.crashed(host, self.agenda.now, delay)
        self.watch.ended(host, self.agenda.now)
        host.forget()
        host.powered = not power
        if power:
            lost = host.disk.lose_power(self.agenda.now)
            self.befell["writes lost"] += lost

    def _well(self) -> bool:
        """Whether nothing is wrong any more, and has not been for a while."""
        network, now = self.network, self.agenda.now
        clear = not (network.cuts or network.faults.chancy or network.faults.silent)
        quick = nanoseconds(network.faults.delay, "delay") <= DELAY_CALM_MAX
        able = not any(h.paused or h.service or h.clocks.drifts for h in self.hosts)
        rested = now - self.disturbed > REST * self.hosts[0].timing.probe_interval
        return clear and quick and able and rested and not network.tuned

    def restart(self, host: Host, *, lose_disk: bool, snapshot: Snapshot | None = None) -> None:
        """Start a new process on a host whose last one ended, on what its disk holds by now."""
        clean = host.departed and not lose_disk and snapshot is None
        self.calm = self.calm and clean  # who said goodbye and comes back is no fault
        self.disturbed = self.agenda.now
        host.forget()
        if lose_disk or snapshot is not None:
            self.watch.data.unsafe(host)
        if lose_disk:
            host.disk.wipe()
        if snapshot is not None:
            self._disturb(Kind.RESTORE, host, payload=repr(sorted(snapshot.records)).encode())
            host.disk.restore(snapshot)
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
        if host.service:
            self._serve_soon(host)
            return
        while host.inbox:
            datagram, source, self._at = host.inbox.popleft()
            self._receive(host, datagram, source)
        self._set_alarm(host)

    def leave(self, host: Host) -> None:
        """Have a process announce its departure; it ends by itself soon after."""
        self._at = self.trace.record(self.agenda.now, Kind.LEAVE, host.index)
        host.running = False
        assert host.peer is not None
        clock = host.clocks.monotonic()
        self.watch.departures.leaves(host, host.peer, clock, calm=self.calm)
        host.peer.leave(clock)
        self._perform(host, host.peer, clock)

    def broadcast(self, host: Host, topic: str, payload: Any) -> int:
        """Have the user of a process tell something to all; the number of that event."""
        peer, now, clock = host.peer, self.agenda.now, host.clocks.monotonic()
        assert peer is not None
        try:
            number = peer.broadcast(topic, payload, clock)
        except TooManyEvents as error:
            raise SimError(f"{host.name}: {error}") from None
        self._say(host, f"{number} {topic} {payload!r}")
        self.watch.broadcasts.said(host, peer, number, topic, payload, now)
        self._perform(host, peer, clock)
        return number

    def query(self, host: Host, asked: Question) -> int:
        """Have the user of a process ask others; the number of the query."""
        peer, now, clock = host.peer, self.agenda.now, host.clocks.monotonic()
        assert peer is not None
        try:
            number = peer.query(
                asked.topic, asked.payload, asked.timeout, clock,
                where=where(names=asked.only) if asked.only else None, relays=asked.relays,
            )  # fmt: skip
        except TooManyEvents as error:
            raise SimError(f"{host.name}: {error}") from None
        self._say(host, f"{number} {asked.topic} {asked.payload!r}?")
        self.questions[host.name, number] = asked
        self.watch.broadcasts.said(host, peer, number, asked.topic, asked.payload, now, asked.only)
        self.watch.queries.asked(host, number, asked, clock)
        self._perform(host, peer, clock)
        return number

    def set_tags(self, host: Host, tags: Mapping[str, str]) -> bool:
        """Have a member show these tags; False when it does already."""
        peer = host.peer
        assert peer is not None
        if peer.tags == dict(tags):
            return False
        self._say(host, f"has the tags {dict(sorted(tags.items()))!r}")
        peer.set_tags(tags, host.clocks.monotonic())
        self._set_alarm(host)
        return True

    def force_leave(self, host: Host, name: str) -> bool:
        """Have a member say that another is gone; False when it does not miss that one."""
        peer, clock = host.peer, host.clocks.monotonic()
        assert peer is not None
        gone = peer.force_leave(name, clock)
        if gone:
            self._say(host, f"{name} is to be gone")
            self._perform(host, peer, clock)
        return gone

    def lie(self, host: Host, what: str, about: str, accuser: str) -> bool:
        """Have a member tell all others a lie; False when it does not know whom it is about."""
        peer, clock = host.peer, host.clocks.monotonic()
        assert peer is not None
        known, liar = peer._membership.get(about), peer._membership.identity
        if known is None or known.key == liar.key:  # it may have the disk of that one, and its key
            return False
        self._disturb(Kind.SAY, host, payload=f"lies: {what} {about} as {accuser}".encode())
        self.network.intact = False  # members have to drop some of this
        record = known._replace(state=State.ALIVE, accuser="", refused=False, proof=b"")
        claim = LIES[what](record, liar, accuser)
        said_by = peer._membership.get(accuser)  # perhaps of one that has our disk, and our key
        if claim.state is State.FAILED and said_by is not None and said_by.key == liar.key:
            self.watch.verdicts.condemned(accuser, claim)
        for other in self.hosts:
            if other is not host:
                peer._outbox.send(other.address, encode_claims([encode_claim(claim)]))
        self._perform(host, peer, clock)
        return True

    def _say(self, host: Host, words: str) -> None:
        now = self.agenda.now
        self._at = self.trace.record(now, Kind.SAY, host.index, payload=words.encode())
        self.watch.channel.busy = now

    def skew(self, host: Host, offset: int) -> None:
        """Set a wall clock `offset` nanoseconds ahead of the true time."""
        self._disturb(Kind.SKEW, host, payload=b"%d" % offset)
        host.clocks.set_wall(offset)

    def drift(self, host: Host, drift: int) -> None:
        """Let the clocks of a host gain so many nanoseconds per second."""
        self._disturb(Kind.DRIFT, host, payload=b"%d" % drift)
        host.clocks.set_drift(drift)
        self._set_alarm(host)  # which may be due sooner now

    def jump(self, host: Host, by: int, *, monotonic: bool) -> None:
        """Move the wall clock of a host; with `monotonic`, both its clocks."""
        self._disturb(Kind.JUMP, host, payload=b"%d %d" % (by, monotonic))
        host.clocks.jump(by, monotonic=monotonic)
        self._set_alarm(host)

    def slow(self, host: Host, service: int, inbox_max: int) -> None:
        """Let every event take a process of this host so long; its socket holds so many."""
        self._disturb(Kind.SLOW, host, payload=b"%d %d" % (service, inbox_max))
        host.service, host.inbox_max = service, inbox_max

    def set_disk(self, host: Host, health: Health) -> None:
        """Make a disk worse, or better."""
        self._disturb(Kind.DISK, host, payload=repr(astuple(health)).encode())
        host.disk.health = health
        self.watch.data.unsafe(host)

    def rot(self, host: Host, records: int) -> int:
        """Flip a bit in so many records on a disk; how many there were."""
        rotten = host.disk.rot(records, self.agenda.now)
        self._disturb(Kind.ROT, host, payload=repr(rotten).encode())
        self.befell["rotten"] += len(rotten)
        self.watch.rotten = self.watch.rotten or bool(rotten)
        return len(rotten)

    # What is done to the network.

    def partition(self, groups: Sequence[Collection[Host]], *, one_way: bool) -> None:
        """Replace the partition that is in force."""
        indices = [sorted(host.index for host in group) for group in groups]
        self._disturb(Kind.PARTITION, payload=repr((indices, one_way)).encode())
        self.network.partition(indices, one_way=one_way, now=self.agenda.now)

    def cut(self, name: str, cut: Mapping[int, frozenset[int]], flap: int) -> None:
        """Cut these ways too, in place of the cut of the same name."""
        ways = [(source, sorted(cut[source])) for source in sorted(cut)]
        self._disturb(Kind.CUT, payload=repr((name, ways, flap)).encode())
        self.network.cut(name, cut, self.agenda.now, flap)

    def mend(self, name: str) -> None:
        """End the cut of this name."""
        self.trace.record(self.agenda.now, Kind.MEND, payload=name.encode())
        del self.network.cuts[name]

    def heal(self) -> None:
        """End everything that cuts. Whatever address a host ever had is its own again: members may
        have told each other any of them, and where none leads anywhere nobody could ever call.
        """
        self.trace.record(self.agenda.now, Kind.HEAL)
        self.network.heal()
        self._at_address |= self._given
        for host in self.hosts:
            self._at_address[host.address] = host

    def set_link(self, source: Host, destination: Host, faults: Faults) -> None:
        """Make one direction between two hosts different."""
        self._disturb(Kind.LINK, source, destination, repr(astuple(faults)).encode())
        self.network.set_link(source.index, destination.index, faults)

    def rebind(self, host: Host, *, forwarded: bool) -> None:
        """Let the datagrams of a host come from an address that nobody has seen before.

        What is sent to the one before is lost; so is what is sent to the address that it tells of
        itself, unless its NAT has an order to forward that.
        """
        self._disturb(Kind.REBIND, host, payload=b"%d" % forwarded)
        self.befell["rebound"] += 1
        if host.seen_as != host.address:
            del self._at_address[host.seen_as]
        self._rebinds += 1
        low = self._rebinds
        host.seen_as = Address(f"100.{64 + (low >> 16)}.{low >> 8 & 255}.{low & 255}", NAT_PORT)
        self._at_address[host.seen_as] = self._given[host.seen_as] = host
        if forwarded:
            self._at_address[host.address] = host
        else:
            self._at_address.pop(host.address, None)

    def _forgotten_by_nat(self, index: int) -> None:
        host, at = self.hosts[index], self._at
        self.rebind(host, forwarded=host.address in self._at_address)
        self._at = at  # what its sender was at is what leads to the datagram
