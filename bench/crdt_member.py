"""Local writes per second in the store of a member.

A value lives in the store of a `Peer` that is driven as the contract of drivers asks: after each
batch of writes it is woken and its effects are drained. It has no other members, so this is the
price of writing, logging for anti-entropy and persisting, without that of sending.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from bench.asker import member
from bench.measure import Figure, Progress, rates
from crdt import LWWMap, ORSet, PNCounter
from gossip import Address, Peer

WRITES = 10_000
BATCH = 100

Write = Callable[[int], object]


def measure(say: Progress) -> Iterator[Figure]:
    """Writes per second of each type, in a member."""
    cases: dict[str, Callable[[Peer], Write]] = {
        "LWWMap.put of a new key, in a member": lambda peer: puts(peer.map("m")),
        "PNCounter.increment, in a member": lambda peer: increments(peer.counter("c")),
        "ORSet.add of a new element, in a member": lambda peer: adds(peer.set("s")),
    }
    for what, collection in cases.items():
        say(what)
        samples = rates(partial(driven, collection), WRITES)
        yield Figure.of("crdt", what, samples, "writes/s")


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
