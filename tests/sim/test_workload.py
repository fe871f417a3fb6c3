"""The changes that users make meanwhile."""

from __future__ import annotations

from random import Random

from sim import Simulation
from sim.actions import ACTIONS, CHANGES
from sim.values import KINDS
from sim.workload import RATE, WORK, Workload, change


def worked(seed: int) -> tuple[Simulation, Workload]:
    sim = Simulation(nodes=3, seed=seed)
    workload = Workload(sim)
    sim.run(20.0)
    return sim, workload


def test_a_workload_changes_every_type_at_the_stated_rate() -> None:
    sim, workload = worked(seed=1)
    assert workload.changes > 0.7 * RATE * 20
    assert set(sim["n0"].names().values()) == set(KINDS)
    assert sim["n0"].map("settings").value
    assert sim["n0"].ormap("catalogue").value
    sim.check()


def test_every_change_of_every_type_is_drawn() -> None:
    drawn = {
        (kind, do, given.get("type", ""), "path" in given)
        for seed in range(300)
        for kind in WORK
        for do, given in [change(Random(seed), kind, seed % 20, ["n0", "n1"], more=seed % 3 > 0)]
    }
    assert {do for _, do, _, _ in drawn} == set(CHANGES)
    assert {kind for kind, _, _, _ in drawn} == set(KINDS)
    assert {(do, given) for kind, do, given, path in drawn if kind == "ormap" and path} >= {
        *(("increment", ""), ("reset", ""), ("enable", ""), ("disable", ""), ("clear", "")),
        *(("assign", ""), ("assign", "mvregister"), ("remove", ""), ("delete", "ormap")),
    }


def test_what_is_drawn_can_be_meant() -> None:
    for seed in range(200):
        for kind in WORK:
            do, given = change(Random(seed), kind, seed % 20, ["n0", "n1"], more=seed % 2 > 0)
            ACTIONS[do].check(given, {"n0", "n1"})


def test_the_seed_decides_the_workload() -> None:
    sim, _ = worked(seed=1)
    again, _ = worked(seed=1)
    other, _ = worked(seed=2)
    assert sim.trace_hash == again.trace_hash
    assert sim["n1"].digest() == again["n1"].digest()
    assert sim["n1"].map("settings").value != other["n1"].map("settings").value


def test_a_node_that_does_not_run_is_left_alone() -> None:
    sim = Simulation(nodes=2, seed=1)
    workload = Workload(sim)
    sim["n1"].crash()
    sim.run(20.0)
    assert 0.3 * RATE * 20 < workload.changes < 0.7 * RATE * 20
