"""Partitions heal by themselves within the bound that `docs/guarantees.md` states."""

from __future__ import annotations

from math import ceil, log2

import pytest

from gossip import Timing
from sim import Simulation
from sim.agenda import SECOND


def bound(timing: Timing, members: int) -> float:
    """The formula of the guarantees, in seconds."""
    calls = 1.5 * timing.reconnect_interval + 2 * timing.probe_interval
    return (calls + 2 * ceil(log2(members)) * timing.gossip_interval) / SECOND


def test_the_bound_is_what_the_page_says() -> None:
    assert bound(Timing.lan(), 50) == pytest.approx(11.9)


@pytest.mark.parametrize(
    ("seconds", "members", "apart"),
    [(10.0, 20, 10), (60.0, 20, 3), (600.0, 10, 5), (3600.0, 4, 1)],
)
def test_a_partition_heals_within_the_bound(seconds: float, members: int, apart: int) -> None:
    sim = Simulation(nodes=members, seed=round(seconds))
    sim.run(10.0)
    sim.partition({f"n{index}" for index in range(apart)})
    sim.run(seconds)
    sim.heal()
    took = sim.run_until(lambda s: s.converged(), timeout=60.0)
    assert took <= bound(Timing.lan(), members)
    sim.check()


def test_two_halves_that_booted_apart_merge_by_their_join_addresses() -> None:
    """The second half never met the first: only the address that it was given leads there."""
    sim = Simulation(nodes=8, seed=3, boot=False)
    half = {f"n{index}" for index in range(4)}
    sim.partition(half)
    sim.boot()
    sim.run(120.0)
    assert all(len(sim[f"n{index}"].members()) <= 4 for index in range(8))
    sim.heal()
    assert sim.run_until(lambda s: s.converged(), timeout=60.0) <= bound(Timing.lan(), 8)


def test_who_was_away_for_longer_than_it_is_remembered_is_taken_in_again() -> None:
    timing = Timing(reap_after=30 * SECOND)
    sim = Simulation(nodes=4, seed=5, timing=timing)
    sim.run(10.0)
    sim.partition({"n3"})
    sim.run(120.0)
    assert "n3" not in sim["n0"].members()
    sim.heal()
    assert sim.run_until(lambda s: s.converged(), timeout=60.0) <= 3 * bound(timing, 4)
