"""How long answers take, and how long to wait for the next one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip import Timing
from gossip.roundtrips import RoundTrips
from gossip.timing import MILLISECOND, SECOND

WIDE = Timing(probe_timeout_min=1, probe_timeout=900 * MILLISECOND)
"""Bounds so far apart that the formula shows."""


def test_the_first_measurement_is_the_round_trip_and_half_of_it_its_variation() -> None:
    """RFC 6298, (2.2): SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 * RTTVAR."""
    trips = RoundTrips(WIDE)
    trips.note("a", 8 * MILLISECOND)
    assert trips.seconds("a") == 0.008
    assert trips.timeout("a") == (8 + 4 * 4) * MILLISECOND


def test_further_measurements_are_smoothed() -> None:
    """RFC 6298, (2.3): RTTVAR first, with the old SRTT, by 1/4; then SRTT by 1/8."""
    trips = RoundTrips(WIDE)
    trips.note("a", 8 * MILLISECOND)
    trips.note("a", 16 * MILLISECOND)
    assert trips.seconds("a") == pytest.approx(0.009)
    assert trips.timeout("a") == (9 + 4 * 5) * MILLISECOND


def test_a_steady_link_is_waited_for_little_longer_than_it_takes() -> None:
    trips = RoundTrips(WIDE)
    for _ in range(100):
        trips.note("a", 10 * MILLISECOND)
    assert 10 * MILLISECOND <= trips.timeout("a") < 11 * MILLISECOND


def test_before_anything_was_measured_the_longest_time_out_holds() -> None:
    trips = RoundTrips(Timing.lan())
    assert trips.seconds("a") is None
    assert trips.timeout("a") == Timing.lan().probe_timeout


def test_for_who_was_never_measured_all_others_stand_in() -> None:
    trips = RoundTrips(WIDE)
    for name in "abc":
        trips.note(name, 10 * MILLISECOND)
    assert trips.seconds("stranger") is None
    assert trips.timeout("stranger") < 30 * MILLISECOND
    trips.note("far", 200 * MILLISECOND)
    assert trips.timeout("far") == 600 * MILLISECOND


@given(st.lists(st.integers(0, 100 * SECOND), max_size=20))
def test_the_time_out_keeps_its_bounds_whatever_was_measured(took: list[int]) -> None:
    lan = Timing.lan()
    trips = RoundTrips(lan)
    for each in took:
        trips.note("a", each)
        for name in ("a", "stranger"):
            assert lan.probe_timeout_min <= trips.timeout(name) <= lan.probe_timeout
        smoothed = trips.seconds("a")
        assert smoothed is not None
        assert 0 <= smoothed <= max(took) / SECOND


def test_measured_time_outs_are_off_where_the_bounds_are_one() -> None:
    trips = RoundTrips(Timing.lifeguard())
    trips.note("a", MILLISECOND)
    assert trips.timeout("a") == Timing.lifeguard().probe_timeout


def test_who_is_forgotten_is_measured_anew() -> None:
    trips = RoundTrips(WIDE)
    trips.note("a", SECOND)
    trips.forget("a")
    trips.forget("nobody")
    assert len(trips) == 0
    assert trips.seconds("a") is None
    trips.note("a", 8 * MILLISECOND)
    assert trips.seconds("a") == 0.008
