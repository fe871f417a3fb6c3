"""Local writes per second: how fast one thread can change values, before any network.

Alone, a value owns its kernel and nobody collects the deltas. In a member, the same value lives in
the store of a `Peer` that is driven as the contract of drivers asks: after each batch of writes it
is woken and its effects are drained. It has no other members, so this is the price of writing,
logging for anti-entropy and persisting, without that of sending.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from bench.asker import member
from bench.measure import Figure, Progress, rates
from crdt import LWWMap, ORSet, PNCounter
from gossip import Address, Peer

WRITES = 10_000
BATCH = 100

Write = Callable[[int], object]


def measure(say: Progress) -> Iterator[Figure]:
    """Writes per second of each type, alone and in a member."""
    alone: dict[str, Callable[[], Write]] = {
        "LWWMap.put of a new key, alone": lambda: puts(LWWMap("bench")),
        "PNCounter.increment, alone": lambda: increments(PNCounter("bench")),
        "ORSet.add of a new element, alone": lambda: adds(ORSet("bench")),
    }
    in_member: dict[str, Callable[[], Write]] = {
        "LWWMap.put of a new key, in a member": lambda: driven(lambda peer: puts(peer.map("m"))),
        "PNCounter.increment, in a member": lambda: driven(
            lambda peer: increments(peer.counter("c"))
        ),
        "ORSet.add of a new element, in a member": lambda: driven(lambda peer: adds(peer.set("s"))),
    }
    for what, prepare in (alone | in_member).items():
        say(what)
        yield Figure.of("crdt", what, rates(prepare, WRITES), "writes/s")


def puts(values: LWWMap) -> Write:
    """A new key with every call."""
    return lambda number: values.put(f"key {number}", number)


def increments(counter: PNCounter) -> Write:
    """The same counter with every call."""
    return counter.increment


def adds(elements: ORSet) -> Write:
    """A new element with every call."""
    return lambda number: elements.add(f"element {number}")


def driven(collection: Callable[[Peer], Write]) -> Write:
    """Writes to a collection of a fresh member, with the driver's turn after each `BATCH`."""
    peer = lone_member()
    write = collection(peer)

    def write_and_drive(number: int) -> None:
        write(number)
        if number % BATCH == BATCH - 1:
            peer.wake(time.monotonic_ns())
            peer.effects()

    return write_and_drive


def lone_member() -> Peer:
    """A running member of a cluster of one."""
    peer = member("bench", b"bench", Address("127.0.0.1", 7847))
    peer.start(time.monotonic_ns(), join=[])
    return peer
