"""Playing a plan: what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from sim.crash import nothing_raises
from sim.errors import InvariantViolation
from sim.liveness import settle
from sim.plan import Plan, Step
from sim.simulation import Simulation
from sim.tuning import tuned
from sim.users import User

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
    core: Sequence[str] = ()
    """Who was healed at the end, and agreed; nobody, when that was not asked, or did not happen."""

    @property
    def trace_hash(self) -> str:
        """The hash of everything that happened."""
        return self.simulation.trace_hash


def play(
    plan: Plan,
    progress: Progress | None = None,
    *,
    keep: bool = False,
    before: Callable[[Simulation], object] | None = None,
    begin: Callable[[Simulation], object] | None = None,
) -> Outcome:
    """Run a plan to its end, or to the first invariant that was broken, or to a crash, which is the
    violation of one more; with `keep`, every event is kept in the simulation's `log`.

    `before` sees the cluster while nobody runs yet, and `begin` when all have started; it may put
    more on the agenda.
    """
    began = perf_counter()
    sim = Simulation(
        plan.nodes, plan.seed, plan.faults, keep=keep, timing=tuned(plan.timing), boot=False
    )
    if before is not None:
        before(sim)
    marks: Counter[str] = Counter()
    core: Sequence[str] = ()
    try:
        with nothing_raises(sim):
            _start(sim, plan, marks)
            if begin is not None:
                begin(sim)
            core = _run(sim, plan, marks, progress)
            violations = sim.violations()
    except InvariantViolation as violation:
        violations = [violation]
    return Outcome(plan, sim, tuple(violations), marks, perf_counter() - began, core)


def _start(sim: Simulation, plan: Plan, marks: Counter[str]) -> None:
    """Start every node, and put every step on the agenda. A fate at 0 s is laid down first: it is
    that of a datagram which a node sends as it starts.
    """
    steps = plan.in_order()
    early = [step for step in steps if step.do == "fate" and not step.at]
    for step in early:
        perform(step, marks, plan.seconds, sim)
    sim.boot()
    for step in steps:
        if step not in early:
            sim.at(step.at, partial(perform, step, marks, plan.seconds))


def _run(
    sim: Simulation, plan: Plan, marks: Counter[str], progress: Progress | None
) -> Sequence[str]:
    """Let time pass until the plan is through; `InvariantViolation` for the first broken one."""
    while sim.now < plan.seconds:
        sim.run(min(SLICE, plan.seconds - sim.now))
        if sim.found():
            raise sim.found()[0]
        if progress is not None:
            progress(sim.now)
    if not plan.settle:
        return ()
    sim.check()
    core = settle(sim, plan.settle)
    marks["settled"] += 1
    return core


def perform(step: Step, marks: Counter[str], until: float, sim: Simulation) -> None:
    """Do a step, unless the time for it is over; what users wrote has to be there."""
    if sim.now > until:
        return
    action = step.action()
    user = User(sim, step) if action.data else None
    effective = action.perform(sim, **step.arguments)
    if effective and user is not None:
        user.done()
    marks[step.do if effective else f"{step.do} (nothing to do)"] += 1
