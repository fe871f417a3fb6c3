"""What users do meanwhile: small changes of every type of data, and what they tell each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sim.actions import ACTIONS, CHANGES
from sim.chance import amount, between
from sim.simulation import Simulation
from sim.streams import stream

RATE = 10.0
"""Changes per virtual second over the whole cluster, on average: our choice. Few enough for the
cluster to be quiet between them, and many enough for most to meet a fault.
"""

KEYS = 20
"""How many different elements and keys there are: few, so that changes meet each other."""

Change = tuple[str, dict[str, Any]]
"""An action and its arguments."""


@dataclass(frozen=True, slots=True)
class Work:
    """What users do to the values of one type."""

    names: Sequence[str]
    more: Sequence[str]
    """The changes that put something there."""
    less: Sequence[str]
    """Those that take something away: as often as they are named."""


WORK: Mapping[str, Work] = {
    "counter": Work(["visitors", "downloads"], ["increment"], ["decrement"] * 5 + ["reset"]),
    "gcounter": Work(["odometer"], ["increment"], ["increment"]),
    "bounded": Work(["tickets"], ["increment"] * 2 + ["transfer"], ["decrement"]),
    "flag": Work(["maintenance", "read-only"], ["enable"], ["disable"]),
    "register": Work(["headline"], ["assign"], ["assign"]),
    "mvregister": Work(["opening hours"], ["assign"], ["assign"]),
    "set": Work(["shopping"], ["add"], ["discard"] * 6 + ["remove"] * 3 + ["clear"]),
    "map": Work(["settings"], ["put"] * 5 + ["update"], ["delete"]),
    "ormap": Work(["catalogue"], [], ["delete"]),
}
"""What there is to do, by type. Of a map of values, more is a change of one of the values in it."""

INSIDE = ("counter", "flag", "register", "mvregister", "set")
"""The types of the values in it."""

DRAWN: Mapping[str, Callable[[Random, int, Sequence[str]], Any]] = {
    "amount": lambda random, *_: random.randint(1, 9),
    "to": lambda random, _, nodes: random.choice(nodes),
    "element": lambda _, key, __: f"marmalade-{key}",
    "key": lambda _, key, __: f"cardamom-{key}",
    "value": lambda random, *_: plain(random),
    "entries": lambda random, key, _: {
        f"cardamom-{each}": plain(random) for each in range(key, key + 3)
    },
}
"""How an argument is drawn, for one of the few keys that there are."""


def plain(random: Random) -> Any:
    """A value of plain data: a number, and now and then more than that."""
    number = random.randrange(1000)
    return number if random.random() < 0.8 else {"cinnamon": [number, {"saffron": True}]}


def change(random: Random, kind: str, key: int, nodes: Sequence[str], *, more: bool) -> Change:
    """One change of a value of this type, by the user of one of the nodes; `key` says what it is
    about: one of few things, so that changes meet each other.
    """
    names = WORK[kind].names
    given: dict[str, Any] = {"node": random.choice(nodes), "name": names[key % len(names)]}
    if kind == "ormap" and more:
        kind, more = random.choice(INSIDE), random.random() < 0.6
        given["path"] = "/".join(way(random, key, kind))
    elif kind == "ormap":
        path = way(random, key, random.choice(INSIDE))
        *around, last = path[: random.randint(1, len(path))]
        given |= {"type": kind, "key": last} | ({"path": "/".join(around)} if around else {})
        return "delete", given
    do = random.choice(WORK[kind].more if more else WORK[kind].less)
    kinds, takes = CHANGES[do]
    if kind != kinds.split()[0]:
        given["type"] = kind
    return do, given | {name: DRAWN[name](random, key, nodes) for name in takes}


# What users say, and operators do.

TOPICS = ("weather", "auction", "football")

TALK: Mapping[str, float] = {"broadcast": 6.0, "query": 2.0, "set_tags": 1.0}
"""What is said, and how often."""


def saying(random: Random, nodes: Sequence[str]) -> Change:
    """One thing that the user of one of the nodes says to the others, or of his own."""
    do, node = random.choices([*TALK], [*TALK.values()])[0], random.choice(nodes)
    if do == "set_tags":
        names = random.sample(["rack", "zone", "colour"], random.randint(0, 3))
        size = random.choice([60, 60, 1300])  # the longest have no room in a claim
        return do, {"node": node, "tags": {name: words(random, size) for name in names}}
    given: dict[str, Any] = {"node": node, "topic": random.choice(TOPICS)}
    given["payload"] = plain(random) if random.random() < 0.7 else words(random, 300)
    if do == "broadcast":
        return do, given | ({"times": amount(random, 2, 60)} if random.random() < 0.05 else {})
    given["timeout"] = round(between(random, 0.05, 6.0), 3)
    if random.random() < 0.3:
        given["only"] = random.sample(nodes, random.randint(1, len(nodes)))
    if random.random() < 0.3:
        given["relays"] = random.randint(1, 2)
    if random.random() < 0.3:
        given["think"] = round(between(random, 0.001, 3.0), 3)
    return do, given | ({"decline": True} if random.random() < 0.1 else {})


def words(random: Random, most: int) -> str:
    """A text of up to so many letters."""
    return "nutmeg " * (amount(random, 7, most) // 7) + str(random.randrange(1000))


def way(random: Random, key: int, kind: str) -> list[str]:
    """The keys that lead to a value of this type: a few of each type at each of two depths, and
    some that all types contend for.
    """
    shelf = [f"aisle-{key % 2}", *([f"shelf-{key % 3}"] if random.random() < 0.5 else [])]
    return [*shelf, "anything" if random.random() < 0.1 else f"{kind}-{key % 2}"]


class Workload:
    """Changes values of every type, at moments and nodes that depend on the seed alone."""

    def __init__(self, sim: Simulation) -> None:
        self._random = stream(sim.seed, "workload")
        self._names = [node.name for node in sim.nodes]
        self.changes = 0
        self._put(sim)

    def _put(self, sim: Simulation) -> None:
        sim.at(sim.now + self._random.expovariate(RATE), self._act)

    def _act(self, sim: Simulation) -> None:
        """One change, drawn whole before it is known whether its node runs, and the next one put
        down.
        """
        random = Random(self._random.getrandbits(64))
        kind, more = random.choice([*WORK]), random.random() < 0.65
        do, given = change(random, kind, random.randrange(KEYS), self._names, more=more)
        self.changes += ACTIONS[do].perform(sim, **given)
        self._put(sim)
