"""Plans drawn from a seed: always the same, always possible, and all that there is sometimes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from gossip import Timing
from sim import calamities, swarm
from sim.actions import ACTIONS, CHANGES, place
from sim.calamities import EPISODES, WEATHER, Scene
from sim.faults import Faults
from sim.plan import Plan
from sim.streams import stream
from sim.swarm import classes, draw
from sim.tuning import tuned
from sim.values import KINDS

SEEDS = range(300)


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    return [draw(seed) for seed in SEEDS]


def test_a_plan_is_data_and_comes_back_from_it(plans: list[Plan]) -> None:
    for plan in plans:
        assert Plan.from_data(plan.to_data()) == plan


def test_a_seed_is_one_plan_in_every_process() -> None:
    program = "from sim.swarm import draw; print([draw(seed).to_data() for seed in range(40)])"
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hashes},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashes in ("0", "1", "2")
    }
    assert texts == {f"{[draw(seed).to_data() for seed in range(40)]}\n"}


def test_everything_is_drawn_sometimes(plans: list[Plan]) -> None:
    drawn = Counter(name for seed in SEEDS for name in classes(seed))
    assert drawn.keys() == {*WEATHER, *EPISODES}
    assert {plan.nodes for plan in plans} == set(swarm.SIZES)
    assert {name for plan in plans for name in plan.timing} == {*Timing.__slots__}
    assert any(not plan.timing for plan in plans)


def test_who_relies_on_calm_is_not_failed_sooner_than_usual() -> None:
    for seed in range(400):
        drawn = tuned(swarm.timing(Random(seed), patient=True))
        assert drawn.suspicion_min >= Timing.lan().suspicion_min
        assert drawn.probe_timeout_min >= Timing.lan().probe_timeout_min


def test_there_are_plans_without_faults_with_one_class_and_with_nearly_all() -> None:
    sizes = Counter(len(classes(seed)) for seed in SEEDS)
    assert sizes[0] >= 10
    assert sizes[1] >= 20
    assert sum(count for size, count in sizes.items() if size >= 25) >= 20


def test_users_are_always_at_work(plans: list[Plan]) -> None:
    for plan in plans:
        written = [step for step in plan.steps if step.action().data]
        assert len(written) >= 1
        assert max(step.at for step in written) < plan.seconds


def test_users_change_values_of_every_type(plans: list[Plan]) -> None:
    written = [step for plan in plans for step in plan.steps if step.action().data]
    assert {place(step.do, step.arguments).kind for step in written} == set(KINDS)
    assert {step.do for step in written} == set(CHANGES)


def test_users_talk_in_every_plan_and_say_all_that_there_is_to_say(plans: list[Plan]) -> None:
    said = [[step.do for step in plan.steps if step.action().speech] for plan in plans]
    assert all(said)
    speech = {name for name, each in ACTIONS.items() if each.speech}
    assert {do for each in said for do in each} == speech


def test_without_classes_there_is_nothing_but_users(plans: list[Plan]) -> None:
    for plan in plans:
        if not classes(plan.seed):
            assert plan.faults == Faults()
            assert not any(step.action().fault for step in plan.steps)


def test_one_class_less_leaves_all_else_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = next(seed for seed in SEEDS if {"pause", "loss"} < classes(seed))
    whole, on = draw(seed), classes(seed)
    monkeypatch.setattr(swarm, "classes", lambda _: on - {"pause", "loss"})
    less = draw(seed)
    assert less.faults.loss == 0
    assert less.timing == whole.timing
    gone = {"pause", "resume"}
    assert list(less.steps) == [step for step in whole.steps if step.do not in gone]


@pytest.mark.parametrize("name", EPISODES)
def test_what_begins_ends_at_the_same_nodes(name: str) -> None:
    names = ["n0", "n1", "n2", "n3"]
    for seed in range(20):
        begin, end = EPISODES[name](Scene(stream(seed, "test"), names, "tag"))
        assert begin
        assert end or name in {"sleep", "liar"}  # neither can be taken back
        of = [{a["node"] for _, a in acts if "node" in a} for acts in (begin, end)]
        assert not end or of[0] == of[1]
        named = [{a["name"] for _, a in acts if "name" in a} for acts in (begin, end)]
        assert named[0] == named[1] or name == "rollback"


def test_what_ruins_disks_is_a_class() -> None:
    assert EPISODES.keys() > calamities.RUINOUS
