"""What users tell each other, in simulated clusters; and that a broken promise is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim import Faults, SimError, Simulation
from tests.sim.broken_speech import (
    events_are_not_passed_on,
    events_come_twice,
    events_in_no_order,
    losses_are_not_told,
    other_words,
)

ROUGH = Faults(loss=0.2, duplicate=0.1, reorder=0.1, jitter=0.02)


def busy(sim: Simulation, seconds: float = 10.0) -> None:
    """Three nodes talk, while time passes."""
    for step in range(round(seconds * 10)):
        for name in ("n0", "n1", "n2"):
            if sim[name].running:
                sim[name].broadcast("talk", f"{name} {step}")
        sim.run(0.1)


def test_all_hear_all_in_order_at_once_when_nothing_is_wrong() -> None:
    sim = Simulation(nodes=8, seed=3)
    sim.run(5)
    assert sim["n3"].broadcast("t", {"a": [1, "x"]}) == 1
    sim.run(0.01)
    for node in sim.nodes:
        assert node.heard() == [("n3", {"a": [1, "x"]})]
        assert node.heard("other") == []
    sim.check()


@pytest.mark.parametrize("seed", range(6))
def test_a_rough_network_loses_nothing(seed: int) -> None:
    sim = Simulation(nodes=7, seed=seed, faults=ROUGH)
    sim.run(10)
    busy(sim)
    sim.run_until(lambda s: not s.unheard(), timeout=60)
    sim.check()
    assert len(sim["n6"].heard()) == 300
    assert sim["n6"].unheard() == 0


@pytest.mark.parametrize("seed", range(4))
def test_partitions_crashes_and_newcomers_leave_no_silent_gap(seed: int) -> None:
    sim = Simulation(nodes=8, seed=seed, faults=Faults(loss=0.05))
    sim.run(10)
    busy(sim, 2)
    sim.partition({"n0", "n3", "n4"}, {"n1", "n2", "n5", "n6", "n7"})
    busy(sim, 4)
    sim["n7"].crash()
    sim.heal()
    busy(sim, 2)
    sim["n7"].restart()
    sim["n1"].crash()
    sim["n4"].pause()
    busy(sim, 4)
    sim["n4"].resume()
    sim["n1"].restart()
    busy(sim, 3)
    sim.run_until(lambda s: s.converged() and not s.unheard(), timeout=120)
    sim.check()
    assert sim["n7"].heard()[-1][1].endswith("29")


def test_a_long_partition_is_told_as_lost_and_not_passed_over() -> None:
    sim = Simulation(nodes=5, seed=1)
    sim.run(10)
    busy(sim, 1)
    sim.partition({"n4"}, {"n0", "n1", "n2", "n3"})
    busy(sim, 30)
    sim.heal()
    sim.run_until(lambda s: s.converged() and not s.unheard(), timeout=60)
    assert sim["n4"].unheard() == 3 * (300 - 64)
    sim.check()


def test_what_cannot_be_said_is_refused() -> None:
    sim = Simulation(nodes=2, seed=1)
    sim.run(5)
    with pytest.raises(ValueError, match="800 bytes"):
        sim["n0"].broadcast("t", "x" * 900)
    for _ in range(48):
        sim["n0"].broadcast("t")
    with pytest.raises(SimError, match="more than 48 events"):
        sim["n0"].broadcast("t")
    sim["n1"].pause()
    with pytest.raises(SimError, match="paused"):
        sim["n1"].broadcast("t")
    sim["n1"].crash()
    with pytest.raises(SimError, match="does not run"):
        sim["n1"].heard()


def test_the_same_seed_gives_the_same_run() -> None:
    def run() -> str:
        sim = Simulation(nodes=5, seed=9, faults=ROUGH)
        sim.run(5)
        busy(sim, 3)
        return sim.trace_hash

    assert run() == run()


# Each promise, broken.


@pytest.mark.parametrize(
    ("broken", "faults", "invariants"),
    [
        (events_come_twice, ROUGH, {"in-order"}),
        (events_in_no_order, ROUGH, {"no-gap", "in-order"}),
        (losses_are_not_told, ROUGH, {"no-gap"}),
        (events_are_not_passed_on, Faults(), {"heard"}),
        (other_words, Faults(), {"said"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_promise_is_noticed(
    broken: Callable[[Any], None],
    faults: Faults,
    invariants: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(monkeypatch)
    sim = Simulation(nodes=5, seed=2, faults=faults)
    sim.run(5)
    busy(sim, 2)
    if faults == ROUGH:
        sim.partition({"n4"}, {"n0", "n1", "n2", "n3"})
        busy(sim, 20)
        sim.heal()
    sim.run(20)
    found = {violation.invariant for violation in sim.violations()}
    assert found & invariants, found
