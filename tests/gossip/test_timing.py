"""The constants fit each other, in every profile."""

from __future__ import annotations

from typing import Any

import pytest

from gossip import Timing
from gossip.timing import _MAY_BE_ZERO, MILLISECOND, SECOND

PROFILES = [Timing.lan(), Timing.wan(), Timing.local()]
PAPERS = [Timing.swim(), Timing.lifeguard()]


def changed(field: str, value: int) -> Timing:
    """The defaults, but for one constant."""
    constants: dict[str, Any] = {field: value}
    return Timing(**constants)


@pytest.mark.parametrize("timing", PROFILES + PAPERS)
def test_others_are_asked_before_the_interval_ends_and_a_suspect_has_time(timing: Timing) -> None:
    assert timing.probe_timeout < timing.probe_interval
    assert timing.suspicion_timeout(2) >= 2 * timing.probe_interval
    assert timing.gossip_interval < timing.probe_interval
    assert timing.leave_timeout < timing.reap_after


@pytest.mark.parametrize("field", [f for f in Timing.__slots__ if f not in _MAY_BE_ZERO])
def test_hardly_a_constant_may_be_zero(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be positive"):
        changed(field, 0)


@pytest.mark.parametrize("field", _MAY_BE_ZERO)
def test_what_can_be_turned_off_with_zero_cannot_be_negative(field: str) -> None:
    assert not getattr(changed(field, 0), field)
    with pytest.raises(ValueError, match=f"{field} must not be negative"):
        changed(field, -1)


def test_constants_that_depend_on_each_other_are_held_against_each_other() -> None:
    with pytest.raises(ValueError, match="probe_timeout_min must not be longer"):
        Timing(probe_timeout=SECOND // 10, probe_timeout_min=SECOND // 5)
    with pytest.raises(ValueError, match="suspicion_factor must be at least 1"):
        Timing(suspicion_factor=0.5)


def test_the_probe_timeout_is_shorter_than_the_interval() -> None:
    with pytest.raises(ValueError, match="shorter than probe_interval"):
        Timing(probe_interval=SECOND, probe_timeout=SECOND)
    assert Timing(probe_timeout=SECOND - 1, probe_interval=SECOND).probe_timeout == SECOND - 1


def test_time_to_refute_grows_with_the_logarithm_of_the_cluster() -> None:
    """Memberlist's formula, mult * max(1, log10(n)) * interval, which is the least of Lifeguard."""
    swim = Timing.swim()
    assert [swim.suspicion_timeout(n) // MILLISECOND for n in (0, 1, 10, 100, 1000)] == [
        5000, 5000, 5000, 10000, 15000,
    ]  # fmt: skip
    assert swim.suspicion_timeout(100, accusers=1) == swim.suspicion_timeout(100, accusers=9)


def test_copies_of_news_grow_with_the_logarithm_of_the_cluster() -> None:
    """Memberlist's formula: mult * ceil(log10(n + 1))."""
    assert [Timing.lan().retransmits(n) for n in (1, 9, 10, 99, 100)] == [6, 6, 12, 12, 18]


def test_nobody_is_failed_sooner_than_the_least_time_whatever_the_size() -> None:
    lan = Timing.lan()
    for members in (0, 1, 2, 3, 5, 50):
        assert lan.suspicion_timeout(members, accusers=9) == lan.suspicion_min
    assert lan.suspicion_timeout(10_000, accusers=9) == 4 * SECOND
