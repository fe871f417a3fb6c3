"""The changes that users make meanwhile."""

from __future__ import annotations

from sim import Simulation
from sim.workload import RATE, Workload


def worked(seed: int) -> tuple[Simulation, Workload]:
    sim = Simulation(nodes=3, seed=seed)
    workload = Workload(sim)
    sim.run(20.0)
    return sim, workload


def test_a_workload_changes_every_type_at_the_stated_rate() -> None:
    sim, workload = worked(seed=1)
    assert workload.changes > 0.7 * RATE * 20
    assert sim["n0"].names() == {"config": "map", "online": "set", "visits": "counter"}
    assert sim["n0"].map("config").value
    assert sim["n0"].set("online").value
    sim.check()


def test_the_seed_decides_the_workload() -> None:
    sim, _ = worked(seed=1)
    again, _ = worked(seed=1)
    other, _ = worked(seed=2)
    assert sim.trace_hash == again.trace_hash
    assert sim["n1"].digest() == again["n1"].digest()
    assert sim["n1"].map("config").value != other["n1"].map("config").value


def test_a_node_that_does_not_run_is_left_alone() -> None:
    sim = Simulation(nodes=2, seed=1)
    workload = Workload(sim)
    sim["n1"].crash()
    sim.run(20.0)
    assert 0.3 * RATE * 20 < workload.changes < 0.7 * RATE * 20
