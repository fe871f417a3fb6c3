"""A member that you embed: `gossip.Peer` on a real socket, driven by trio.

One task waits for the socket, one for the peer's deadline, one saves. None of them holds any state
of the protocol; they follow the contract in `gossip/__init__.py`. The socket is drained without
blocking per datagram, and always before the deadline is looked at: an answer that has arrived
counts, however late this process is.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Literal, Self, TypeVar
from weakref import WeakSet

import trio

from crdt import CausalContext, CrdtError, NamedValues, Replicated
from gossip import (
    Address,
    Effect,
    MemberEvent,
    Peer,
    Persist,
    QuorumChanged,
    Timing,
    Transmit,
)
from node.company import Company, clock
from node.config import Config
from node.disk import Disk
from node.error_queue import name_of
from node.errors import NodeClosed, NodeError, StartError, SyncTimeout
from node.machine import machine_of
from node.seeds import Found, Seeds
from node.udp import is_everywhere
from node.watching import Watcher

log = logging.getLogger("coterie")

NS = 1_000_000_000

DRAIN = 256
"""Datagrams taken from the socket before other tasks get their turn."""

DRAINS_MAX = 16
"""How often that is done before the timers are looked at (our choice): together more datagrams than
our receive buffer holds, so that a flood delays the timers and does not stop them.
"""

STALL = 10_000_000
"""Nanoseconds that a drain takes at most (our choice), unless there was a lot to take in, or this
process was stopped within it, and more has come meanwhile.
"""

ASK_AGAIN = 0.1
"""Seconds after which `sync` asks again those who have not said that they hold the writes."""


T = TypeVar("T", bound=Replicated)


class Node(NamedValues, Company):
    """A member of the cluster, inside `async with Node(config) as node`; after that block it can be
    started again.

    Reading and writing are plain calls on local memory; only waiting is async.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.name = config.name
        self._entered = False
        self._disk: Disk | None = None
        self._blocked: frozenset[Address] = frozenset()
        self._kick = trio.Event()
        self._heard = trio.Event()
        self._sleep = trio.CancelScope()
        self._due: int | None = None
        # Weak: one that its user dropped, by a break or otherwise, is not told any more.
        self._watchers: WeakSet[Watcher] = WeakSet()

    # Life.

    async def __aenter__(self) -> Self:
        if self._entered:  # the second start would take socket and tasks from the first
            why = "it is started again after its block has ended"
            raise NodeError(f"the node {self.name!r} runs already", why=why, remedy="another Node")
        self._machine = machine_of(self.config)
        self._socket, reached = self._machine.listen(self.config.bind_address)
        self._entered = True
        try:
            self._peer = self._open_peer(reached)
            log.info("listening: gossip=%s", reached)
            self._seeds = Seeds(self.config.join, self._is_callable)
            joins = (await self._seeds.look_up()).addresses
            await trio.lowlevel.checkpoint_if_cancelled()
        except BaseException:
            self._close()
            raise
        self._peer.on_write = self._wake_up
        self._peer.store.on_change = self._changed
        self._peer.start(clock(), joins)
        self._nursery_context = trio.open_nursery()
        self._nursery = await self._nursery_context.__aenter__()
        with trio.CancelScope(shield=True):  # once begun, the tasks must get to their own shield
            await self._nursery.start(self._work)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What the caller raised goes its own way; out of the nursery comes only what failed in it.
        try:
            with trio.CancelScope(shield=True):
                if not self._nursery.cancel_scope.cancel_called:
                    await self.leave()
            self._working.cancel()
            await self._nursery_context.__aexit__(None, None, None)
            if self._disk is not None:
                await self._disk.commit()
        finally:
            self._close()

    async def _work(self, task_status: trio.TaskStatus[None]) -> None:
        """All our tasks. They outlast a cancelled caller, so that this node can still say
        goodbye.
        """
        async with trio.open_nursery() as nursery:
            nursery.cancel_scope.shield = True
            self._working = nursery.cancel_scope
            self._talk.nursery = nursery
            nursery.start_soon(self._receive)
            nursery.start_soon(self._keep_time)
            nursery.start_soon(self._seeds.look_on, self._is_alone, self._looked_up)
            if self._disk is not None:
                nursery.start_soon(self._disk.run)
            self._perform()
            task_status.started()

    async def leave(self) -> None:
        """Say goodbye; returns when enough members have heard it, or after a bounded time."""
        peer = self._running()
        peer.leave(clock())
        self._perform()
        while peer.phase != "left" and not self._working.cancel_called:
            await self._something()
        for reader in self._readers:
            reader.close()
        for watcher in self._watchers:
            watcher.close()
        for quorum_reader in self._quorum_readers:
            quorum_reader.close()
        self._talk.close()

    def _open_peer(self, address: Address) -> Peer:
        config, machine = self.config, self._machine
        self._disk = machine.disk(config.data_dir) if config.data_dir is not None else None
        timings = {"lan": Timing.lan, "wan": Timing.wan, "local": Timing.local}
        try:
            return Peer(
                name=config.name,
                address=address,
                secret=config.secret_bytes,
                wall=machine.wall,
                random=machine.random(),
                entropy=machine.entropy,
                timing=timings[config.profile](),
                tags=config.tags,
                expected=config.expected,
                recovered=self._disk.recovered if self._disk is not None else None,
            )
        except CrdtError as error:
            raise StartError(
                f"the state in {str(config.data_dir)!r} cannot be read",
                why=str(error),
                remedy="another data_dir: the other members still have the data",
            ) from None

    def _close(self) -> None:
        self._entered = False
        self._socket.close()
        if self._disk is not None:
            self._disk.close()

    def _running(self) -> Peer:
        if self._peer is None:
            raise NodeClosed("the node was not started", remedy="async with Node(config) as node")
        return self._peer

    def _open(self) -> Peer:
        peer = self._running()
        if peer.phase == "left":
            raise NodeClosed("the node has left", remedy="a new Node")
        return peer

    # Data.

    def open_value(self, name: str, kind: type[T]) -> T:
        """The value called `name`, live; `CrdtError` when that name has another type."""
        return self._open().open_value(name, kind)

    def names(self, prefix: str = "") -> Mapping[str, str]:
        """The names in use that start with `prefix`, each with its type."""
        return self._running().names(prefix)

    def digest(self) -> str:
        """A hash of the whole replicated state: equal on two nodes exactly when their states are
        equal.
        """
        return self._running().digest()

    def watch(self, prefix: str = "") -> Watcher:
        """Iterate over changes, local and remote, of the values whose names start with `prefix`.

        First comes a `Snapshot`. A slow reader gets the latest of each key, or `Lagged` and a fresh
        `Snapshot`. `NodeClosed` when this node has left.
        """
        watcher = Watcher(self._open().store, prefix)
        self._watchers.add(watcher)
        return watcher

    async def sync(self, *, acks: int | Literal["majority", "all"], timeout: float) -> None:
        """Return when so many members, this one included, hold all that was written here so far.

        "majority" and "all" count every member that has not left, the failed ones too.
        `SyncTimeout` after `timeout` seconds; the writes stay and go on replicating. `NodeClosed`
        when this node leaves before.
        """
        self._quorum(acks)
        peer = self._open()
        now = await self._catch_up()
        # What was just written goes to the disk now, not with the next switch of tasks.
        peer.wake(now)
        self._perform()
        context = peer.context()
        with trio.move_on_after(timeout) as scope:
            if self._disk is not None:
                await self._disk.flush()
            while not self._holds(context, acks):
                self._open().solicit(clock())  # who has left asks nobody any more
                self._perform()
                with trio.move_on_after(ASK_AGAIN):
                    while not self._holds(context, acks):
                        await self._something()
        if scope.cancelled_caught or not self._holds(context, acks):
            raise SyncTimeout(len(peer.held_by(context)) + 1, self._quorum(acks))
        await trio.lowlevel.checkpoint()

    def _holds(self, context: CausalContext, acks: int | str) -> bool:
        return len(self._running().held_by(context)) + 1 >= self._quorum(acks)

    def _quorum(self, acks: int | str) -> int:
        """How many members have to hold a write, as far as this one knows the cluster by now."""
        others = [member for member in self.members() if member.name != self.name]
        total = 1 + sum(member.state != "left" for member in others)  # we count, also as we leave
        if not self._has_met():
            total += 1  # somebody was to be met and was not: we are not all there is
        if acks == "majority":
            return total // 2 + 1
        if acks == "all":
            return total
        if type(acks) is not int or acks < 1:
            raise ValueError(f'acks is a number from 1, "majority" or "all", not {acks!r}')
        return acks

    def block(self, addresses: Collection[Address]) -> None:
        """Cut this node off from these addresses (from none, when empty): for demos and tests.

        `PermissionError` unless the configuration allows fault injection.
        """
        if not self.config.fault_injection:
            raise PermissionError("fault_injection is off in this node's configuration")
        self._blocked = frozenset(addresses)

    # The driver: see the contract in `gossip/__init__.py`.

    async def _receive(self) -> None:
        while True:
            await self._machine.readable(self._socket)
            self._drain()

    async def _keep_time(self) -> None:
        peer = self._running()
        while True:
            self._due = peer.next_wake
            with trio.move_on_at(seconds_of(self._due)) as self._sleep:
                await self._kick.wait()
            self._kick = trio.Event()
            peer.wake(await self._catch_up())
            self._perform()

    async def _catch_up(self) -> int:
        """Take in everything that has arrived; the time by which it had.

        After a stop of this process, or a program that did not let us run, a whole socket full of
        answers waits. The time is read before the silence after them is judged, and no later: what
        arrives from here on is on time.
        """
        now = clock()
        for _ in range(DRAINS_MAX):
            began, emptied, now = now, self._drain(), clock()
            if emptied and now - began < STALL:
                break
            await trio.lowlevel.checkpoint()
        return now

    def _drain(self) -> bool:
        """Take in what is there, or a good part of it; whether that was all."""
        peer = self._running()
        taken, emptied = 0, False
        for _ in range(DRAIN):
            try:
                datagram, source = self._socket.recvfrom(65536)
            except BlockingIOError:
                emptied = True
                break
            except OSError:
                self._hear_errors()  # it is about one that we sent; what arrived is still there
                continue
            taken += 1
            address = Address(source[0], source[1])
            if address not in self._blocked:
                peer.receive(datagram, address, clock())
        if not taken:  # then it may be an error that woke us: not every one makes a call fail
            self._hear_errors()
        self._perform()
        self._heard.set()
        self._heard = trio.Event()
        return emptied

    def _hear_errors(self) -> None:
        """Take what the machine knows of our datagrams that did not arrive."""
        refused, others = self._machine.errors(self._socket)
        for quoted in refused:
            self._running().refused(quoted, clock())
        self._undelivered.update(others)

    def _perform(self) -> None:
        peer = self._running()
        while effects := peer.effects():  # to send one is also to hear what became of another
            for effect in effects:
                self._perform_one(peer, effect)
        if peer.next_wake != self._due:
            # The sleep is moved, not ended: most timers are set anew long before they are due, and
            # to wake up for what is not due any more was one in four wake-ups of an idle node.
            self._due = peer.next_wake
            self._sleep.deadline = seconds_of(self._due)

    def _perform_one(self, peer: Peer, effect: Effect) -> None:
        if isinstance(effect, Transmit):
            self._transmit(effect)
        elif isinstance(effect, Persist):
            if self._disk is not None:
                self._disk.save(effect.records)
        elif isinstance(effect, QuorumChanged):
            for quorum_reader in self._quorum_readers:
                quorum_reader.notice()
        elif isinstance(effect, MemberEvent):
            for reader in self._readers:
                reader.notice(effect)
        else:
            self._talk.notice(effect, peer)

    def _transmit(self, effect: Transmit) -> None:
        """Send. What cannot be sent (no buffer, no route, not allowed, too large) is counted, and a
        lost datagram like any other to the protocol.
        """
        if effect.destination in self._blocked:
            return
        for again in (True, False):
            try:
                self._socket.sendto(effect.datagram, effect.destination)
            except OSError as error:
                # It may be about a datagram before this one, which then was not sent at all.
                self._hear_errors()
                if not again or isinstance(error, BlockingIOError):
                    self._undelivered[name_of(error.errno)] += 1
                    return
            else:
                return

    def _changed(self, key: bytes) -> None:
        for watcher in self._watchers:
            watcher.notice(key)

    def _wake_up(self) -> None:
        self._kick.set()

    async def _something(self) -> None:
        """Wait until datagrams came or time passed."""
        with trio.move_on_after(ASK_AGAIN):
            await self._heard.wait()

    def _is_callable(self, address: Address) -> bool:
        """Whether a join address can lead to somebody else: our socket has one family, and when it
        listens at all addresses of this machine each of them is our own.
        """
        me = self.address
        if (":" in address.host) != (":" in me.host):
            return False
        everywhere = is_everywhere(self.config.bind_address)
        return not (everywhere and address.port == me.port and self._machine.is_local(address.host))

    def _is_alone(self) -> bool:
        return sum(member.state in ("alive", "suspect") for member in self.members()) < 2

    def _looked_up(self, found: Found) -> None:
        peer = self._running()
        if peer.phase == "running":
            peer.join(found.addresses, clock(), found.gone)


def seconds_of(due: int | None) -> float:
    """A deadline of the peer, as trio has it."""
    return math.inf if due is None else due / NS
