"""A few real stores that write, push and pull over a network that loses, repeats and reorders.

A port of the executable specification of the synchronisation rules (R1 to R5). Tokens, truncation
of the log and repair (R6, R7) are left out: the product does not have them yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

from crdt import HybridClock, ORSet, Store
from crdt.context import Dot, Span
from crdt.keys import close, encode_key
from crdt.store import decode_fragment
from crdt.values import element_to_key

SIZE = 4
KEYS = ["k0", "k1", "k2", "k3"]

Step = tuple[Any, ...]

replicas = st.integers(0, SIZE - 1)
keys = st.sampled_from(KEYS)
chances = st.integers(0, 2**16)

steps = st.one_of(
    st.tuples(st.just("write"), replicas, keys),
    st.tuples(st.just("remove"), replicas, keys),
    st.tuples(st.just("push"), replicas, replicas, chances),
    st.tuples(st.just("pull"), replicas, replicas, chances),
    st.tuples(st.just("pull"), replicas, replicas, chances),
    st.tuples(st.just("redeliver"), replicas, chances),
)


def leaf_key(name: str) -> bytes:
    """The key that a store keeps element `name` of the set "s" under."""
    return close(encode_key("s")) + bytes([ORSet.KIND]) + element_to_key(name)


def make(name: str) -> Store:
    return Store(name, HybridClock(lambda: 1000))


def held(store: Store) -> dict[bytes, set[Dot]]:
    """The dots that live in a store, by key."""
    return {
        key: {(replica, counter) for _, replica, counter, _ in entry}
        for key, entry in store.entries.items()
    }


def pull(giver: Store, taker: Store) -> None:
    """The taker gets all it lacks, in one message."""
    more = True
    while more:
        keys, more = giver.missing(taker.context)
        writer = giver.writer()
        for key, slots in keys.items():
            writer.add(key, *giver.leaf(key, slots))
        taker.join(decode_fragment(writer.finish()))
    taker.prune()
    taker.check()


class Cluster:
    """Stores, what is on the wire, and the truth: every event there was and the dots it covered."""

    def __init__(self) -> None:
        self.stores = [make(f"r{i}") for i in range(SIZE)]
        self.sets = [store.open("s", ORSet) for store in self.stores]
        self.wire: list[bytes] = []
        self.writes: dict[Dot, str] = {}
        self.covered: set[Dot] = set()

    def play(self, history: list[Step]) -> Cluster:
        for kind, *arguments in history:
            getattr(self, kind)(*arguments)
            for store in self.stores:
                store.check()
        return self

    # Local events.

    def write(self, i: int, key: str) -> None:
        self._happens(i, key)
        self.sets[i].add(key)
        store = self.stores[i]
        self.writes[store.replica, store.context.last(store.replica)] = key

    def remove(self, i: int, key: str) -> None:
        self._happens(i, key)
        self.sets[i].discard(key)

    def _happens(self, i: int, key: str) -> None:
        self.covered |= held(self.stores[i]).get(leaf_key(key), set())

    # The network.

    def push(self, i: int, j: int, chance: int) -> None:
        """What was written since the last push goes to one other, perhaps."""
        if i != j:
            self._send(i, j, self.stores[i].take_unsent(), Random(chance))

    def pull(self, i: int, j: int, chance: int, *, lossless: bool = False) -> None:
        """One other asks for all that it lacks, and gets some of the answer, in some order."""
        if i != j:
            missing = self.stores[i].missing(self.stores[j].context)
            self._send(i, j, missing.keys, None if lossless else Random(chance))

    def redeliver(self, j: int, chance: int) -> None:
        """A datagram of long ago arrives, at whomever."""
        if self.wire:
            self._receive(j, self.wire[chance % len(self.wire)])

    def _send(
        self, i: int, j: int, keys: dict[bytes, tuple[Span, ...]], random: Random | None
    ) -> None:
        datagrams = list(self._datagrams(self.stores[i], list(keys.items()), random))
        self.wire += datagrams
        if random is not None:
            random.shuffle(datagrams)
        for datagram in datagrams:
            if random is None or random.random() > 0.3:
                self._receive(j, datagram)
        self.stores[j].prune()

    def _datagrams(
        self, store: Store, keys: list[tuple[bytes, tuple[Span, ...]]], random: Random | None
    ) -> Iterator[bytes]:
        """At most two keys each."""
        if random is not None:
            random.shuffle(keys)
        for at in range(0, len(keys), 2):
            writer = store.writer()
            for key, slots in keys[at : at + 2]:
                assert writer.add(key, *store.leaf(key, slots))
            yield writer.finish()

    def _receive(self, j: int, datagram: bytes) -> None:
        self.stores[j].join(decode_fragment(datagram))

    # Afterwards.

    def settle(self) -> None:
        """The faults end: everybody pulls from everybody until nobody lacks anything."""
        for _ in range(SIZE):
            for i in range(SIZE):
                for j in range(SIZE):
                    self.pull(i, j, 0, lossless=True)

    def truth(self) -> dict[bytes, set[Dot]]:
        """The dots that live: writes that no event covered."""
        live: dict[bytes, set[Dot]] = defaultdict(set)
        for dot, key in self.writes.items():
            if dot not in self.covered:
                live[leaf_key(key)].add(dot)
        return live

    def verify(self) -> None:
        """Every store holds exactly what lives, and nothing besides its context."""
        truth = self.truth()
        first = self.stores[0]
        for store in self.stores:
            store.check()
            assert held(store) == truth
            assert store.context == first.context
            assert not store.extra
            assert store.log == first.log
            assert store.digest() == first.digest()
