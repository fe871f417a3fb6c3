"""The machine that a node runs on: all that it needs of the world beside trio's clock.

It is one object, so that a test can put another in its place: a network that loses datagrams, a
disk that forgets, chance that comes from a seed. `place` does so for one run of trio, where nodes
are then made as ever; `sim.app` is built on it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Protocol

import trio

from gossip import Address
from node import error_queue
from node.config import Config
from node.disk import Disk
from node.error_queue import Errors
from node.udp import advertised, bind, is_local


class Socket(Protocol):
    """What a node asks of its UDP socket. Nothing here waits.

    Either call may fail for a datagram that was sent before; it can be made again at once.
    """

    def recvfrom(self, bufsize: int, /) -> tuple[bytes, Any]:
        """The next datagram, and (host, port, …) of its sender; `BlockingIOError` for none."""

    def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
        """Send, or fail with an `OSError`."""

    def close(self) -> None:
        """Give the address free."""


class Machine:
    """This machine, as it is."""

    def listen(self, address: Address) -> tuple[Socket, Address]:
        """A socket bound here, and where others reach it; `StartError` when it cannot be had."""
        sock = bind(address)
        error_queue.enable(sock)
        return sock, Address(advertised(address), sock.getsockname()[1])

    async def readable(self, sock: Any) -> None:
        """Return when the socket has a datagram, or an error."""
        await trio.lowlevel.wait_readable(sock)

    def errors(self, sock: Any) -> Errors:
        """Take what became known of datagrams that did not arrive. It does not wait."""
        return error_queue.read(sock)

    def is_local(self, host: str) -> bool:
        """Whether this is an address of this machine."""
        return is_local(host)

    def disk(self, directory: str | Path) -> Disk:
        """What was kept there, and will be; `StartError` when the directory cannot be used."""
        return Disk(directory)

    def wall(self) -> int:
        """The time of day, in nanoseconds since 1970."""
        return time.time_ns()

    def entropy(self, size: int) -> bytes:
        """Bytes that nobody can guess."""
        return os.urandom(size)

    def random(self) -> Random:
        """Chance for everything that need not be secret."""
        return Random(os.urandom(16))


Placement = Callable[[Config], Machine]
"""Which machine a node of this configuration is on."""

_placement: trio.lowlevel.RunVar[Placement] = trio.lowlevel.RunVar(
    "coterie.placement", lambda _: Machine()
)


def place(placement: Placement) -> None:
    """Have the nodes of this run of trio be on other machines."""
    _placement.set(placement)


def machine_of(config: Config) -> Machine:
    """The machine that a node of this configuration is on: this one, unless placed elsewhere."""
    return _placement.get()(config)
