"""One simulated machine: a process that is a `gossip.Peer`, its clocks and its disk.

The host outlives its processes. Its disk and its clocks stay when a process ends; everything else
that a process knew is gone, and the next one starts from what the disk gives back.
"""

from __future__ import annotations

from collections import deque

from gossip import Address, Peer, Timing, UserEffect
from gossip.members.membership import MAX_MEMBERS
from sim.agenda import SECOND, Agenda
from sim.clocks import Clocks
from sim.disk import Disk
from sim.errors import SimError
from sim.streams import derived, stream

PORT = 7847
"""Every process is bound to the default port of its own host."""

INBOX_MAX = 256
"""Datagrams that the socket of a process holds for it while it is busy or does not run: our choice,
about what Linux keeps of small datagrams in a receive buffer of default size."""

HOSTS_MAX = MAX_MEMBERS
"""More than members remember would be no cluster."""


def how_many(nodes: object) -> int:
    """`nodes`, if there can be so many; `SimError` otherwise."""
    if type(nodes) is not int or nodes < 1:  # True is an int to isinstance
        raise SimError(f"nodes is how many there are, from 1, not {nodes!r}")
    if nodes > HOSTS_MAX:
        raise SimError(f"nodes is at most {HOSTS_MAX}, not {nodes}: members remember no more")
    return nodes


class Host:
    """A machine of the simulation: what happens to it is decided in `World`."""

    __slots__ = (
        "address",
        "alarmed",
        "boots",
        "busy_until",
        "clocks",
        "departed",
        "disk",
        "due",
        "inbox",
        "inbox_max",
        "index",
        "name",
        "paused",
        "peer",
        "powered",
        "received",
        "running",
        "seen_as",
        "service",
        "timing",
        "trouble",
        "wakes",
    )

    def __init__(self, index: int, seed: int, agenda: Agenda, timing: Timing | None = None) -> None:
        self.index = index
        self.name = f"n{index}"
        # Synthetic and routed nowhere: these never reach a socket.
        low = index + 1
        self.address = Address(f"10.{low >> 16}.{low >> 8 & 255}.{low & 255}", PORT)
        uptime = int.from_bytes(derived(seed, self.name, "uptime", size=8)) % (1000 * SECOND)
        self.clocks = Clocks(agenda, uptime)
        self.disk = Disk(seed, self.name)
        self.timing = timing or Timing.lan()
        self.boots = 0
        self.powered = True
        self.seen_as = self.address  # where its datagrams come from; another one behind a NAT
        self.service = 0  # what each event takes the process, in nanoseconds
        self.inbox_max = INBOX_MAX
        self.trouble = ""  # why its process ended, when neither a crash nor a goodbye was it
        self.forget()

    @property
    def waits(self) -> bool:
        """Whether what arrives now has to wait for the process."""
        return self.paused or self.service > 0 or self.busy_until is not None

    @property
    def is_full(self) -> bool:
        """Whether what would have to wait finds no room."""
        return len(self.inbox) >= self.inbox_max and self.waits

    def forget(self) -> None:
        """Lose everything that ends with a process."""
        self.peer: Peer | None = None
        self.running = False  # as users see it: false from `leave` on, while the goodbye goes out
        self.departed = False  # whether its last process had said goodbye, and was heard or waited
        self.paused = False
        # Datagrams with their sources, refused ones with None; and their places in the log.
        self.inbox: deque[tuple[bytes, Address | None, int]] = deque()
        self.busy_until: int | None = None  # when a slow process is done with what it is at
        self.alarmed = False  # whether that is its alarm
        self.due: int | None = None  # the one entry of the agenda that will wake the process
        self.received: list[UserEffect] = []  # what it told its user that others said
        self.wakes = (0, 0)  # (when, how often) it was woken at the latest moment

    def boot(self, seed: int, secret: bytes, now: int) -> Peer:
        """A new process over what the disk holds; nobody has started it yet.

        `CrdtError` when it cannot be one.
        """
        self.boots += 1
        self.powered = True
        self.trouble = ""
        self.peer = Peer(
            name=self.name,
            address=self.address,
            secret=secret,
            wall=self.clocks.wall,
            random=stream(seed, self.name, "choices", self.boots),
            entropy=stream(seed, self.name, "entropy", self.boots).randbytes,
            timing=self.timing,
            tags={},
            recovered=self.disk.read(now),
        )
        self.running = True
        return self.peer
