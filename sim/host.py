"""One simulated machine: a process that is a `gossip.Peer`, its clocks and its disk.

The host outlives its processes. Its disk and its clocks stay when a process ends; everything else
that a process knew is gone, and the next one starts from what the disk gives back.
"""

from __future__ import annotations

from collections import deque

from gossip import Address, Peer, Timing
from sim.agenda import SECOND, Agenda
from sim.disk import Disk
from sim.streams import derived, stream

PORT = 7847
"""Every process is bound to the default port of its own host."""

EPOCH = 1_893_456_000 * SECOND
"""What an undisturbed wall clock shows at the start of a run: 2030-01-01, midnight UTC."""

INBOX_MAX = 256
"""Datagrams that the socket of a process holds for it while it does not run: our choice, about what
Linux keeps of small datagrams in a receive buffer of default size."""


class Clocks:
    """The two clocks of one host, over virtual time."""

    __slots__ = ("_agenda", "_uptime", "skew")

    def __init__(self, agenda: Agenda, uptime: int) -> None:
        self._agenda = agenda
        self._uptime = uptime  # at the start of the run: differs from host to host
        self.skew = 0

    def monotonic(self) -> int:
        """The clock that `now` is read from. It has nothing to do with that of any other host."""
        return self._agenda.now + self._uptime

    def wall(self) -> int:
        """The time of day, as far as this host knows."""
        return EPOCH + self._agenda.now + self.skew

    def virtual(self, monotonic: int) -> int:
        """When, in virtual time, this host's monotonic clock shows `monotonic`."""
        return monotonic - self._uptime


class Host:
    """A machine of the simulation: what happens to it is decided in `World`."""

    __slots__ = (
        "address",
        "boots",
        "clocks",
        "disk",
        "due",
        "inbox",
        "index",
        "name",
        "paused",
        "peer",
        "powered",
        "running",
        "wakes",
    )

    def __init__(self, index: int, seed: int, agenda: Agenda) -> None:
        self.index = index
        self.name = f"n{index}"
        # Synthetic and routed nowhere: these never reach a socket.
        low = index + 1
        self.address = Address(f"10.{low >> 16}.{low >> 8 & 255}.{low & 255}", PORT)
        uptime = int.from_bytes(derived(seed, self.name, "uptime", size=8)) % (1000 * SECOND)
        self.clocks = Clocks(agenda, uptime)
        self.disk = Disk()
        self.boots = 0
        self.powered = True
        self.forget()

    def forget(self) -> None:
        """Lose everything that ends with a process."""
        self.peer: Peer | None = None
        self.running = False  # as users see it: false from `leave` on, while the goodbye goes out
        self.paused = False
        self.inbox: deque[tuple[bytes, Address]] = deque()
        self.due: int | None = None  # the one entry of the agenda that will wake the process
        self.wakes = (0, 0)  # (when, how often) it was woken at the latest moment

    def boot(self, seed: int, secret: bytes) -> Peer:
        """A new process over what the disk holds; nobody has started it yet."""
        self.boots += 1
        self.powered = True
        self.running = True
        self.peer = Peer(
            name=self.name,
            address=self.address,
            secret=secret,
            wall=self.clocks.wall,
            random=stream(seed, self.name, "choices", self.boots),
            entropy=stream(seed, self.name, "entropy", self.boots).randbytes,
            timing=Timing.lan(),
            tags={},
            recovered=self.disk.read(self.clocks.monotonic()),
        )
        return self.peer
