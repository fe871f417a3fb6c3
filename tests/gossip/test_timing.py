"""The constants fit each other, in every profile."""

from __future__ import annotations

import pytest

from gossip import Timing
from gossip.timing import MILLISECOND, SECOND

PROFILES = [Timing.lan(), Timing.wan(), Timing.local()]


@pytest.mark.parametrize("timing", PROFILES)
def test_others_are_asked_before_the_interval_ends_and_a_suspect_has_time(timing: Timing) -> None:
    assert timing.probe_timeout < timing.probe_interval
    assert timing.suspicion_timeout(2) >= 2 * timing.probe_interval
    assert timing.gossip_interval < timing.probe_interval
    assert timing.leave_timeout < timing.reap_after


@pytest.mark.parametrize("field", Timing.__slots__)
def test_no_constant_may_be_zero(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be positive"):
        Timing(**{field: 0})


def test_the_probe_timeout_is_shorter_than_the_interval() -> None:
    with pytest.raises(ValueError, match="shorter than probe_interval"):
        Timing(probe_interval=SECOND, probe_timeout=SECOND)
    assert Timing(probe_timeout=SECOND - 1, probe_interval=SECOND).probe_timeout == SECOND - 1


def test_time_to_refute_and_copies_of_news_grow_with_the_logarithm_of_the_cluster() -> None:
    """Memberlist's formulas: mult * max(1, log10(n)) * interval, and mult * ceil(log10(n + 1))."""
    lan = Timing.lan()
    assert [lan.suspicion_timeout(n) // MILLISECOND for n in (0, 1, 10, 100, 1000)] == [
        4000, 4000, 4000, 8000, 12000,
    ]  # fmt: skip
    assert [lan.retransmits(n) for n in (1, 9, 10, 99, 100)] == [4, 4, 8, 8, 12]
