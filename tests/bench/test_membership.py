"""A tiny version of each case of the campaign, and what is made of its samples."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench import membership
from bench.command import add
from bench.membership import CASES, CONFIGURATIONS, Case, figure, measure, played, tasks
from bench.membership_cases import (
    LIMIT,
    about,
    crashes,
    formed,
    halves,
    joining,
    quiet,
    starvation,
    stops,
)
from bench.membership_figures import (
    FALSE,
    Samples,
    Wanted,
    counted,
    failed_share,
    longest_forgiven,
    middle,
    nearly_all,
    together,
    worst,
)
from bench.membership_plots import MISSING, draw, steps
from gossip import MemberFailed, MemberJoined, Timing

LAN = Timing.lan()
SWIM = Timing.swim()
FEW: Mapping[str, Mapping[str, Any]] = {
    "process crash": {"trials": 1, "nodes": 5},
    "host gone": {"trials": 1, "nodes": 5},
    "stopped for 2 s": {"trials": 1, "nodes": 5},
    "stopped for 10 s": {"trials": 1, "nodes": 5},
    "a stop forgiven": {"trials": 1, "nodes": 5, "seconds": [1, 30]},
    "some starved of CPU": {
        "starved": [1],
        "service": [0, 0.5],
        "bad": [2.0],
        "good": [0.1],
        "lasting": 4.0,
        "nodes": 5,
    },
    "10% loss": {"seconds": 5.0, "nodes": 5},
    "healed halves": {"seconds": 20.0, "nodes": 6},
    "joining through one": {"nodes": 5},
}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little of every case that all of them take a moment."""
    small = {
        name: Case(play=CASES[name].play, figures=CASES[name].figures, quick=how, full=how)
        for name, how in FEW.items()
    }
    monkeypatch.setattr(membership, "CASES", small)


# Cases.


@pytest.mark.parametrize(
    ("timing", "power", "patience", "periods"),
    [
        (LAN, False, 0, 2),  # its host refuses: nothing to wait for
        (LAN, True, LAN.suspicion_timeout(5, accusers=4), 2),
        (SWIM, False, SWIM.suspicion_timeout(5), 4),  # each probes in an order of its own
        (SWIM, True, SWIM.suspicion_timeout(5), 4),
    ],
)
def test_a_crash_is_announced_to_all_who_run(
    timing: Timing, power: bool, patience: int, periods: int
) -> None:
    samples = crashes(timing, 1, trials=2, nodes=5, loss=0.0, power=power)
    least, most = (each / 1e9 for each in (patience, patience + periods * timing.probe_interval))
    assert all(least < first < most for first in samples["first"])
    assert all(0.0 <= spread < 0.25 for spread in samples["spread"])
    assert samples["missed"] == samples["false"] == [0.0, 0.0]


def test_a_crash_that_nobody_announces_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.membership_cases.LIMIT", 2.0)  # less than a suspicion lasts
    samples = crashes(LAN, 1, trials=1, nodes=5, loss=0.0, power=True)
    assert samples["first"] == samples["spread"] == [2.0]
    assert samples["missed"] == [1.0]


def test_a_short_stop_is_forgiven_and_a_long_one_is_not() -> None:
    samples = stops(LAN, 1, trials=2, nodes=5, seconds=[0.2, 30.0])
    assert samples["seconds"] == [0.2, 30.0] * 2
    assert samples["failed"] == [0.0, 1.0] * 2
    assert all(0.0 < back < LIMIT for back in samples["back"][1::2])
    assert samples["failed-others"] == [0.0] * 4


def test_verdicts_about_starved_members_are_not_false() -> None:
    samples = starvation(
        LAN, 1, starved=[2], service=[0], bad=[60.0], good=[1.0], lasting=1.0, nodes=8
    )
    assert samples["false"] == samples["false-at-healthy"] == samples["suspected"] == [0.0]
    assert samples["failed-starved"][0] >= 2 * 6  # both, to each of the healthy


def test_who_is_starved_of_cpu_declares_nobody_failed() -> None:
    """Its inbox is full of refutations that it did not read yet; by its timers it knows."""
    samples = starvation(
        LAN, 1, starved=[2], service=[0.5], bad=[60.0], good=[1.0], lasting=60.0, nodes=8
    )
    assert samples["suspected"][0] > 0
    assert samples["false"] == [0.0]


def test_events_are_told_apart_by_kind_and_by_whom_they_are_about() -> None:
    sim = formed(LAN, 1, 3)
    sim["n1"].crash()
    sim.run(LIMIT)
    joined = about(sim.events, MemberJoined, {"n1", "n2"})
    assert sorted((node, event.member.name) for _, node, event in joined) == [
        ("n0", "n1"),
        ("n0", "n2"),
        ("n1", "n2"),
        ("n2", "n1"),
    ]
    failed = about(sim.events, MemberFailed, {"n0", "n1", "n2"})
    assert sorted((node, event.member.name) for _, node, event in failed) == [
        ("n0", "n1"),
        ("n2", "n1"),
    ]


def test_the_grid_is_every_combination() -> None:
    samples = starvation(
        LAN, 1, starved=[1, 2], service=[0], bad=[0.1], good=[0.1, 0.2], lasting=0.2, nodes=4
    )
    grid = list(zip(*(samples[of] for of in ("starved", "service", "bad", "good")), strict=True))
    assert grid == [(1, 0, 0.1, 0.1), (1, 0, 0.1, 0.2), (2, 0, 0.1, 0.1), (2, 0, 0.1, 0.2)]


def test_an_idle_cluster_sends_a_probe_and_an_ack_per_member_and_period() -> None:
    samples = quiet(LAN, 1, seconds=20.0, nodes=6)
    assert samples["datagrams"][0] == pytest.approx(2.0, abs=0.2)
    assert samples["bytes"][0] > 100
    assert samples["suspected"] == samples["false"] == [0.0]


def test_halves_find_each_other() -> None:
    samples = halves(LAN, 1, seconds=30.0, nodes=6)
    assert 0.0 < samples["agreement"][0] < LIMIT
    assert samples["missed"] == [0.0]


def test_everybody_joins() -> None:
    samples = joining(LAN, 1, nodes=10)
    assert 0.0 < samples["full"][0] < 10.0


def test_the_same_seed_gives_the_same_samples() -> None:
    assert crashes(LAN, 3, trials=1, nodes=5) == crashes(LAN, 3, trials=1, nodes=5)
    assert crashes(LAN, 3, trials=1, nodes=5) != crashes(LAN, 4, trials=1, nodes=5)


# Figures.


def test_statistics() -> None:
    samples: Samples = {"x": [float(number) for number in range(200, 0, -1)]}
    assert (middle("x")(samples), nearly_all("x")(samples), worst("x")(samples)) == (
        100.5,
        198,
        200,
    )
    assert nearly_all("x")({"x": [7.0]}) == 7.0


def test_the_longest_stop_that_is_forgiven_has_no_failure_below_it() -> None:
    samples: Samples = {"seconds": [3, 1, 2, 3, 1, 4], "failed": [1, 0, 0, 0, 0, 0]}
    assert failed_share(samples) == {1: 0, 2: 0, 3: 0.5, 4: 0}
    assert longest_forgiven(samples) == 2
    assert longest_forgiven({"seconds": [1.0], "failed": [1.0]}) == 0


def test_seeds_are_taken_together_and_their_own_figures_are_the_bounds() -> None:
    seeds: list[Samples] = [{"x": [1.0, 2.0, 3.0]}, {"x": [9.0]}]
    assert together(seeds) == {"x": [1.0, 2.0, 3.0, 9.0]}
    pooled = figure("a case", "swim", Wanted("median", middle("x"), "s", "≤ 1"), seeds)
    assert (pooled.low, pooled.value, pooled.high) == (2.0, 2.5, 9.0)
    assert (pooled.case, pooled.configuration, pooled.figure) == ("a case", "swim", "median")
    assert (pooled.what, pooled.seeds, pooled.bar) == ("a case: median, swim", 2, "≤ 1")
    each = figure("a case", "swim", counted("all", "x", "things"), seeds)
    assert (each.low, each.value, each.high, each.unit) == (6.0, 7.5, 9.0, "things/seed")


# The campaign.


def test_every_configuration_meets_the_same_seeds() -> None:
    two = {"a": LAN, "b": Timing.local()}
    work = list(tasks({"gone": CASES["host gone"]}, two, full=True, only=""))
    assert [(task.seed, task.configuration) for task in work] == [
        (seed, name) for seed in range(CASES["host gone"].seeds[True]) for name in "ab"
    ]
    assert [task.timing for task in work[:2]] == list(two.values())
    (only,) = tasks(CASES, two, full=True, only="host gone, b, seed 1")
    assert (only.seed, only.how) == (1, CASES["host gone"].full)


def test_what_processes_play_is_what_one_plays() -> None:
    case = Case(play=joining, figures=FALSE, quick={"nodes": 3}, full={})
    work = list(tasks({"joining": case}, CONFIGURATIONS, full=False, only=""))
    here = [(taken.task, taken.samples) for taken in played(work, jobs=1)]
    there = [(taken.task, taken.samples) for taken in played(work, jobs=2)]
    assert here == there
    assert len(here) == 2 * len(CONFIGURATIONS)


@pytest.mark.usefixtures("few")
def test_every_case_gives_its_figures() -> None:
    said: list[str] = []
    figures = list(measure(said.append, jobs=1))
    assert len(said) == 2 * len(FEW) * len(CONFIGURATIONS)
    slowest = [each for each in figures if each.figure == "to the first, 99%"]
    assert [(each.case, each.configuration) for each in slowest] == [
        (case, configuration)
        for case in ("process crash", "host gone")
        for configuration in CONFIGURATIONS
    ]
    assert len({each.what for each in figures}) == len(figures)
    for each in figures:
        assert each.low <= each.value <= each.high
        assert each.seeds == 2


@pytest.mark.usefixtures("few")
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    words = ["bench", "membership", "-o", "json", "--only", "gone", "--jobs", "1", "--plots"]
    args = parser.parse_args([*words, str(tmp_path / "plots")])
    assert args.run(args) == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out)["figures"]
    samples = json.loads((tmp_path / "plots" / "samples.json").read_text("utf-8"))
    assert {each["case"] for each in answer} == set(samples) == {"host gone"}
    assert {each["configuration"] for each in answer} == set(CONFIGURATIONS)
    for name in CONFIGURATIONS:
        assert printed.err.count(f"membership: host gone, {name}, seed ") == 2
        assert len(samples["host gone"][name]["first"]) == 2


def test_a_name_that_nothing_has_is_said() -> None:
    said: list[str] = []
    assert list(measure(said.append, only="nonsense", jobs=1)) == []
    assert said == ["no case, configuration and seed has 'nonsense' in its name"]


# Curves.

POOLED = {
    "process crash": {name: {"first": [1.0, 2.0]} for name in "ab"},
    "host gone": {name: {"first": [2.0, 3.0]} for name in "ab"},
    "some starved of CPU": {"a": {"false": [3.0]}, "b": {"false": [0.0]}},
    "a stop forgiven": {name: {"seconds": [1.0, 2.0], "failed": [0.0, 1.0]} for name in "ab"},
}


def test_curves_are_drawn_and_the_same_again(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "again").mkdir()
    paths = list(draw(POOLED, tmp_path))
    assert [path.name for path in paths] == ["detection.svg", "trade-off.svg", "pauses.svg"]
    for path, again in zip(paths, draw(POOLED, tmp_path / "again"), strict=True):
        assert path.read_bytes() == again.read_bytes()
        assert "<svg" in path.read_text("utf-8")


def test_a_curve_of_many_times_has_few_steps() -> None:
    assert steps([3.0, 1.0, 2.0, 4.0]) == [(1.0, 0.25), (2.0, 0.5), (3.0, 0.75), (4.0, 1.0)]
    assert steps(range(1, 1001), 4) == [(250, 0.25), (500, 0.5), (750, 0.75), (1000, 1.0)]
    assert steps(range(1, 8), 3) == [(2, 2 / 7), (4, 4 / 7), (7, 1.0)]


def test_a_curve_without_its_cases_is_left_out(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    some = {"a stop forgiven": POOLED["a stop forgiven"]}
    assert [path.name for path in draw(some, tmp_path)] == ["pauses.svg"]


@pytest.mark.usefixtures("few")
def test_without_matplotlib_a_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said: list[str] = []
    figures = list(measure(said.append, only="joining", jobs=1, plots=tmp_path))
    assert [each.case for each in figures] == ["joining through one"] * len(CONFIGURATIONS)
    assert said[-1] == MISSING
    assert [path.name for path in tmp_path.iterdir()] == ["samples.json"]
