"""An exception out of our own code: the violation of a promise, named by its type and its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from crdt.orset import ORSet
from gossip import Peer
from gossip.members.membership import Membership
from sim.errors import SimError, SimTimeout
from sim.plan import Plan, Step
from sim.runner import play
from sim.shrink import Shrinker, judge
from sim.simulation import Simulation
from tests.sim.plans import drawn

WHERE = "gossip.members.membership"
PLAN = Plan(nodes=3, seconds=30.0, steps=(Step(5.0, "crash", {"node": "n2"}),))


def raising(error: Exception) -> Callable[..., None]:
    """A function that our code calls, and should not have."""

    def fail(*_: object) -> None:
        raise error

    return fail


def test_it_is_a_violation_with_the_node_the_moment_and_the_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Membership, "_fail", raising(KeyError("n2")))
    outcome = play(PLAN)
    (violation,) = outcome.violations
    assert violation.invariant.startswith(f"no-crash (KeyError in {WHERE}.Membership.")
    assert violation.detail.startswith(f"KeyError: 'n2' ({WHERE}, line ")
    assert violation.node in {"n0", "n1"}
    assert violation.time == outcome.simulation.now > 5
    assert isinstance(violation.__cause__, KeyError)
    assert play(PLAN).trace_hash == outcome.trace_hash


def test_what_a_user_did_is_at_the_node_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ORSet, "add", raising(ValueError("1\n2" + 500 * " 3")))
    step = Step(5.0, "add", {"node": "n1", "name": "s", "element": "e"})
    (violation,) = play(replace(PLAN, steps=(step,))).violations
    assert (violation.node, violation.time) == ("n1", 5.0)
    assert violation.invariant.startswith("no-crash (ValueError in sim.")
    assert violation.detail.startswith("ValueError: 1 2 3 3")
    assert len(violation.detail) < 400


def test_a_process_that_cannot_even_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Peer, "start", raising(OSError("no")))
    (violation,) = play(PLAN).violations
    assert violation.invariant == "no-crash (OSError in sim.driver.Driver._boot)"
    assert (violation.node, violation.time) == ("n0", 0.0)


def test_so_is_what_is_raised_by_looking_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Simulation, "violations", raising(IndexError("no")))
    (violation,) = play(PLAN).violations
    assert violation.invariant.startswith("no-crash (IndexError in ")
    assert violation.node == "no node"


def test_a_wrong_call_is_the_callers() -> None:
    def begin(_: Simulation) -> None:
        raise SimTimeout("not yet")

    with pytest.raises(SimError, match="not yet"):
        play(PLAN, begin=begin)


def test_another_exception_or_another_place_is_another_bug(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Membership, "_fail", raising(KeyError("n2")))
    failure = judge()(PLAN)
    assert failure is not None
    same = judge(failure.invariant)
    assert same(PLAN) == failure
    monkeypatch.setattr(Membership, "_fail", raising(ValueError("n2")))
    assert judge()(PLAN) is not None
    assert same(PLAN) is None
    monkeypatch.undo()
    monkeypatch.setattr(Peer, "receive", raising(KeyError("n2")))
    assert judge()(PLAN) is not None
    assert same(PLAN) is None


def test_a_plan_shrinks_to_what_crashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ORSet, "discard", raising(RuntimeError("no")))
    plan = drawn(3)
    failure = judge()(plan)
    assert failure is not None
    shrinker = Shrinker(plan, failure, judge(failure.invariant), budget=30.0)
    (step,) = shrinker.shrink().steps
    assert (step.do, shrinker.plan.nodes) == ("discard", 1)
    assert shrinker.failure.invariant == failure.invariant
