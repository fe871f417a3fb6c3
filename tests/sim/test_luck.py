"""The fate of single datagrams: what one run noted down makes another run the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gossip import MemberSuspected
from sim.agenda import SECOND
from sim.faults import Faults
from sim.luck import noted
from sim.plan import Plan, PlanError, Step
from sim.runner import play
from sim.shrink import Failure, Shrinker
from sim.trace import Kind

FAULTS = Faults(loss=0.1, duplicate=0.1, reorder=0.1)


def test_a_run_is_the_same_when_its_luck_is_written_down() -> None:
    for seed in range(12):
        plan = Plan(nodes=4, seconds=20.0, seed=seed, faults=FAULTS)
        fates = noted(plan)
        certain = replace(plan, faults=Faults(), steps=fates)
        assert len(fates) > 20
        assert play(certain).trace_hash == play(plan).trace_hash
        assert play(replace(certain, steps=fates[1:])).trace_hash != play(plan).trace_hash


def lost(*steps: Step) -> list[int]:
    """When n0 lost a datagram for n1."""
    plan = Plan(nodes=2, seconds=12.0, steps=steps)
    log = play(plan, keep=True).simulation.log
    return [each.at for each in log if (each.kind, each.node, each.peer) == (Kind.LOSE, 0, 1)]


def test_only_the_next_datagram_has_the_fate() -> None:
    fate = Step(5.0, "fate", {"a": "n0", "b": "n1"})
    assert lost() == []
    (at,) = lost(fate)
    assert at > 5_000_000_000
    assert len(lost(fate, fate)) == 2


def test_a_fate_at_the_start_is_that_of_what_is_sent_by_starting() -> None:
    def joins(*steps: Step) -> list[int]:
        """When n0 got the first datagrams of n1."""
        plan = Plan(nodes=2, seconds=5.0, steps=steps)
        log = play(plan, keep=True).simulation.log
        return [each.at for each in log if (each.kind, each.node) == (Kind.DELIVER, 0)]

    def fate(*arrives: float) -> Step:
        return Step(0.0, "fate", {"a": "n1", "b": "n0", "arrives": [*arrives]})

    assert joins()[0] == 500_000
    assert joins(fate(0.002, 0.003))[:2] == [2_000_000, 3_000_000]
    again = joins(fate())[0]
    assert again > 3_000_000
    assert joins(fate(), fate(0.0005)) == joins(fate())  # the second is of the second datagram
    assert joins(fate(), fate(0.0015))[0] == again + 1_000_000
    write = Step(0.0, "add", {"node": "n0", "name": "s", "element": "e"})
    assert joins(write, fate(0.002))[0] == 2_000_000


def test_a_cut_comes_before_a_fate() -> None:
    cut = Step(4.0, "partition", {"groups": [["n0"], ["n1"]]})
    fate = Step(5.0, "fate", {"a": "n0", "b": "n1", "arrives": [0.01]})
    assert lost(cut, fate) == lost(cut)
    assert len(lost(cut)) > 1


@pytest.mark.parametrize("arrives", [0.5, [-1.0], ["soon"]])
def test_an_arrival_is_a_list_of_seconds(arrives: object) -> None:
    with pytest.raises(PlanError, match="arrives"):
        Plan(steps=(Step(1.0, "fate", {"a": "n0", "b": "n1", "arrives": arrives}),))


def suspected(plan: Plan) -> Failure | None:
    """Whether anybody was suspected: nobody has to be, so the network is to blame."""
    for at, _, event in play(plan).simulation.events:
        if isinstance(event, MemberSuspected):
            return Failure("suspected", at, "")
    return None


def test_probabilities_shrink_to_the_datagrams_that_matter() -> None:
    plan = next(
        plan
        for seed in range(20)
        if suspected(plan := Plan(nodes=4, seed=seed, faults=Faults(loss=0.25, duplicate=0.1)))
    )
    failure = suspected(plan)
    assert failure is not None
    shrunk = Shrinker(plan, failure, suspected, budget=60.0).shrink()
    assert not shrunk.faults.chancy
    assert {step.do for step in shrunk.steps} == {"fate"}
    assert 1 <= len(shrunk.steps) <= 10


def test_chance_takes_nothing_from_a_fate_and_a_cut_does() -> None:
    fate = Step(1.0, "fate", {"a": "n1", "b": "n0", "arrives": [0.125]})

    def arrivals(*steps: Step, loss: float) -> list[int]:
        """When n0 got something of n1, after the first second."""
        plan = Plan(nodes=2, seconds=4.0, faults=Faults(loss=loss), steps=steps)
        log = play(plan, keep=True).simulation.log
        got = [each.at for each in log if (each.kind, each.node) == (Kind.DELIVER, 0)]
        return [at for at in got if at > SECOND]

    assert arrivals(loss=1.0) == []
    (at,) = arrivals(fate, loss=1.0)
    assert at >= 1.125 * SECOND
    cut = Step(0.9, "cut", {"name": "deaf", "pairs": [["n1", "n0"]]})
    assert arrivals(cut, loss=0.0) == arrivals(cut, fate, loss=0.0) == []
