"""The clocks of simulated machines, right and wrong."""

from __future__ import annotations

from typing import Any

import pytest

from sim import SimError
from sim.agenda import SECOND, Agenda
from sim.clocks import BILLION, EPOCH, Clocks, drift

UPTIME = 5 * SECOND


def clocks() -> tuple[Agenda, Clocks]:
    agenda = Agenda()
    return agenda, Clocks(agenda, UPTIME)


def test_the_wall_clock_follows_virtual_time_and_setting_it_moves_it_alone() -> None:
    agenda, ours = clocks()
    assert ours.wall() == EPOCH
    agenda.advance(SECOND)
    ours.set_wall(-5 * SECOND)
    assert ours.wall() == EPOCH - 4 * SECOND
    assert ours.monotonic() == UPTIME + SECOND


def test_a_drift_bends_both_clocks_from_then_on() -> None:
    agenda, ours = clocks()
    agenda.advance(10 * SECOND)
    ours.set_drift(BILLION // 2)
    agenda.advance(20 * SECOND)
    assert ours.monotonic() == UPTIME + 25 * SECOND
    assert ours.wall() == EPOCH + 25 * SECOND
    ours.set_drift(0)
    agenda.advance(30 * SECOND)
    assert ours.monotonic() == UPTIME + 35 * SECOND
    assert ours.virtual(ours.monotonic()) == agenda.now
    ours.set_wall(0)  # what it gained by drifting is put right; the drift is not
    assert ours.wall() == EPOCH + agenda.now


@pytest.mark.parametrize("rate", [-0.9, -0.3, -1e-9, 1e-4, 1 / 3, 9.0])
def test_an_alarm_goes_off_at_the_first_moment_at_which_the_clock_shows_it(rate: float) -> None:
    agenda, ours = clocks()
    agenda.advance(123_456_789)
    ours.set_drift(drift(rate))
    before = ours.monotonic()
    for wanted in (before + 1, before + 12_345, before + 7 * SECOND + 1):
        at = ours.virtual(wanted)
        agenda.advance(at - 1)
        assert ours.monotonic() < wanted
        agenda.advance(at)
        assert ours.monotonic() >= wanted


def test_the_monotonic_clock_never_goes_back_and_the_wall_clock_may() -> None:
    agenda, ours = clocks()
    shown = [ours.monotonic()]
    for step, rate in enumerate([0.0, -0.9, 9.0, -0.5, 0.0, 1e-6], start=1):
        ours.set_drift(drift(rate))
        for tick in range(1, 4):
            agenda.advance(step * SECOND + tick)
            shown.append(ours.monotonic())
        ours.jump(-SECOND, monotonic=False)
        ours.jump(SECOND // 2, monotonic=True)
        shown.append(ours.monotonic())
    assert shown == sorted(shown)


def test_a_jump_moves_the_wall_clock_from_where_it_is_and_the_other_only_when_asked() -> None:
    agenda, ours = clocks()
    ours.set_wall(SECOND)
    ours.jump(-3 * SECOND, monotonic=False)
    assert ours.wall() == EPOCH - 2 * SECOND
    assert ours.monotonic() == UPTIME
    ours.jump(7 * SECOND, monotonic=True)
    assert ours.wall() == EPOCH + 5 * SECOND
    assert ours.monotonic() == UPTIME + 7 * SECOND
    assert agenda.now == 0


@pytest.mark.parametrize("rate", [-1.0, 9.1, float("nan"), "0", None, True])
def test_what_no_clock_does_is_refused(rate: Any) -> None:
    with pytest.raises(SimError, match="drift"):
        drift(rate)
