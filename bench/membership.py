"""How soon a simulated cluster finds out, how rarely it is wrong, and what that costs it: the
figures of the protocol, in virtual time, for every configuration on the same seeds.

A task is a case with a configuration and a seed. Tasks go out to processes that start from nothing,
and what comes back is put in order, so the figures do not depend on how many processes there are.
Beside each figure stand the lowest and the highest that a single seed would have given.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import Any, NamedTuple

from bench.measure import Figure, Progress
from bench.membership_cases import (
    Play,
    crashes,
    halves,
    joining,
    quiet,
    starvation,
    stops,
)
from bench.membership_figures import (
    FALSE,
    LOAD,
    STARVED,
    Samples,
    Wanted,
    detection,
    longest_forgiven,
    middle,
    stopped,
    together,
    worst,
)
from bench.membership_plots import MISSING, draw
from gossip import Timing

CONFIGURATIONS: dict[str, Timing] = {
    "swim": Timing.swim(),
    "lifeguard": Timing.lifeguard(),
    "ours": Timing.lan(),
}
"""What is compared: a name, and the constants that every member of its clusters has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that befalls a cluster: in few trials, and in as many as the figures ask for."""

    play: Play
    figures: Sequence[Wanted]
    quick: Mapping[str, Any]
    full: Mapping[str, Any]
    seeds: tuple[int, int] = (2, 4)
    """How many seeds, quick and full."""


@dataclass(frozen=True, slots=True)
class Campaigned(Figure):
    """A figure of one configuration in one case."""

    configuration: str = ""
    case: str = ""
    figure: str = ""
    seeds: int = 0


PAUSES = [1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16]

CASES: dict[str, Case] = {
    "process crash": Case(
        play=crashes,
        figures=detection("≤ 1.5", "≤ 3.0"),
        quick={"trials": 10},
        full={"trials": 75},
    ),
    "host gone": Case(
        play=partial(crashes, power=True),
        figures=detection("≤ 3.5", "≤ 5.0"),
        quick={"trials": 10},
        full={"trials": 75},
    ),
    "stopped for 2 s": Case(
        play=partial(stops, seconds=2.0),
        figures=stopped("0", "", "0"),
        quick={"trials": 10},
        full={"trials": 25},
    ),
    "stopped for 10 s": Case(
        play=partial(stops, seconds=10.0),
        figures=stopped("", "≤ 1", ""),
        quick={"trials": 10},
        full={"trials": 25},
    ),
    "a stop forgiven": Case(
        play=stops,
        figures=(Wanted("longest after which nobody was failed", longest_forgiven, "s"),),
        quick={"trials": 2, "seconds": PAUSES[::2]},
        full={"trials": 4, "seconds": PAUSES},
    ),
    "some starved of CPU": Case(
        play=starvation,
        figures=STARVED,
        quick={
            "starved": [4],
            "service": [0, 0.5],
            "bad": [8.192],
            "good": [0.016],
            "lasting": 60.0,
        },
        full={
            "starved": [4, 16],
            "service": [0, 0.5],
            "bad": [8.192, 32.768],
            "good": [0.016, 1.024],
            "lasting": 60.0,
        },
        seeds=(2, 2),
    ),
    "10% loss": Case(
        play=partial(quiet, loss=0.1),
        figures=FALSE,
        quick={"seconds": 60.0},
        full={"seconds": 3600.0},
        seeds=(2, 1),
    ),
    **{
        f"idle, {nodes:,} members": Case(
            play=partial(quiet, nodes=nodes), figures=LOAD, quick=how, full=how, seeds=seeds
        )
        for nodes, how, seeds in (
            (10, {"seconds": 120.0}, (2, 4)),
            (30, {"seconds": 120.0}, (2, 4)),
            (100, {"seconds": 60.0}, (2, 4)),
            (300, {"seconds": 30.0}, (1, 2)),
            (1000, {"seconds": 30.0}, (0, 1)),
        )
    },
    "healed halves": Case(
        play=halves,
        figures=(
            Wanted("to agreement, median", middle("agreement"), "s"),
            Wanted("to agreement, most", worst("agreement"), "s", "≤ 30"),
        ),
        quick={"seconds": 120.0},
        full={"seconds": 3600.0},
        seeds=(2, 4),
    ),
    "joining through one": Case(
        play=joining,
        figures=(Wanted("to full views, most", worst("full"), "s", "≤ 20 at 1,000"),),
        quick={"nodes": 100},
        full={"nodes": 1000},
        seeds=(2, 1),
    ),
}
"""The whole campaign."""


class Task(NamedTuple):
    """One seed of one case, in one configuration."""

    case: str
    configuration: str
    seed: int
    play: Play
    timing: Timing
    how: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.case}, {self.configuration}, seed {self.seed}"


class Taken(NamedTuple):
    """What became of a task, and what it took in real seconds."""

    task: Task
    samples: Samples
    wall: float


def measure(
    say: Progress, *, full: bool = False, only: str = "", jobs: int = 0, plots: Path | None = None
) -> Iterator[Campaigned]:
    """The figures of all cases and configurations; with `plots`, curves and samples go there."""
    work = list(tasks(CASES, CONFIGURATIONS, full=full, only=only))
    if not work:
        say(f"no case, configuration and seed has {only!r} in its name")
    pooled: dict[str, dict[str, list[Samples]]] = {}
    for taken in played(work, jobs if jobs > 0 else len(os.sched_getaffinity(0))):
        say(f"{taken.task}: {taken.wall:.1f} s")
        configurations = pooled.setdefault(taken.task.case, {})
        configurations.setdefault(taken.task.configuration, []).append(taken.samples)
    for case, configurations in pooled.items():
        for wanted in CASES[case].figures:
            for configuration, samples in configurations.items():
                yield figure(case, configuration, wanted, samples)
    if plots is not None:
        write(plots, pooled, say)


def tasks(
    cases: Mapping[str, Case], configurations: Mapping[str, Timing], *, full: bool, only: str
) -> Iterator[Task]:
    """Every seed of every case in every configuration whose name has `only` in it."""
    for name, case in cases.items():
        for seed in range(case.seeds[full]):
            for configuration, timing in configurations.items():
                how = case.full if full else case.quick
                task = Task(name, configuration, seed, case.play, timing, how)
                if only in str(task):
                    yield task


def played(work: Sequence[Task], jobs: int) -> Iterator[Taken]:
    """What became of each task, in their order."""
    if jobs == 1:
        yield from map(play, work)
        return
    context = multiprocessing.get_context("spawn")
    dies = (signal.SIGINT, signal.SIG_DFL)  # Ctrl-C goes to all: these have nothing to say to it
    pool = ProcessPoolExecutor(jobs, context, signal.signal, dies)
    try:
        yield from pool.map(play, work)
    finally:
        pool.shutdown(cancel_futures=True)


def play(task: Task) -> Taken:
    """Play one task.

    Nothing is collected meanwhile: what a run throws away has no cycles, and walking through the
    millions of objects that it keeps would take longer than the run.
    """
    began = perf_counter()
    collects = gc.isenabled()
    gc.disable()
    try:
        samples = task.play(task.timing, task.seed, **task.how)
    finally:
        if collects:
            gc.enable()
    gc.collect()  # the run as a whole is one
    return Taken(task, samples, perf_counter() - began)


def figure(case: str, configuration: str, wanted: Wanted, seeds: Sequence[Samples]) -> Campaigned:
    """One figure of all seeds together, between those of the seeds."""
    each = [wanted.of(samples) for samples in seeds]
    value = wanted.of(together(seeds)) if wanted.pooled else fmean(each)
    return Campaigned(
        topic="membership",
        what=f"{case}: {wanted.name}, {configuration}",
        value=value,
        unit=wanted.unit,
        low=min(each),
        high=max(each),
        bar=wanted.bar,
        configuration=configuration,
        case=case,
        figure=wanted.name,
        seeds=len(seeds),
    )


def write(
    directory: Path, pooled: Mapping[str, Mapping[str, list[Samples]]], say: Progress
) -> None:
    """Curves and samples as files."""
    directory.mkdir(parents=True, exist_ok=True)
    samples = {
        case: {configuration: together(seeds) for configuration, seeds in configurations.items()}
        for case, configurations in pooled.items()
    }
    (directory / "samples.json").write_text(json.dumps(samples) + "\n", "utf-8")
    try:
        for path in draw(samples, directory):
            say(f"drawn: {path}")
    except ModuleNotFoundError:
        say(MISSING)
