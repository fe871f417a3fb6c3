"""The scenarios that come with the package do what their first lines say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gossip import MemberFailed
from sim import Simulation
from sim.runner import play
from sim.seeds import load

FOLDER = Path(__file__).parents[2] / "examples" / "scenarios"
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


def played(name: str) -> Simulation:
    """The cluster after a scenario, when all agree again of themselves; every invariant held."""
    outcome = play(replace(load(FOLDER / f"{name}.toml").plan, settle=0.0))
    assert outcome.violations == ()
    assert all(not mark.endswith("(nothing to do)") for mark in outcome.marks)
    sim = outcome.simulation
    sim.run_until(lambda s: s.converged(), timeout=120.0)
    sim.check()
    return sim


def failures(sim: Simulation, *observers: str) -> set[str]:
    """Whom these members, or all, took for failed."""
    told = [(node, event) for _, node, event in sim.events if isinstance(event, MemberFailed)]
    return {event.member.name for node, event in told if not observers or node in observers}


def test_there_are_ten_and_each_says_what_it_shows() -> None:
    assert len(NAMES) >= 10
    for name in NAMES:
        first = (FOLDER / f"{name}.toml").read_text("utf-8").splitlines()[0]
        assert first.lower().replace("-", " ").startswith(f"# {name.replace('-', ' ')}:")


@pytest.mark.parametrize("name", NAMES)
def test_a_core_of_it_settles_and_all_of_it_agrees(name: str) -> None:
    assert play(load(FOLDER / f"{name}.toml").plan).violations == ()
    played(name)


def test_both_sides_of_a_split_brain_keep_what_they_wrote() -> None:
    for node in played("split-brain").nodes:
        assert node.set("cart").value == {"milk", "eggs"}
        assert node.counter("visits").value == 12
        assert node.map("settings")["theme"] in {2, 3}


def test_one_way_is_enough_for_others_to_vouch() -> None:
    sim = played("one-way-link")
    assert failures(sim) == set()
    assert sim["n1"].set("cart").value == {"milk", "eggs"}


def test_a_rolling_restart_loses_nothing() -> None:
    sim = played("rolling-restart")
    assert failures(sim) == set()
    assert sim["n0"].counter("visits").value == 4


def test_who_flaps_refutes() -> None:
    assert failures(played("flapping-member")) == set()


def test_a_clock_ahead_wins_no_longer_than_until_it_is_seen() -> None:
    assert played("clock-jump")["n0"].map("settings")["theme"] == 3


def test_a_lost_disk_is_filled_again() -> None:
    assert played("lost-disk")["n1"].counter("visits").value == 12


def test_after_a_day_nothing_removed_comes_back() -> None:
    for node in played("back-after-a-day").nodes:
        assert node.set("cart").value == {"eggs", "flour"}


def test_a_slow_member_convinces_nobody() -> None:
    sim = played("slow-member")
    assert failures(sim, "n0", "n1", "n3", "n4") == {"n2"}


def test_who_left_during_a_partition_stays_away() -> None:
    sim = played("leave-during-a-partition")
    assert not sim["n4"].running
    assert {node.members()["n4"] for node in sim.nodes if node.running} == {"left"}
