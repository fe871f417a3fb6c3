"""Playing a plan: what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from sim.errors import InvariantViolation
from sim.plan import Plan, Step
from sim.simulation import Simulation

SLICE = 0.1
"""Virtual seconds between two looks at the progress. Splitting a run changes nothing in it."""

Progress = Callable[[float], None]
"""Is told the virtual time, now and then."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run."""

    plan: Plan
    simulation: Simulation
    """As it was left: to be looked at, or to go on with."""
    violations: tuple[InvariantViolation, ...]
    marks: Mapping[str, int]
    """What happened how often: each action that had an effect, and each that had none."""
    wall_seconds: float

    @property
    def trace_hash(self) -> str:
        """The hash of everything that happened."""
        return self.simulation.trace_hash


def prepare(plan: Plan, *, keep: bool = False) -> tuple[Simulation, Counter[str]]:
    """The cluster of a plan at its start, with every step on the agenda; and its marks."""
    sim = Simulation(nodes=plan.nodes, seed=plan.seed, faults=plan.faults, keep=keep)
    marks: Counter[str] = Counter()
    for step in plan.in_order():
        sim.at(step.at, partial(_perform, step, marks))
    return sim, marks


def play(plan: Plan, progress: Progress | None = None, *, keep: bool = False) -> Outcome:
    """Run a plan to its end, or to the first invariant that was broken; with `keep`, every event is
    kept in the simulation's `log`.
    """
    began = perf_counter()
    sim, marks = prepare(plan, keep=keep)
    violations: list[InvariantViolation] = []
    try:
        while progress is not None and sim.now + SLICE < plan.seconds:
            sim.run(SLICE)
            progress(sim.now)
        sim.run(plan.seconds - sim.now)
    except InvariantViolation as violation:
        violations = [violation]
    else:
        violations = sim.violations()
    return Outcome(plan, sim, tuple(violations), marks, perf_counter() - began)


def _perform(step: Step, marks: Counter[str], sim: Simulation) -> None:
    effective = step.action().perform(sim, **step.arguments)
    marks[step.do if effective else f"{step.do} (nothing to do)"] += 1
