"""The score of this member: signs of its own slowness, and what they do."""

from __future__ import annotations

import pytest

from gossip import Timing
from gossip.health import Health
from gossip.timing import MILLISECOND, SECOND


def test_it_stays_between_well_and_the_limit() -> None:
    """Lifeguard, IV.A: the local health multiplier is in [0, S]; here the factor is in [1, S]."""
    health = Health(Timing(health_max=4))
    health.better()
    assert (health.score, health.factor) == (0, 1)
    health.worse()
    health.worse(2)
    assert (health.score, health.factor) == (3, 4)
    health.worse(99)
    assert health.factor == 4
    for left in (2, 1, 0, 0):
        health.better()
        assert health.score == left


def test_with_a_limit_of_one_it_is_off() -> None:
    health = Health(Timing(health_max=1))
    health.worse(5)
    assert health.factor == 1


def test_nothing_gone_wrong_changes_nothing() -> None:
    health = Health(Timing.lan())
    health.worse(0)
    assert health.score == 0


@pytest.mark.parametrize("waited", [0, SECOND // 10, SECOND, 100 * SECOND])
def test_a_wake_up_is_late_by_the_wait_and_at_least_by_a_pause_of_a_busy_process(
    waited: int,
) -> None:
    allowed = max(Timing.lan().late, waited // 4)
    health = Health(Timing.lan())
    assert not health.late(SECOND, SECOND - 5, waited)
    assert not health.late(SECOND, SECOND, waited)
    assert not health.late(SECOND, SECOND + allowed, waited)
    assert health.score == 0
    assert health.late(SECOND, SECOND + allowed + 1, waited)
    assert health.score == 1


def test_who_is_woken_late_is_behind_until_somebody_answers() -> None:
    late = Timing.lan().late
    health = Health(Timing.lan())
    health.woken(SECOND, SECOND + late)
    assert health.behind == 0
    health.woken(100 * SECOND, 100 * SECOND + late + 1)  # however long the wait was
    health.woken(200 * SECOND, 200 * SECOND)
    assert health.behind == 100 * SECOND + late + 1
    health.better()
    assert health.behind == 0


def test_late_wake_ups_mean_nothing_where_that_is_turned_off() -> None:
    health = Health(Timing.lifeguard())
    assert not health.late(SECOND, 900 * SECOND, MILLISECOND)
    health.woken(SECOND, 900 * SECOND)
    assert health.behind == 0
    assert health.score == 0
