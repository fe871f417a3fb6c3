"""The classes of faults that a random plan may have, by name.

Two kinds: *weather*, which is how bad the network is for the whole run, and *episodes*, which begin
and end. A class draws its own intensity; whether it is there at all is decided in `swarm.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from sim.chance import between, chance
from sim.liar import LIES
from sim.partitions import SHAPES

Did = tuple[str, dict[str, Any]]
"""An action by its name, with its arguments."""

Episode = tuple[list[Did], list[Did]]
"""What happens at its begin, and at its end."""

# The network, as long as the run lasts.

WEATHER: dict[str, Callable[[Random], dict[str, float]]] = {
    "loss": lambda random: {"loss": chance(random)},
    "bursts": lambda random: {
        "burst": chance(random, 0.001, 0.05),
        "burst_length": random.randint(3, 40),
    },
    "duplicates": lambda random: {"duplicate": chance(random)},
    "reordering": lambda random: {"reorder": chance(random)},
    "corruption": lambda random: {"corrupt": chance(random, 0.002, 0.1)},
    "crossed wires": lambda random: {"crosswire": chance(random, 0.002, 0.1)},
    "delay": lambda random: {
        "delay": chance(random, 0.0001, 0.1),
        "jitter": chance(random, 0.001, 0.1),
    },
    "long tail": lambda random: {
        "tail": chance(random, 0.001, 0.1),
        "slow": chance(random, 0.002, 0.1),
        "slow_delay": chance(random, 0.1, 3.0),
    },
    "small datagrams": lambda random: {"mtu": random.randint(600, 1400)},
    "narrow": lambda random: {
        "bandwidth": round(between(random, 1_000, 50_000)),
        "queue": round(between(random, 1_000, 32_000)),
    },
    "send errors": lambda random: {"send_error": chance(random)},
    "forgetful NAT": lambda random: {"rebind": chance(random, 0.0005, 0.02)},
    "firewalls": lambda random: {"silent": random.choice([1.0, chance(random)])},
}
"""What the network is like: fields of `Faults`."""


# What happens to nodes, and ends.


class Scene(NamedTuple):
    """What an episode is made of."""

    random: Random
    """The stream of this one episode."""
    names: Sequence[str]
    """The nodes."""
    tag: str
    """A name that no other episode has, for what needs one."""

    def node(self) -> str:
        """Any node."""
        return self.random.choice(self.names)


def crash(scene: Scene) -> Episode:
    """A process dies and is started again."""
    node = scene.node()
    return [("crash", {"node": node})], [("restart", {"node": node})]


def power(scene: Scene) -> Episode:
    """A host, or all of them, lose power and what was not synced."""
    nodes = list(scene.names) if scene.random.random() < 0.1 else [scene.node()]
    down: list[Did] = [("crash", {"node": node, "power": True}) for node in nodes]
    return down, [("restart", {"node": node}) for node in nodes]


def wipe(scene: Scene) -> Episode:
    """A host comes back with an empty disk."""
    node = scene.node()
    begin: list[Did] = [("crash", {"node": node, "power": True})]
    return begin, [("restart", {"node": node, "lose_disk": True})]


def rollback(scene: Scene) -> Episode:
    """A host is set back to what its disk held a while ago."""
    node = scene.node()
    begin: list[Did] = [("snapshot", {"node": node, "name": scene.tag})]
    return begin, [
        ("crash", {"node": node, "power": True}),
        ("restart", {"node": node, "snapshot": scene.tag}),
    ]


def clone(scene: Scene) -> Episode:
    """A host comes back with a copy of the disk of another one."""
    node, other = scene.random.sample(scene.names, 2)
    return [("crash", {"node": node})], [("restart", {"node": node, "clone": other})]


def leave(scene: Scene) -> Episode:
    """A member says goodbye and comes back."""
    node = scene.node()
    return [("leave", {"node": node})], [("restart", {"node": node})]


def pause(scene: Scene) -> Episode:
    """A process stands still."""
    node = scene.node()
    return [("pause", {"node": node})], [("resume", {"node": node})]


def slow(scene: Scene) -> Episode:
    """A process needs long for everything, and its socket overflows."""
    node, takes = scene.node(), chance(scene.random, 0.001, 0.5)
    inbox = scene.random.choice([4, 64, 256])
    begin: list[Did] = [("slow", {"node": node, "seconds": takes, "inbox": inbox})]
    return begin, [("slow", {"node": node, "seconds": 0.0})]


def wall(scene: Scene) -> Episode:
    """A wall clock is set wrong, by milliseconds or by months, and set right."""
    node, by = scene.node(), chance(scene.random, 0.001, 1e7) * scene.random.choice([1, -1])
    return [("jump", {"node": node, "seconds": by})], [("jump", {"node": node, "seconds": -by})]


def drift(scene: Scene) -> Episode:
    """The clocks of a machine go too fast or too slow."""
    node, rate = scene.node(), chance(scene.random, 0.0001, 0.1) * scene.random.choice([1, -1])
    return [("drift", {"node": node, "rate": rate})], [("drift", {"node": node, "rate": 0.0})]


def sleep(scene: Scene) -> Episode:
    """A machine wakes from a sleep that it did not notice."""
    node, by = scene.node(), chance(scene.random, 0.1, 1e4)
    return [("jump", {"node": node, "seconds": by, "monotonic": True})], []


def liar(scene: Scene) -> Episode:
    """A member says what is not so of another one, in its own name or in a third one's."""
    node, about, third = scene.random.sample(scene.names, 3)
    what, accuser = scene.random.choice([*LIES]), scene.random.choice([node, third])
    return [("lie", {"node": node, "what": what, "about": about, "accuser": accuser})], []


def nat(scene: Scene) -> Episode:
    """A member can only be answered, not called, until its port is forwarded again."""
    node = scene.node()
    return [("rebind", {"node": node, "forwarded": False})], [("rebind", {"node": node})]


def bad_disk(scene: Scene) -> Episode:
    """A disk syncs late, fails to, or is full; the process over it may end of that."""
    node = scene.node()
    health: dict[str, float] = scene.random.choice(
        [
            {"sync": chance(scene.random, 0.5, 5.0)},
            {"torn": chance(scene.random, 0.1, 0.9)},
            {"error": chance(scene.random, 0.005, 0.5)},
            {"capacity": scene.random.randint(200, 5000)},
        ]
    )
    begin: list[Did] = [("disk", {"node": node, **health})]
    return begin, [("disk", {"node": node}), ("restart", {"node": node})]


def rot(scene: Scene) -> Episode:
    """Bits of a disk flip, and the next process reads them."""
    node = scene.node()
    begin: list[Did] = [("rot", {"node": node, "records": scene.random.randint(1, 3)})]
    return begin, [("crash", {"node": node}), ("restart", {"node": node})]


# What happens between nodes, and ends.


def partition(scene: Scene) -> Episode:
    """Some do not reach others, both ways."""
    shape = scene.random.choice(["halves", "isolate", "bridge", "ring"])
    return _cut(scene, shape)


def one_way(scene: Scene) -> Episode:
    """One hears and is not heard, or the other way round."""
    return _cut(scene, scene.random.choice(["mute", "deaf"]))


def flapping(scene: Scene) -> Episode:
    """A partition that comes and goes."""
    return _cut(scene, scene.random.choice(list(SHAPES)), flap=chance(scene.random, 0.1, 5.0))


def grudge(scene: Scene) -> Episode:
    """Any ways at all are cut."""
    pairs = [[a, b] for a in scene.names for b in scene.names if a != b]
    cut = scene.random.sample(pairs, scene.random.randint(1, len(pairs) // 2))
    return [("cut", {"name": scene.tag, "pairs": cut})], [("mend", {"name": scene.tag})]


def bad_link(scene: Scene) -> Episode:
    """One direction between two nodes is bad."""
    a, b = scene.random.sample(scene.names, 2)
    kind = scene.random.choice(["loss", "delay"])
    worse = chance(scene.random, 0.1, 1.0) if kind == "loss" else chance(scene.random, 0.01, 2.0)
    return [("link", {"a": a, "b": b, kind: worse})], [("link", {"a": a, "b": b})]


def _cut(scene: Scene, shape: str, flap: float = 0.0) -> Episode:
    order = scene.random.sample(scene.names, len(scene.names))
    often = {"flap": flap} if flap else {}
    begin: list[Did] = [("sever", {"name": scene.tag, "shape": shape, "nodes": order, **often})]
    return begin, [("mend", {"name": scene.tag})]


EPISODES: dict[str, Callable[[Scene], Episode]] = {
    episode.__name__.replace("_", " "): episode
    for episode in (
        crash, power, wipe, rollback, clone, leave, pause, slow, wall, drift, sleep, liar, nat,
        bad_disk, rot, partition, one_way, flapping, grudge, bad_link,
    )
}  # fmt: skip
"""What begins and ends."""

RUINOUS = frozenset({"wipe", "rollback", "clone", "rot", "bad disk"})
"""Those after which a lost write is nobody's fault."""
