"""A figure, and how one is taken: several runs, the median told with the extremes beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

Progress = Callable[[str], None]
"""Tells the person who waits what is being measured now."""

RUNS = 7


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity: `value` is the median of the runs, `low` and `high` their extremes."""

    topic: str
    what: str
    value: float
    unit: str
    low: float
    high: float

    @classmethod
    def of(cls, topic: str, what: str, samples: Iterable[float], unit: str) -> Figure:
        """The median of `samples`, of which there is at least one."""
        taken = sorted(samples)
        return cls(topic, what, median(taken), unit, taken[0], taken[-1])


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
