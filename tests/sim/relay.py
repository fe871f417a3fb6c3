"""Real loopback sockets with a bad network between them: every datagram goes through one process.

A node on a `RelayedMachine` sends everything to the relay, with a header that says for whom it is;
the relay asks the simulator's own `Network` what becomes of it, and passes on what is left, with a
header that says from whom it came. So faults need no rights on this machine, and no kernel module.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from struct import Struct
from typing import Any

import trio

from gossip import Address
from node.error_queue import Errors
from node.machine import Machine
from node.udp import bind
from sim import Faults
from sim.agenda import SECOND
from sim.network import Network

PORT = Struct("!H")
LOOPBACK = "127.0.0.1"


class Relay:
    """The network between nodes that are known by their ports, in the order of their starts."""

    def __init__(self, nodes: int, seed: int, faults: Faults) -> None:
        self.network = Network(nodes, seed, faults)
        self.passed = self.dropped = 0
        self._socket = bind(Address(LOOPBACK, 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self._ports: dict[int, int] = {}

    def admit(self, port: int) -> None:
        """The next node listens here."""
        self._ports[port] = len(self._ports)

    async def run(self) -> None:
        """Carry datagrams, for ever."""
        async with trio.open_nursery() as nursery:
            while True:
                await trio.lowlevel.wait_readable(self._socket)
                framed, (_, source) = self._socket.recvfrom(65536)
                self._carry(framed, source, nursery)

    def _carry(self, framed: bytes, source: int, nursery: trio.Nursery) -> None:
        (target,) = PORT.unpack_from(framed)
        ends = (self._ports[source], self._ports[target])
        copies = self.network.carry(*ends, framed[PORT.size :], round(trio.current_time() * SECOND))
        self.dropped += not copies
        for copy in copies:
            nursery.start_soon(self._deliver, copy.datagram, source, target, copy.delay)

    async def _deliver(self, datagram: bytes, source: int, target: int, delay: int) -> None:
        await trio.sleep(delay / SECOND)
        self.passed += 1
        self._socket.sendto(PORT.pack(source) + datagram, (LOOPBACK, target))

    def close(self) -> None:
        """Give the socket free."""
        self._socket.close()


class RelayedMachine(Machine):
    """This machine, with the relay before its network."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def listen(self, address: Address) -> tuple[Any, Address]:
        """A real socket that knows of the relay."""
        sock, reached = super().listen(address)
        self._relay.admit(reached.port)
        assert isinstance(sock, socket.socket)
        return RelayedSocket(sock, self._relay), reached

    async def readable(self, sock: RelayedSocket) -> None:
        """Return when the real socket has something."""
        await super().readable(sock.real)

    def errors(self, sock: RelayedSocket) -> Errors:
        """None: the relay, which takes everything, passes on no refusals."""
        return super().errors(sock.real)


class RelayedSocket:
    """Puts a header before what is sent, and takes one off what came."""

    def __init__(self, real: socket.socket, relay: Relay) -> None:
        self.real = real
        self._relay = relay

    def recvfrom(self, size: int, /) -> tuple[bytes, Sequence[Any]]:
        """The next datagram, and who sent it to the relay."""
        framed = self.real.recv(size)
        return framed[PORT.size :], (LOOPBACK, PORT.unpack_from(framed)[0])

    def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
        """Send it to the relay."""
        return self.real.sendto(PORT.pack(address[1]) + data, self._relay.address)

    def close(self) -> None:
        """Give the address free."""
        self.real.close()
