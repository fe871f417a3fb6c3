"""What shrinking tries: each candidate is a plan, another one, and simpler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from sim import simpler
from sim.faults import Faults
from sim.plan import Plan, Step
from sim.swarm import draw

CRASH = Step(2.25, "crash", {"node": "n3", "power": True})
RESTART = Step(4.0, "restart", {"node": "n3"})
OTHER = Step(3.0, "crash", {"node": "n1"})
CUT = Step(1.0, "partition", {"groups": [["n1", "n3"], ["n4"]]})
HEAL = Step(5.0, "heal")
ADD = Step(6.0, "add", {"node": "n4", "name": "n1", "element": "n3"})
PLAN = Plan(
    seconds=9.5, settle=30.0, faults=Faults(loss=0.25, tail=0.1), timing={"gossip_interval": 0.3},
    steps=(CUT, CRASH, OTHER, RESTART, HEAL, ADD),
)  # fmt: skip


def test_the_start_and_the_end_of_a_fault_are_one() -> None:
    assert simpler.units(PLAN.steps) == [(CUT, HEAL), (CRASH, RESTART), (OTHER,), (ADD,)]


def test_nothing_is_left_after_the_failure() -> None:
    first = next(simpler.cut(PLAN, 3.5))
    assert (first.steps, first.seconds, first.settle) == ((CUT, CRASH, OTHER), 4.0, 0.0)
    assert list(simpler.cut(PLAN, 20.0)) == []  # it failed while it settled


def test_whole_classes_go() -> None:
    candidates = list(simpler.without_classes(PLAN))
    assert replace(PLAN, faults=Faults()) in candidates
    assert replace(PLAN, faults=Faults(tail=0.1)) in candidates
    assert replace(PLAN, timing={}) in candidates
    assert replace(PLAN, steps=(ADD,)) in candidates
    assert replace(PLAN, steps=(CUT, RESTART, HEAL, ADD)) in candidates


def test_a_node_goes_with_its_steps_and_those_above_it_move_down() -> None:
    without_three = (
        Step(1.0, "partition", {"groups": [["n1"], ["n3"]]}),
        OTHER,
        HEAL,
        Step(6.0, "add", {"node": "n3", "name": "n1", "element": "n3"}),  # a text is no node
    )
    assert replace(PLAN, steps=without_three, nodes=4) in list(simpler.fewer_nodes(PLAN))


def test_nodes_that_nobody_names_go_first() -> None:
    plan = replace(PLAN, steps=(OTHER,))
    assert [each.nodes for each in simpler.fewer_nodes(plan)][:2] == [2, 3]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (CRASH, Step(2.0, "crash", {"node": "n3", "power": True})),
        (CRASH, Step(2.25, "crash", {"node": "n3"})),
        (CUT, Step(1.0, "partition", {"groups": [["n1"], ["n4"]]})),
        (CUT, Step(1.0, "partition", {"groups": [["n1", "n3"]]})),
    ],
)
def test_values_become_simpler(old: Step, new: Step) -> None:
    expected = tuple(new if step == old else step for step in PLAN.steps)
    assert replace(PLAN, steps=expected) in list(simpler.simpler_values(PLAN))


def test_nodes_get_lower_numbers_and_gaps_close() -> None:
    candidates = list(simpler.simpler_values(replace(PLAN, steps=(CRASH,))))
    assert any(plan.steps[0].arguments["node"] == "n0" for plan in candidates)
    assert any(plan.steps[0].at == 1.25 and plan.seconds == 8.5 for plan in candidates)


PASSES: list[Callable[[Plan], Iterator[Plan]]] = [
    simpler.without_classes, simpler.fewer_nodes, simpler.simpler_values,
    lambda plan: simpler.cut(plan, 5.0),
]  # fmt: skip


@pytest.mark.parametrize("candidates", PASSES)
def test_every_candidate_of_a_drawn_plan_is_another_plan(
    candidates: Callable[[Plan], Iterator[Plan]],
) -> None:
    plan = draw(5)
    made = list(candidates(plan))
    assert made
    assert plan not in made
    for each in made:
        assert each.nodes <= plan.nodes
        assert len(each.steps) <= len(plan.steps)
        assert each.seconds <= plan.seconds
