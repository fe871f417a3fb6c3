"""The smallest plan that still breaks the same invariant.

A plan that fails has a hundred steps, and a handful of them matter. Each round cuts the plan at the
failure, turns whole classes of faults off, takes nodes away, takes steps away (delta debugging:
halves, then quarters, and so on), and makes what is left simpler. A candidate is taken when it
breaks the invariant that the plan broke: another failure would be another bug. The rounds end when
one changes nothing, or when the time is over; then the smallest plan so far is the answer.

It works because chance is drawn per link and per node: a step taken away shifts no other's luck.

Reference: Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input (2002).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, TypeVar

from sim import simpler
from sim.faults import Faults
from sim.luck import noted
from sim.plan import Plan, Step
from sim.runner import play

T = TypeVar("T")

BUDGET = 60.0
"""Real seconds that shrinking may take, unless another number is asked for."""


FATES_MAX = 10
"""More single datagrams than this are harder to read than one probability: our choice."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a plan fails."""

    invariant: str
    time: float
    trace_hash: str


Judge = Callable[[Plan], Failure | None]
"""Plays a plan and says how it fails, or None."""

Say = Callable[["Shrinker"], None]
"""Is told about every try."""


class OutOfTimeError(Exception):
    """The budget is spent. Raised through the passes; what was reached is kept."""


def judge(invariant: str = "") -> Judge:
    """Whoever plays a plan and looks whether it breaks an invariant: this one, or any."""

    def judged(plan: Plan) -> Failure | None:
        outcome = play(plan)
        for violation in outcome.violations:
            if invariant in {"", violation.invariant}:
                return Failure(violation.invariant, violation.time, outcome.trace_hash)
        return None

    return judged


class Shrinker:
    """One plan on its way down."""

    def __init__(
        self, plan: Plan, failure: Failure, judged: Judge, *, budget: float, say: Say | None = None
    ) -> None:
        """`failure` is how `plan` fails; `judged` finds the same failure and no other."""
        self.plan = plan
        self.failure = failure
        self.tries = 0
        self.budget = budget
        self.complete = False
        """Whether nothing was left to try, as opposed to no time."""
        self._judged = judged
        self._began = perf_counter()
        self._say = say
        self._known: dict[str, bool] = {_key(plan): True}

    @property
    def seconds(self) -> float:
        """Real seconds since the start."""
        return perf_counter() - self._began

    def shrink(self) -> Plan:
        """Round after round, until nothing changes or the time is over."""
        try:
            before = None
            while before != self.plan:
                before = self.plan
                self._round()
            self.complete = True
        except OutOfTimeError:
            pass
        return self.plan

    def _round(self) -> None:
        self._descend(lambda plan: simpler.cut(plan, self.failure.time))
        self._descend(simpler.without_classes)
        self._descend(simpler.fewer_nodes)
        steps = self.plan.in_order()
        least(simpler.units(steps), lambda kept: self._with_steps(_in_order(kept)))
        least(self.plan.in_order(), self._with_steps)
        self._single_datagrams()
        self._descend(simpler.simpler_values)

    def _single_datagrams(self) -> None:
        """Do without probabilities: write the fates of single datagrams into the plan instead, and
        leave out those that do not matter. A plan with many of them is no simpler, and not taken.
        """
        before = self.plan, self.failure
        bad = [step for step in self.plan.steps if step.do == "link"]
        if not (self.plan.faults.chancy or bad):
            return
        steps = [step for step in self.plan.in_order() if step.do != "link"]
        fates = noted(self.plan)
        faults = self.plan.faults
        kept = Faults(delay=faults.delay, silent=faults.silent)
        self._certain = replace(self.plan, faults=kept)
        try:
            if fates and self._with_fates(steps, fates):
                least(fates, lambda kept: self._with_fates(steps, kept))
        finally:
            if sum(step.do == "fate" for step in self.plan.steps) > FATES_MAX:
                self.plan, self.failure = before

    def _with_fates(self, steps: Sequence[Step], fates: Sequence[Step]) -> bool:
        return self._fails(replace(self._certain, steps=tuple(_in_order([steps, fates]))))

    def _descend(self, candidates: Callable[[Plan], Iterable[Plan]]) -> None:
        """Take the first candidate that still fails, and go on from there, until none does."""
        taken = True
        while taken:
            taken = any(self._fails(candidate) for candidate in candidates(self.plan))

    def _with_steps(self, steps: Sequence[Any]) -> bool:
        return self._fails(replace(self.plan, steps=tuple(steps)))

    def _fails(self, candidate: Plan) -> bool:
        """Whether a plan fails in the same way; it is the smallest so far, then."""
        key = _key(candidate)
        if key in self._known:
            return self._known[key] and candidate == self.plan
        if self.seconds > self.budget:
            raise OutOfTimeError
        self.tries += 1
        failure = self._judged(candidate)
        self._known[key] = failure is not None
        if failure is not None:
            self.plan, self.failure = candidate, failure
        if self._say is not None:
            self._say(self)
        return failure is not None


def least(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """The few of these items without each of which it does not fail any more: `ddmin`, by leaving
    out one part of n, with n twice as large whenever no part can be left out.
    """
    if items and fails(()):
        return ()
    parts = 2
    while len(items) >= 2:
        size = -(-len(items) // parts)
        for start in range(0, len(items), size):
            kept = [*items[:start], *items[start + size :]]
            if fails(kept):
                items, parts = kept, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(len(items), 2 * parts)
    return items


def _in_order(kept: Iterable[Sequence[Any]]) -> list[Any]:
    return sorted((step for unit in kept for step in unit), key=lambda step: step.at)


def _key(plan: Plan) -> str:
    return json.dumps(plan.to_data())
