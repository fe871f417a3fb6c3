"""One direction between two hosts: what becomes of the datagrams that take it.

A link takes every datagram through the same questions, in this order: does the NAT forget its
sender, can it be sent, is it too large, is there room for it in the queue, is it lost, is it bent,
how long does it take, is it held back, does it come twice? The fate of the k-th datagram of a link
is a function of (seed, link, k) and nothing else, but for the faults that have a memory: bursts,
the queue, and the datagrams that it may be crossed with. Each question has bytes of its own in that
draw, so switching one kind of fault off leaves the others as they were.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from math import log
from random import Random
from struct import Struct
from typing import NamedTuple

from sim.agenda import SECOND, nanoseconds
from sim.faults import Faults
from sim.streams import derived

HOLD_MIN = SECOND // 10
"""A reordered datagram is held back by at most this or ten times the delay, whichever is more: our
choice, long enough for several round trips to overtake it."""

BURST_LENGTH = 10
"""Datagrams that a burst takes on average when nothing is said: our choice."""

SLOW_DELAY = SECOND
"""What the slow way takes longer when nothing is said: our choice, longer than any probe waits."""

QUEUE = 64 << 10
"""Bytes in the queue of a link whose bandwidth is bounded, when nothing is said: our choice."""

MICROSECOND = 1000

Way = tuple[int, int]
"""Source and destination, as the indices of hosts."""


class Copy(NamedTuple):
    """One arrival of a datagram: how many nanoseconds after it was sent, and with which bytes."""

    delay: int
    datagram: bytes
    bent: bool = False
    """Whether these are bytes that nobody sent: not so when it was swapped for another datagram."""


class Luck(NamedTuple):
    """Numbers below 2**64: what the faults of the contract ask for one datagram."""

    lost: int
    bent: int
    bend: int
    held: int
    hold: int
    twice: int
    again: int


class MoreLuck(NamedTuple):
    """Numbers below 2**32: what all other faults ask for one datagram."""

    unsent: int
    burst: int
    flipped: int
    truncated: int
    crossed: int
    bend: int
    jitter: int
    tail: int
    slow: int


class WayBack(NamedTuple):
    """Numbers below 2**32: what the faults that a refusal can meet ask for it."""

    silent: int
    lost: int
    jitter: int
    tail: int
    slow: int


# What the constructors of these do, without a call in Python around it: there is one of each for
# every datagram.
copy_of: Callable[[tuple[int, bytes, bool]], Copy] = partial(tuple.__new__, Copy)
_luck: Callable[[tuple[int, ...]], Luck] = partial(tuple.__new__, Luck)
_more_luck: Callable[[tuple[int, ...]], MoreLuck] = partial(tuple.__new__, MoreLuck)

_LUCK, _MORE, _WAY_BACK = Struct("<7Q"), Struct("<9I"), Struct("<5I")
_CERTAIN, _CERTAIN_TOO = float(1 << 64), float(1 << 32)
_NO_LUCK_NEEDED, _NO_MORE_NEEDED = Luck(*[0] * 7), MoreLuck(*[0] * 9)


class Link:
    """One direction, with what it remembers: how many it carried, its burst, and its queue."""

    __slots__ = (
        "_ask",
        "_ask_more",
        "_bad",
        "_bends",
        "_busy_until",
        "_carried",
        "_refusals",
        "_seed",
        "_way",
        "chancy",
        "delay",
        "faults",
    )

    def __init__(self, seed: int, way: Way, faults: Faults) -> None:
        self._seed = seed
        self._way = way
        self._carried = 0
        self._refusals = 0
        self._bad = False
        self._busy_until = 0
        self.set(faults)

    def set(self, faults: Faults) -> None:
        """Be as bad as this from now on."""
        self.faults = faults
        self.delay = nanoseconds(faults.delay, "delay")
        self.chancy = faults.chancy
        self._bad = self._bad and faults.burst > 0
        self._ask = any((faults.loss, faults.corrupt, faults.reorder, faults.duplicate))
        bent = (faults.flip, faults.truncate, faults.crosswire)
        late = (faults.jitter, faults.tail, faults.slow)
        self._ask_more = any((faults.send_error, faults.burst, *bent, *late))
        self._bends = faults.bending

    def skip(self) -> None:
        """Somebody else has settled the fate of the next datagram."""
        if self.faults.burst:
            self._go_on(self._draw()[1])
        else:
            self._carried += 1

    def forgotten(self) -> bool:
        """Whether the NAT before the sender forgets it just before the next datagram."""
        drawn = derived(self._seed, "nat", *self._way, self._carried, size=8)
        return int.from_bytes(drawn, "little") < self.faults.rebind * _CERTAIN

    def carry(
        self, datagram: bytes, now: int, recent: deque[tuple[Way, bytes]], befell: Counter[str]
    ) -> tuple[Copy, ...]:
        """What arrives of the next datagram; and what befell it goes into `befell`."""
        luck, more = self._draw()
        if self.faults.burst:
            self._go_on(more)
        faults = self.faults
        if more.unsent < faults.send_error * _CERTAIN_TOO:
            befell["unsent"] += 1
            return ()
        if 0 < faults.mtu < len(datagram):
            befell["too large"] += 1
            return ()
        waits = self._queued(len(datagram), now) if faults.bandwidth else 0
        if waits is None:
            befell["queue full"] += 1
            return ()
        if self._bad or luck.lost < faults.loss * _CERTAIN:
            befell["burst" if self._bad else "lost"] += 1
            return ()
        bent = False
        if self._bends:
            datagram, bent = self._bent(datagram, luck, more, recent, befell)
        takes = self.delay + waits + (self._late(more, befell) if self._ask_more else 0)
        return self._arrivals(copy_of((takes, datagram, bent)), luck, befell)

    def refuse(self, befell: Counter[str]) -> int | None:
        """How many nanoseconds the next refusal is on this way; None when it never arrives.

        Refusals have a count and luck of their own: that of datagrams is theirs, whoever crashed.
        """
        count, (source, destination) = self._refusals, self._way
        self._refusals = count + 1
        drawn = derived(self._seed, "refusal", source, destination, count, size=_WAY_BACK.size)
        luck = WayBack._make(_WAY_BACK.unpack(drawn))
        if luck.silent < self.faults.silent * _CERTAIN_TOO:
            befell["silent"] += 1
            return None
        if self._bad or luck.lost < self.faults.loss * _CERTAIN_TOO:
            befell["refusal lost"] += 1
            return None
        return self.delay + self._late(luck, befell)

    def _draw(self) -> tuple[Luck, MoreLuck]:
        """The luck of the next datagram; only what is asked for is drawn."""
        count, (source, destination) = self._carried, self._way
        self._carried = count + 1
        luck, more = _NO_LUCK_NEEDED, _NO_MORE_NEEDED
        if self._ask:
            drawn = derived(self._seed, "link", source, destination, count, size=_LUCK.size)
            luck = _luck(_LUCK.unpack(drawn))
        if self._ask_more:
            drawn = derived(self._seed, "link too", source, destination, count, size=_MORE.size)
            more = _more_luck(_MORE.unpack(drawn))
        return luck, more

    def _queued(self, size: int, now: int) -> int | None:
        """How long it takes until the last byte is through; None when the queue has no room."""
        bandwidth = self.faults.bandwidth
        waits = max(0, self._busy_until - now)
        if waits * bandwidth / SECOND + size > (self.faults.queue or QUEUE):
            return None
        waits += round(size * SECOND / bandwidth)
        self._busy_until = now + waits
        return waits

    def _go_on(self, more: MoreLuck) -> None:
        """Begin a burst, or end it, with the next datagram, whatever else becomes of that."""
        faults = self.faults
        if self._bad:
            self._bad = more.burst * (faults.burst_length or BURST_LENGTH) >= _CERTAIN_TOO
        else:
            self._bad = more.burst < faults.burst * _CERTAIN_TOO

    def _bent(
        self,
        datagram: bytes,
        luck: Luck,
        more: MoreLuck,
        recent: deque[tuple[Way, bytes]],
        befell: Counter[str],
    ) -> tuple[bytes, bool]:
        """What becomes of the bytes of a datagram; and whether it is something that nobody sent."""
        faults = self.faults
        bent = False
        if luck.bent < faults.corrupt * _CERTAIN:
            befell["corrupted"] += 1
            datagram, bent = corrupted(datagram, Random(luck.bend)), True
        if more.crossed < faults.crosswire * _CERTAIN_TOO:
            others = [other for way, other in recent if way != self._way]
            if others:
                befell["crosswired"] += 1
                datagram, bent = others[more.bend % len(others)], False
        if more.truncated < faults.truncate * _CERTAIN_TOO and datagram:
            befell["truncated"] += 1
            datagram, bent = truncated(datagram, Random(more.bend)), True
        if more.flipped < faults.flip * _CERTAIN_TOO and datagram:
            befell["flipped"] += 1
            datagram, bent = flipped(datagram, Random(more.bend)), True
        return datagram, bent

    def _late(self, more: MoreLuck | WayBack, befell: Counter[str]) -> int:
        """What this one takes longer than the shortest way, in nanoseconds."""
        faults = self.faults
        late = more.jitter * round(faults.jitter * SECOND) >> 32
        if faults.tail:
            # Whole microseconds: the last digit of a logarithm differs from machine to machine.
            exponential = -log((more.tail + 1) / _CERTAIN_TOO)
            late += int(exponential * faults.tail * (SECOND // MICROSECOND)) * MICROSECOND
        if more.slow < faults.slow * _CERTAIN_TOO:
            befell["slow"] += 1
            late += round(faults.slow_delay * SECOND) or SLOW_DELAY
        return late

    def _arrivals(self, first: Copy, luck: Luck, befell: Counter[str]) -> tuple[Copy, ...]:
        longest = max(HOLD_MIN, 10 * self.delay)
        if luck.held < self.faults.reorder * _CERTAIN:
            befell["held back"] += 1
            first = first._replace(delay=first.delay + (luck.hold * longest >> 64))
        if luck.twice < self.faults.duplicate * _CERTAIN:
            befell["duplicated"] += 1
            again = first._replace(delay=first.delay + (luck.again * longest >> 64))
            return (first, again)
        return (first,)


def corrupted(datagram: bytes, random: Random) -> bytes:
    """`datagram` cut short, or with one to eight bits flipped: other bytes, unless it is empty."""
    if not datagram:
        return datagram
    return truncated(datagram, random) if random.random() < 0.5 else flipped(datagram, random)


def truncated(datagram: bytes, random: Random) -> bytes:
    """The beginning of `datagram`, at least one byte short."""
    return datagram[: random.randrange(len(datagram))]


def flipped(datagram: bytes, random: Random) -> bytes:
    """`datagram` with one to eight bits flipped."""
    bits = random.sample(range(8 * len(datagram)), random.randint(1, 8))
    bent = bytearray(datagram)
    for bit in bits:
        bent[bit // 8] ^= 1 << bit % 8
    return bytes(bent)
