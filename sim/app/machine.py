"""The machines that simulated nodes run on: see `node.machine` for the place where they fit in."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import trio

from gossip import Address
from node import Config
from node.disk import Disk
from node.error_queue import Errors
from node.machine import Machine
from sim.app.running import now
from sim.app.wire import Wire, WireSocket
from sim.clocks import EPOCH
from sim.errors import SimError
from sim.streams import stream
from sim.trace import Kind, Trace

PORT = 7847
"""Every node is bound to the default port of its own host."""

FLUSH = 0.001
"""Virtual seconds until a transaction is on the disk: our choice, a good SSD."""

Records = dict[bytes, bytes]


class CrashedError(SimError):
    """Goes through a node whose machine was crashed; nothing that it does is seen any more."""


class AppHost:
    """A host over all its boots: what a crash does not take away."""

    def __init__(self, index: int, seed: int, wire: Wire, trace: Trace) -> None:
        self.index = index
        self.name = f"n{index}"
        self.seed = seed
        self.wire = wire
        self.trace = trace
        self.boots = 0
        self.skew = 0
        self.files: dict[Path, Records] = {}
        self.machine: SimulatedMachine | None = None

    def boot(self, config: Config) -> SimulatedMachine:
        """What a new process sees of this host."""
        if self.machine is not None and not self.machine.over:
            raise SimError(f"{config.name} runs already: one node a host")
        self.boots += 1
        self.machine = SimulatedMachine(self)
        return self.machine

    def record(self, kind: Kind, payload: bytes = b"") -> None:
        """Something happens here, now."""
        self.trace.record(now(), kind, self.index, payload=payload)


def address_of(index: int) -> Address:
    """Where a host is: routed nowhere, and the same as in `sim.Simulation`."""
    low = index + 1
    return Address(f"10.{low >> 16}.{low >> 8 & 255}.{low & 255}", PORT)


class SimulatedMachine(Machine):
    """A host as one process has it. With a crash it is over, and the next process gets another."""

    def __init__(self, host: AppHost) -> None:
        self.over = False
        self.ended = trio.Event()
        self._host = host
        self._random = stream(host.seed, host.name, "choices", host.boots)
        self._entropy = stream(host.seed, host.name, "entropy", host.boots)
        self._socket: WireSocket | None = None

    def crash(self) -> None:
        """Cut off the network and the disk at once; the process ends when it next looks."""
        self.over = True
        self.ended.set()
        if self._socket is not None:
            self._socket.close()
            self._socket.news.set()

    def listen(self, address: Address) -> tuple[Any, Address]:
        """The one socket of this host."""
        self._host.record(Kind.START)
        self._socket = self._host.wire.listen(self._host.index)
        return self._socket, address

    async def readable(self, sock: WireSocket) -> None:
        """Return when a datagram is there; `CrashedError` when the machine is over."""
        if not self.over:
            await sock.news.wait()
        if self.over:
            raise CrashedError(f"{self._host.name} was crashed")

    def errors(self, sock: WireSocket) -> Errors:
        """What was refused since."""
        return sock.errors()

    def disk(self, directory: str | Path) -> Disk:
        """What an earlier process had on disk when it ended."""
        return SimulatedDisk(directory, self, self._host)

    def wall(self) -> int:
        """The time of day, as far as this host knows."""
        return EPOCH + now() + self._host.skew

    def entropy(self, size: int) -> bytes:
        """Bytes from the seed."""
        return self._entropy.randbytes(size)

    def random(self) -> Random:
        """Chance from the seed."""
        return self._random


class SimulatedDisk(Disk):
    """A disk of virtual time. What it was still writing at a crash is lost, all or nothing."""

    def __init__(self, directory: str | Path, machine: SimulatedMachine, host: AppHost) -> None:
        self._machine = machine
        self._host = host
        super().__init__(directory)

    def load(self, directory: Path) -> Records:
        """The records that were there."""
        self._records = self._host.files.setdefault(directory, {})
        return dict(sorted(self._records.items()))

    async def write(self, records: dict[bytes, bytes | None]) -> None:
        """One transaction, in virtual time."""
        with trio.move_on_after(FLUSH):
            await self._machine.ended.wait()
        if self._machine.over:
            return
        self._host.record(Kind.PERSIST, repr(tuple(sorted(records.items()))).encode())
        for key, value in records.items():
            if value is None:
                self._records.pop(key, None)
            else:
                self._records[key] = value

    def close(self) -> None:
        """Nothing is open."""
