"""Draws that the random plans share."""

from __future__ import annotations

from math import exp, log
from random import Random


def between(random: Random, low: float, high: float) -> float:
    """Evenly in the logarithm: a small value is as likely as a large one."""
    return exp(random.uniform(log(low), log(high)))


def chance(random: Random, low: float = 0.002, high: float = 0.3) -> float:
    """A probability, evenly in the logarithm, in a few digits."""
    return float(f"{between(random, low, high):.2g}")


def amount(random: Random, low: int, high: int) -> int:
    """A whole number of either end or between, evenly in the logarithm."""
    return min(high, int(between(random, low, high + 1)))


def moment(random: Random, first: float, last: float) -> float:
    """A time, to the millisecond."""
    return round(random.uniform(first, last), 3)
