"""The network of whole nodes: sockets without a kernel, and one task that carries datagrams.

What becomes of a datagram is decided by the same `Network` as in the heap simulator, when it is
sent. What is under way waits in one queue, ordered by (time, sequence), and arrives at its
nanosecond, whatever trio does in between.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from heapq import heappop, heappush

import trio

from gossip import Address
from node.error_queue import Errors
from sim.agenda import SECOND
from sim.app.running import now
from sim.errors import SimError
from sim.network import Faults, Network
from sim.trace import NOBODY, Kind, Trace

QUOTED = 520
"""Bytes of a datagram that a refusal repeats, as in `sim.world`."""


def refuse_rebind(faults: Faults) -> None:
    """`SimError` for the one fault of a network that is not simulated here."""
    if faults.rebind:
        raise SimError("rebind is not simulated for whole nodes: sim.Simulation has it")


class Wire:
    """Everything between the hosts. Hosts are their index."""

    def __init__(
        self, addresses: Sequence[Address], seed: int, faults: Faults, trace: Trace
    ) -> None:
        refuse_rebind(faults)
        self.network = Network(len(addresses), seed, faults)
        self.messages = 0
        self._addresses = addresses
        self._trace = trace
        self._index = {address: index for index, address in enumerate(addresses)}
        self._sockets: dict[int, WireSocket] = {}
        # When, in which order, from whom, to whom, what, and whether that is one that was refused.
        self._under_way: list[tuple[int, int, int, int, bytes, bool]] = []
        self._sequence = 0
        self._waiting_until = math.inf
        self._earlier = trio.Event()

    def listen(self, index: int) -> WireSocket:
        """The socket of a new process on this host."""
        self._sockets[index] = WireSocket(self, index)
        return self._sockets[index]

    def forget(self, sock: WireSocket) -> None:
        """Nobody listens there any more."""
        if self._sockets.get(sock.index) is sock:
            del self._sockets[sock.index]

    def send(self, source: int, datagram: bytes, address: Address) -> None:
        """Take a datagram; when and whether it arrives is decided now."""
        self.messages += 1
        at, target = now(), self._index.get(address, NOBODY)
        copies = self.network.carry(source, target, datagram, at) if target != NOBODY else ()
        if not copies:
            self._trace.record(at, Kind.LOSE, source, target, datagram)
        for copy in copies:
            self._put(at + copy.delay, source, target, copy.datagram)

    def _put(
        self, due: int, source: int, target: int, datagram: bytes, *, refused: bool = False
    ) -> None:
        self._sequence += 1
        heappush(self._under_way, (due, self._sequence, source, target, datagram, refused))
        if due < self._waiting_until:
            self._earlier.set()

    async def run(self) -> None:
        """Let datagrams arrive, for ever."""
        while True:
            self._earlier = trio.Event()
            self._waiting_until = self._under_way[0][0] if self._under_way else math.inf
            with trio.move_on_at(self._waiting_until / SECOND):
                await self._earlier.wait()
            at = now()
            while self._under_way and self._under_way[0][0] <= at:
                self._arrive(*heappop(self._under_way)[2:], at)

    def _arrive(self, source: int, target: int, datagram: bytes, refused: bool, at: int) -> None:
        sock = self._sockets.get(target)
        if refused:
            if sock is not None:
                self._trace.record(at, Kind.BOUNCE, target, source, datagram)
                sock.bounced(datagram)
            return
        kind = Kind.REFUSE if sock is None else Kind.DELIVER
        self._trace.record(at, kind, target, source, datagram)
        if sock is not None:
            sock.arrived(datagram, self._addresses[source])
            return
        takes = self.network.refuse(target, source, at)
        if takes is not None:
            self._put(at + takes, target, source, datagram[:QUOTED], refused=True)


class WireSocket:
    """The socket of one process, as `node.machine.Socket` wants it."""

    def __init__(self, wire: Wire, index: int) -> None:
        self.index = index
        self.news = trio.Event()
        """Set when a datagram arrives, and when the process is to end."""
        self._wire = wire
        self._inbox: deque[tuple[bytes, Address]] = deque()
        self._refused: list[bytes] = []
        self._closed = False

    def arrived(self, datagram: bytes, source: Address) -> None:
        """Keep a datagram for the process."""
        self._inbox.append((datagram, source))
        self.news.set()

    def bounced(self, quoted: bytes) -> None:
        """Keep the beginning of a datagram that was refused."""
        self._refused.append(quoted)
        self.news.set()

    def errors(self) -> Errors:
        """Take what was refused."""
        refused, self._refused = self._refused, []
        return Errors(refused, Counter())

    def recvfrom(self, _: int, /) -> tuple[bytes, Address]:
        """The datagram that came first; `BlockingIOError` when there is none.

        `ConnectionRefusedError` as long as there are errors to take: the real one says it once.
        """
        if self._refused:
            raise ConnectionRefusedError
        if not self._inbox:
            if self.news.is_set():  # never while somebody waits for it
                self.news = trio.Event()
            raise BlockingIOError
        return self._inbox.popleft()

    def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
        """Send, unless the process has come to its end."""
        if not self._closed:
            self._wire.send(self.index, data, Address(*address))
        return len(data)

    def close(self) -> None:
        """Neither send nor receive any more."""
        self._closed = True
        self._inbox.clear()
        self._wire.forget(self)
