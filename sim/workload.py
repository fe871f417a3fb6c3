"""What users do meanwhile: a stream of small changes at random nodes, drawn from the seed."""

from __future__ import annotations

from random import Random

from sim.handle import Handle
from sim.simulation import Simulation
from sim.streams import stream

RATE = 10.0
"""Changes per virtual second over the whole cluster, on average: our choice. Few enough for the
cluster to be quiet between them, and many enough for most to meet a fault.
"""

KEYS = 20
"""How many different elements and keys there are: few, so that changes meet each other."""


class Workload:
    """Changes a counter, a set and a map, at moments and nodes that depend on the seed alone."""

    def __init__(self, sim: Simulation) -> None:
        self._random = stream(sim.seed, "workload")
        self.changes = 0
        self._put(sim)

    def _put(self, sim: Simulation) -> None:
        sim.at(sim.now + self._random.expovariate(RATE), self._act)

    def _act(self, sim: Simulation) -> None:
        """One change, drawn whole before it is known whether its node runs, and the next one put
        down.
        """
        node = self._random.choice(sim.nodes)
        change = self._random.choice((_count, _put_or_delete, _add_or_discard))
        luck = Random(self._random.getrandbits(64))
        if node.running:
            change(node, luck)
            self.changes += 1
        self._put(sim)


def _count(node: Handle, random: Random) -> None:
    amount = random.randint(1, 9)
    counter = node.counter("visits")
    if random.random() < 0.7:
        counter.increment(amount)
    else:
        counter.decrement(amount)


def _add_or_discard(node: Handle, random: Random) -> None:
    element = f"user-{random.randrange(KEYS)}"
    if random.random() < 0.6:
        node.set("online").add(element)
    else:
        node.set("online").discard(element)


def _put_or_delete(node: Handle, random: Random) -> None:
    key = f"key-{random.randrange(KEYS)}"
    config = node.map("config")
    if random.random() < 0.7 or key not in config:
        config[key] = random.randrange(1000)
    else:
        del config[key]
