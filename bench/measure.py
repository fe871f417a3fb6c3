"""A figure, and how one is taken: several runs, the median told with the extremes beside it.

Where others do the same, they take turns with us in one process, run by run: this machine is shared
and changes its speed, and what is compared has to have met the same weather.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

Progress = Callable[[str], None]
"""Tells the person who waits what is being measured now."""

Run = Callable[[], object]
"""What is timed."""

Prepare = Callable[[], Run]
"""Makes what one run works on, outside the measured time."""

RUNS = 7


@dataclass(frozen=True, slots=True)
class Beside:
    """What another library has for the same figure; without numbers when it is not installed."""

    peer: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    """The median of our samples divided by theirs, each by the one of the same turn."""

    @classmethod
    def of(cls, peer: str, ours: Sequence[float], theirs: Sequence[float]) -> Beside:
        """Samples of both, taken in turns."""
        ratio = median(mine / other for mine, other in zip(ours, theirs, strict=True))
        return cls(peer, median(theirs), min(theirs), max(theirs), ratio)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: `value` is the median of the runs, `low` and `high` their extremes."""

    topic: str
    what: str
    value: float
    unit: str
    low: float
    high: float
    beside: tuple[Beside, ...] = ()
    bar: str = ""
    """What is asked of it, for a person to compare with."""

    @classmethod
    def of(
        cls,
        topic: str,
        what: str,
        samples: Iterable[float],
        unit: str,
        beside: Iterable[Beside] = (),
    ) -> Figure:
        """The median of `samples`, of which there is at least one."""
        taken = sorted(samples)
        return cls(topic, what, median(taken), unit, taken[0], taken[-1], tuple(beside))


def rates(prepare: Callable[[], Callable[[int], object]], count: int) -> list[float]:
    """Calls per second of a fresh operation, for each run.

    `prepare` makes what one run works on, outside the measured time; the operation that it returns
    is called with 0, 1, … `count` - 1.
    """
    taken = []
    for _ in range(RUNS):
        operation = prepare()
        began = perf_counter()
        for number in range(count):
            operation(number)
        taken.append(count / (perf_counter() - began))
    return taken


def seconds(prepare: Prepare) -> float:
    """What one run takes, with nothing left to collect from before it."""
    run = prepare()
    gc.collect()
    began = perf_counter()
    kept = run()  # so that what it made is not thrown away within the measured time
    elapsed = perf_counter() - began
    del kept
    return elapsed


def in_turns(contestants: Mapping[str, Prepare]) -> dict[str, list[float]]:
    """Seconds of `RUNS` runs of each, where each has its turn before one has another."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(RUNS):
        for name, prepare in contestants.items():
            taken[name].append(seconds(prepare))
    return taken


def contest(
    topic: str,
    ours: Mapping[str, Prepare],
    theirs: Mapping[str, Prepare | None],
    unit: str,
    scale: Callable[[float], float],
) -> list[Figure]:
    """A figure for each of `ours` with each of `theirs` beside it, None for who is not installed.

    `scale` makes the figure's number of the seconds that a run took.
    """
    present = {peer: prepare for peer, prepare in theirs.items() if prepare is not None}
    taken = {
        name: [scale(each) for each in samples]
        for name, samples in in_turns({**ours, **present}).items()
    }
    figures = []
    for what in ours:
        beside = [
            Beside.of(peer, taken[what], taken[peer]) if peer in present else Beside(peer)
            for peer in theirs
        ]
        figures.append(Figure.of(topic, what, taken[what], unit, beside))
    return figures
