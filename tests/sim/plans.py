"""Small random plans for the tests of the simulator itself: a little of everything, always data."""

from __future__ import annotations

from random import Random

from sim.network import Faults
from sim.plan import Plan, Step

SECONDS = 24.0
"""How long something happens; then a core has time to settle."""


def drawn(seed: int, *, settle: float = 60.0) -> Plan:
    """The plan of a seed: three to five nodes, users all the time, and some faults."""
    random = Random(seed)
    nodes = random.choice([3, 4, 5])
    names = [f"n{index}" for index in range(nodes)]
    steps = [user(random, names) for _ in range(random.randint(10, 60))]
    for _ in range(random.choice([0, 1, 2, 4])):
        steps += episode(random, names)
    faults = Faults(
        loss=random.choice([0.0, 0.0, 0.1, 0.3]),
        duplicate=random.choice([0.0, 0.1]),
        reorder=random.choice([0.0, 0.2]),
        corrupt=random.choice([0.0, 0.0, 0.05]),
    )
    return Plan(
        nodes=nodes, seconds=SECONDS, seed=seed, faults=faults, settle=settle, steps=tuple(steps)
    )


def user(random: Random, names: list[str]) -> Step:
    """One change by a user."""
    at, node = round(random.uniform(0.5, SECONDS), 3), random.choice(names)
    word = random.choice(["marmalade", "cardamom", "quince"])
    amount = random.randint(1, 9)
    return random.choice(
        [
            Step(at, "increment", {"node": node, "name": "visitors", "amount": amount}),
            Step(at, "decrement", {"node": node, "name": "visitors", "amount": amount}),
            Step(at, "add", {"node": node, "name": "shopping", "element": word}),
            Step(at, "discard", {"node": node, "name": "shopping", "element": word}),
            Step(at, "put", {"node": node, "name": "settings", "key": word, "value": int(at)}),
            Step(at, "delete", {"node": node, "name": "settings", "key": word}),
        ]
    )


def episode(random: Random, names: list[str]) -> list[Step]:
    """Something that goes wrong, and most times ends."""
    at, node = round(random.uniform(2.0, SECONDS - 4), 3), random.choice(names)
    end = round(at + random.uniform(1.0, 12.0), 3)
    what = random.choice(["crash", "power", "wipe", "leave", "pause", "cut", "one way"])
    ends = Step(end, "restart", {"node": node})
    if what == "leave":
        return [Step(at, "leave", {"node": node}), ends]
    if what == "pause":
        return [Step(at, "pause", {"node": node}), Step(end, "resume", {"node": node})]
    if what in {"cut", "one way"}:
        group = random.sample(names, random.randint(1, len(names) - 1))
        cut = {"groups": [group], "one_way": what == "one way"}
        return [Step(at, "partition", cut), Step(end, "heal")]
    crash = Step(at, "crash", {"node": node, "power": what != "crash"})
    return [crash, Step(end, "restart", {"node": node, "lose_disk": what == "wipe"})]
