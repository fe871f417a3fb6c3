"""A core that is healed agrees, or it is said what it waits for."""

from __future__ import annotations

from typing import Any

import pytest

from gossip.data.replication import Replication
from sim import Simulation
from sim.liveness import acquainted, healed, waiting
from sim.network import Faults
from sim.plan import Plan, Step
from sim.runner import play

TROUBLE = (
    Step(5.0, "increment", {"node": "n1", "name": "visitors", "amount": 3}),
    Step(6.0, "crash", {"node": "n2", "power": True}),
    Step(7.0, "pause", {"node": "n3"}),
    Step(8.0, "partition", {"groups": [["n0", "n1"]]}),
    Step(9.0, "add", {"node": "n4", "name": "shopping", "element": "quince"}),
)


def plan(seed: int, steps: tuple[Step, ...] = TROUBLE) -> Plan:
    return Plan(seconds=20.0, seed=seed, faults=Faults(loss=0.2), settle=60.0, steps=steps)


@pytest.mark.parametrize("seed", range(4))
def test_a_core_agrees_after_any_trouble(seed: int) -> None:
    result = play(plan(seed))
    assert result.violations == ()
    assert result.marks["settled"] == 1
    assert 20 < result.simulation.now < 80


def test_the_core_is_a_majority_of_the_seed_and_the_others_are_cut_off() -> None:
    sizes = set[int]()
    for seed in range(12):
        sim = Simulation(nodes=5, seed=seed)
        sim.run(5.0)
        core = healed(sim)
        again = Simulation(nodes=5, seed=seed)
        again.run(5.0)
        assert core == healed(again)
        sizes.add(len(core))
        sim.run(60.0)
        assert list(waiting(sim, core)) == []
        for node in sim.nodes:
            others = [name for name, state in node.members().items() if state == "alive"]
            assert (node.name in core) == (others == core)
    assert sizes >= {3, 5}


def test_what_comes_after_the_end_of_the_plan_is_left_out() -> None:
    late = Step(21.0, "crash", {"node": "n0"})
    result = play(plan(1, (*TROUBLE, late)))
    assert result.violations == ()
    assert "crash (nothing to do)" not in result.marks
    assert result.marks["crash"] == 1


def test_it_says_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: Replication, *_: Any) -> None:
        pass

    monkeypatch.setattr(Replication, "push", never)
    monkeypatch.setattr(Replication, "_fall_behind", never)
    (found,) = play(plan(1)).violations
    assert found.invariant == "live"
    assert found.time == 80
    assert "60 s after " in found.detail
    assert "lacks 1 event of n" in found.detail


def test_members_that_hold_each_other_for_failed_are_named() -> None:
    sim = Simulation(nodes=3)
    sim.run(5.0)
    sim.partition({"n0"})
    sim.run(30.0)
    assert "n0 still holds n1 failed" in list(waiting(sim, ["n0", "n1", "n2"]))
    assert "n1 still holds n2 alive, which is cut off" in list(waiting(sim, ["n0", "n1"]))
    sim["n2"].crash()
    assert "n2 does not run: it ended" in list(waiting(sim, ["n0", "n1", "n2"]))


def test_those_who_never_heard_of_each_other_are_no_cluster() -> None:
    sim = Simulation(nodes=3, faults=Faults(loss=1.0))
    sim.run(5.0)
    assert not acquainted(sim, ["n1", "n2"])  # both were given the address of n0 alone
    assert acquainted(sim, ["n0", "n1", "n2"])
