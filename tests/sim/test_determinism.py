"""The gate of determinism: it is green, and every planted leak turns it red."""

from __future__ import annotations

import pytest

from sim.actions import ACTIONS
from sim.canaries import CANARIES
from sim.determinism import VARIANTS, differences
from sim.marks import BEFELL, Marks
from sim.plan import Plan
from sim.runner import play
from sim.swarm import draw
from tests.sim.plans import drawn

SWARM = (*range(6), 26, 34)
"""Seeds of sweeps, with which everything happens that can be drawn (a test says so)."""

HAND_MADE = {"fate", "skew"}
"""What nobody draws: the first is laid down by `shrink` alone, the second is half a `jump`."""

LEAKS = [name for name, canary in CANARIES.items() if canary.leak]


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [*(drawn(seed, settle=0.0) for seed in range(6)), *map(draw, SWARM)]


def test_the_same_plans_give_the_same_hashes_in_every_process(plans: list[Plan]) -> None:
    assert differences(plans) == []


def test_whatever_can_go_wrong_does_in_these_plans(plans: list[Plan]) -> None:
    met: dict[str, int] = {}
    for plan in plans:
        marks = Marks(plan)
        met |= marks.of(play(plan, begin=marks.begin))
    acted = {name for name, action in ACTIONS.items() if name not in HAND_MADE and not action.data}
    assert {*BEFELL, *(f"did {name}" for name in acted), "settled"} <= met.keys()


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_turns_it_red(plans: list[Plan], leak: str) -> None:
    found = differences(plans[:3], leak)
    assert found
    assert all(each.expected != each.found for each in found)


def test_there_are_leaks_by_hashes_by_addresses_and_by_the_garbage_collector() -> None:
    assert {"set-order", "id-order", "finaliser"} <= set(LEAKS)


def test_a_process_that_fails_is_no_answer(plans: list[Plan]) -> None:
    with pytest.raises(RuntimeError, match="0 of 1 plans"):
        differences(plans[:1], "no-such-canary")


def test_assertions_are_off_in_one_process_and_the_heap_is_another_in_two() -> None:
    assert [variant.flags for variant in VARIANTS].count(("-O",)) == 1
    assert len({variant.perturbed for variant in VARIANTS} - {0}) == 2
