"""Shrinking: little is left, it fails in the same way, and it ends in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.canaries import planted
from sim.plan import Plan
from sim.shrink import Failure, Judge, Shrinker, judge, least
from sim.swarm import draw
from tests.sim.plans import drawn

FAILURE = Failure("kept", 20.0, "")


@given(st.sets(st.integers(0, 60), max_size=4), st.integers(61, 140))
def test_what_is_needed_is_left_and_nothing_else(needed: set[int], size: int) -> None:
    left = least(range(size), lambda kept: needed <= set(kept))
    assert set(left) == needed


def test_no_item_can_be_left_out_even_when_some_stand_for_others() -> None:
    def fails(kept: Sequence[int]) -> bool:
        return len(kept) % 3 == 1 or sum(kept) > 400

    left = least(range(40), fails)
    assert fails(left)
    assert not any(fails([*left[:at], *left[at + 1 :]]) for at in range(len(left)))


def needs(*actions: str) -> Judge:
    """Fails in a plan that has each of these actions, at twenty seconds."""

    def judged(plan: Plan) -> Failure | None:
        return FAILURE if set(actions) <= {step.do for step in plan.steps} else None

    return judged


def test_a_plan_shrinks_to_the_steps_that_matter() -> None:
    plan = drawn(3)
    actions = {step.do for step in plan.steps} & {"add", "put"}
    shrinker = Shrinker(plan, FAILURE, needs(*actions), budget=30.0)
    shrunk = shrinker.shrink()
    assert shrinker.complete
    assert {step.do for step in shrunk.steps} == actions == {"add", "put"}
    assert len(shrunk.steps) == len(actions)
    assert shrunk.nodes == 1
    assert shrunk.faults == Plan().faults
    assert shrunk.settle == 0
    assert all(step.at == 0 for step in shrunk.steps)


def test_no_plan_is_played_twice() -> None:
    played: list[str] = []

    def judged(plan: Plan) -> Failure | None:
        played.append(repr(plan.to_data()))
        return needs("add")(plan)

    shrinker = Shrinker(drawn(3), FAILURE, judged, budget=30.0)
    shrinker.shrink()
    assert len(played) == len(set(played)) == shrinker.tries > 10


def test_when_the_time_is_over_the_plan_is_what_was_reached() -> None:
    plan = drawn(3)
    shrinker = Shrinker(plan, FAILURE, needs("add"), budget=0.0)
    assert shrinker.shrink() == plan
    assert not shrinker.complete


@pytest.mark.parametrize(("canary", "seed"), [("lost-write", 2), ("second-life", 4)])
def test_a_typical_failure_has_at_most_ten_steps_left(canary: str, seed: int) -> None:
    plan = draw(seed)
    with planted(canary):
        failure = judge()(plan)
        assert failure is not None
        shrinker = Shrinker(plan, failure, judge(failure.invariant), budget=60.0)
        shrunk = shrinker.shrink()
        again = judge()(shrunk)
    assert again == shrinker.failure
    assert again.invariant == failure.invariant
    assert len(shrunk.steps) <= 10 < len(plan.steps)
    assert judge()(shrunk) is None  # it is the canary that breaks it, and not the plan


def test_another_invariant_is_another_bug() -> None:
    with planted("lost-write"):
        plan = draw(2)
        assert judge("kept")(plan) is not None
        assert judge("accurate")(replace(plan)) is None
