"""What is read off the samples of the campaign: one number for each figure that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil
from statistics import fmean, median
from typing import NamedTuple

Samples = dict[str, list[float]]
"""What one seed gave, by what was measured. Lists of one case that have the same length belong
together, sample by sample."""

Statistic = Callable[[Samples], float]
"""One number of the samples of a case."""


def together(seeds: Iterable[Samples]) -> Samples:
    """The samples of several seeds as if they were of one."""
    pooled: Samples = {}
    for samples in seeds:
        for name, values in samples.items():
            pooled.setdefault(name, []).extend(values)
    return pooled


def middle(of: str) -> Statistic:
    """The median."""
    return lambda samples: median(samples[of])


def nearly_all(of: str) -> Statistic:
    """What 99 of 100 do not exceed."""
    return lambda samples: sorted(samples[of])[ceil(0.99 * len(samples[of])) - 1]


def worst(of: str) -> Statistic:
    """The greatest."""
    return lambda samples: max(samples[of])


def mean(of: str) -> Statistic:
    """On average."""
    return lambda samples: fmean(samples[of])


def failed_share(samples: Samples) -> dict[float, float]:
    """For each length of a stop, the shortest first, the share of stops that ended in a failure."""
    failed: dict[float, list[float]] = {}
    for seconds, each in zip(samples["seconds"], samples["failed"], strict=True):
        failed.setdefault(seconds, []).append(each)
    return {seconds: fmean(failed[seconds]) for seconds in sorted(failed)}


def longest_forgiven(samples: Samples) -> float:
    """The longest stop such that nobody was failed after it nor after a shorter one."""
    longest = 0.0
    for seconds, share in failed_share(samples).items():
        if share > 0:
            break
        longest = seconds
    return longest


class Wanted(NamedTuple):
    """A figure of a case."""

    name: str
    of: Statistic
    unit: str
    bar: str = ""
    pooled: bool = True
    """Whether it is taken of the samples of all seeds together, or of each, and then on average."""


def counted(name: str, of: str, unit: str, bar: str = "") -> Wanted:
    """How many there were: in a seed on average, for nobody wants to know it of all together."""
    return Wanted(name, lambda samples: sum(samples[of]), f"{unit}/seed", bar, pooled=False)


def detection(median_bar: str, bar: str) -> tuple[Wanted, ...]:
    """What is asked of a crash."""
    return (
        Wanted("to the first, median", middle("first"), "s", median_bar),
        Wanted("to the first, 99%", nearly_all("first"), "s", bar),
        Wanted("to the first, most", worst("first"), "s"),
        Wanted("first to all, median", middle("spread"), "s"),
        Wanted("first to all, 99%", nearly_all("spread"), "s"),
        Wanted("first to all, most", worst("spread"), "s", "≤ 0.25"),
        counted("not by all within 120 s", "missed", "crashes", "0"),
        counted("healthy members failed", "false", "verdicts", "0"),
    )


def stopped(failed_bar: str, back_bar: str, suspected_bar: str) -> tuple[Wanted, ...]:
    """What is asked of a member that stands still for a while."""
    return (
        Wanted("failed", mean("failed"), "of stops", failed_bar),
        Wanted("alive everywhere after it, median", middle("back"), "s"),
        Wanted("alive everywhere after it, most", worst("back"), "s", back_bar),
        counted("others suspected", "suspected-others", "verdicts", suspected_bar),
        counted("others failed", "failed-others", "verdicts", "0"),
    )


FALSE = (
    counted("healthy members failed", "false", "verdicts", "0"),
    counted("healthy members suspected", "suspected", "verdicts"),
)
STARVED = (
    counted("healthy members failed", "false", "verdicts"),
    counted("the same, seen by healthy ones", "false-at-healthy", "verdicts"),
    counted("healthy members suspected", "suspected", "verdicts"),
)
LOAD = (
    Wanted("sent by each member", mean("datagrams"), "datagrams/s", "≤ 2.5, flat"),
    Wanted("bytes sent by each member", mean("bytes"), "B/s", "≤ 800 at 1,000"),
)
