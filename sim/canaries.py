"""Canaries: documented defects in the protocols, planted to see whether the simulator notices.

A checker that never complains may be right, or blind. Each canary breaks one rule of the code that
is simulated, for as long as it is planted, and brings the occasion on which that matters; the run
has to end with the invariant that it names. Nothing of this is on the product's paths: a canary is
a few functions of it, replaced from here.

    coterie sim run --canary list
    coterie sim run --canary plaintext

Three of them break no protocol but the determinism of a run. They show only beside other processes:
`determinism` makes the same run in several.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sim import leaks, sabotage
from sim.errors import SimError
from sim.invariants import Invariant
from sim.plan import Step
from sim.runner import perform
from sim.simulation import Simulation

DETERMINISTIC = Invariant("deterministic", "the same seed gives the same run in every process")


class Patch:
    """Attributes that were replaced, and what they were before."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def setattr(self, target: Any, name: str, value: object) -> None:
        """Replace an attribute."""
        self._before.append((target, name, vars(target)[name]))
        setattr(target, name, value)

    def undo(self) -> None:
        """Put everything back, the last first."""
        while self._before:
            setattr(*self._before.pop())


@dataclass(frozen=True, slots=True)
class Canary:
    """One defect."""

    plant: Callable[[Any], None]
    """Puts it in, with the `setattr` of what it is given."""
    invariant: str
    """The name of the invariant that it breaks."""
    workload: bool = False
    """Whether it shows only when users write."""
    steps: tuple[Step, ...] = field(default=())
    """The occasion on which it matters."""
    leak: bool = False
    """Whether it is the determinism of a run that it breaks."""
    nodes: int = 2
    """The fewest among whom it shows."""

    def prepare(self, sim: Simulation) -> None:
        """Put the occasion on the agenda; `SimError` where it could not show."""
        if len(sim.nodes) < self.nodes:
            few = f"not among {len(sim.nodes)}"
            raise SimError(f"the canary {self.name} shows among {self.nodes} nodes or more, {few}")
        for step in self.steps:
            sim.at(step.at, partial(perform, step, Counter(), math.inf))

    @property
    def name(self) -> str:
        """What it is called."""
        return self.plant.__name__.replace("_", "-")

    @property
    def words(self) -> str:
        """What is wrong, in one line."""
        return (self.plant.__doc__ or "").partition("\n")[0]


def _crash(node: str) -> tuple[Step, ...]:
    return (Step(10.0, "crash", {"node": node, "power": True}),)


_ALONE = (Step(10.0, "partition", {"groups": [["n3"]]}), Step(25.0, "heal"))
_VISITS = tuple(
    Step(5.0 + at, "increment", {"node": "n1", "name": "visitors", "amount": 1}) for at in range(5)
)

CANARIES = {
    canary.name: canary
    for canary in (
        Canary(sabotage.stale_claim, "no-return", steps=_ALONE, nodes=4),
        Canary(sabotage.second_life, "no-return", steps=_crash("n3"), nodes=4),
        Canary(sabotage.lying_ack, "complete", steps=_crash("n3"), nodes=4),
        Canary(sabotage.deaf, "accurate", nodes=4),
        Canary(sabotage.chatter, "quiet"),
        Canary(sabotage.hoarder, "bounded"),
        Canary(sabotage.lost_write, "kept", workload=True),
        Canary(sabotage.false_receipt, "held", workload=True),
        Canary(sabotage.dot_twice, "one-dot", workload=True),
        Canary(sabotage.blind_digest, "digest", workload=True),
        Canary(sabotage.miscount, "own-write", steps=_VISITS),
        Canary(sabotage.plaintext, "secret", workload=True),
        Canary(sabotage.same_nonce, "nonce"),
        Canary(leaks.set_order, DETERMINISTIC.name, leak=True, nodes=3),
        Canary(leaks.id_order, DETERMINISTIC.name, leak=True, nodes=3),
        Canary(leaks.finaliser, DETERMINISTIC.name, leak=True),
    )
}
"""Every canary by its name."""


def canary(name: str) -> Canary:
    """The canary of this name; `SimError` when there is none."""
    if name not in CANARIES:
        raise SimError(f"there is no canary {name!r}: {', '.join(CANARIES)}")
    return CANARIES[name]


@contextmanager
def planted(name: str) -> Iterator[Canary | None]:
    """A canary in place while the block runs; nothing for the empty name."""
    if not name:
        yield None
        return
    found, patch = canary(name), Patch()
    try:
        found.plant(patch)
        yield found
    finally:
        patch.undo()
