"""The network between the hosts: what becomes of a datagram.

A directed link takes every datagram through the same questions, in this order: is it cut off by a
partition, is it lost, is it bent, is it held back, does it come twice? The fate of the k-th
datagram of a link is a function of (seed, link, k) and nothing else. Each question has bytes of its
own in that draw, so switching one kind of fault off leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from random import Random
from struct import Struct
from typing import NamedTuple

from sim.agenda import SECOND, finite, nanoseconds
from sim.errors import SimError
from sim.streams import derived

HOLD_MIN = SECOND // 10
"""A reordered datagram is held back by at most this or ten times the delay, whichever is more: our
choice, long enough for several round trips to overtake it."""


def probability(value: object, what: str) -> float:
    """`value`, if it is a probability; `SimError` otherwise."""
    words = f"{what} is a probability in 0..1"
    number = finite(value, words)
    if not 0 <= number <= 1:
        raise SimError(f"{words}, not {value!r}")
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How bad the network is everywhere. The probabilities are per datagram, each on its own."""

    loss: float = 0.0
    """It never arrives."""
    duplicate: float = 0.0
    """It arrives twice, the second time a little later."""
    reorder: float = 0.0
    """It is held back, so that later ones overtake it."""
    corrupt: float = 0.0
    """It arrives with a few bits flipped, or cut short."""
    delay: float = 0.0005
    """Seconds from one host to another, one way."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "delay":
                probability(getattr(self, field.name), field.name)
        nanoseconds(self.delay, "delay")

    @property
    def chancy(self) -> bool:
        """Whether any datagram at all meets bad luck."""
        return any((self.loss, self.duplicate, self.reorder, self.corrupt))


class Link(NamedTuple):
    """One direction between two hosts, where it differs from the network as a whole."""

    loss: float
    delay: int


class Copy(NamedTuple):
    """One arrival of a datagram: how many nanoseconds after it was sent, and with which bytes."""

    delay: int
    datagram: bytes


_DRAW = Struct("<QQQQQQQ")
_CERTAIN = float(1 << 64)


class Network:
    """Every link, and the partition that is in force. Hosts are their index."""

    def __init__(self, hosts: int, seed: int, faults: Faults) -> None:
        self.faults = faults
        self._seed = seed
        self._usual = Link(faults.loss, nanoseconds(faults.delay, "delay"))
        self._links: dict[tuple[int, int], Link] = {}
        self._carried: dict[tuple[int, int], int] = {}
        self._group = [0] * hosts
        self._one_way = False
        self._cut = False

    def carry(self, source: int, destination: int, datagram: bytes) -> Sequence[Copy]:
        """What arrives of a datagram that is sent now: nothing, itself, or more and worse."""
        if self._cut and self._severed(source, destination):
            return ()
        link = self._links.get((source, destination), self._usual)
        if not (link.loss or self.faults.chancy):
            return (Copy(link.delay, datagram),)
        lost, bent, bend, held, hold, twice, again = self._draw(source, destination)
        if lost < link.loss * _CERTAIN:
            return ()
        if bent < self.faults.corrupt * _CERTAIN:
            datagram = corrupted(datagram, Random(bend))
        longest = max(HOLD_MIN, 10 * link.delay)
        late = hold * longest >> 64 if held < self.faults.reorder * _CERTAIN else 0
        first = Copy(link.delay + late, datagram)
        if twice < self.faults.duplicate * _CERTAIN:
            return (first, Copy(first.delay + (again * longest >> 64), datagram))
        return (first,)

    def partition(self, groups: Sequence[Collection[int]], *, one_way: bool) -> None:
        """Let only hosts of one group reach each other; those in none form one more.

        With `one_way`, only what the first group sends to the others is lost.
        """
        self._group = [len(groups)] * len(self._group)
        for index, group in enumerate(groups):
            for host in group:
                self._group[host] = index
        self._one_way = one_way
        self._cut = True

    def heal(self) -> None:
        """End the partition; links keep what was set for them."""
        self._cut = False

    def set_link(self, source: int, destination: int, link: Link) -> None:
        """Make one direction between two hosts different, until it is set again."""
        self._links[source, destination] = link

    @property
    def usual(self) -> Link:
        """A link for which nothing was set."""
        return self._usual

    def _severed(self, source: int, destination: int) -> bool:
        ours, theirs = self._group[source], self._group[destination]
        return ours != theirs and (ours == 0 or not self._one_way)

    def _draw(self, source: int, destination: int) -> tuple[int, ...]:
        """Seven numbers below 2**64: the luck of the next datagram of this link."""
        count = self._carried.get((source, destination), 0)
        self._carried[source, destination] = count + 1
        luck = derived(self._seed, "link", source, destination, count, size=_DRAW.size)
        return _DRAW.unpack(luck)


def corrupted(datagram: bytes, random: Random) -> bytes:
    """`datagram` cut short, or with one to eight bits flipped: other bytes, unless it is empty."""
    if not datagram:
        return datagram
    if random.random() < 0.5:
        return datagram[: random.randrange(len(datagram))]
    bits = random.sample(range(8 * len(datagram)), random.randint(1, 8))
    bent = bytearray(datagram)
    for bit in bits:
        bent[bit // 8] ^= 1 << bit % 8
    return bytes(bent)
