"""Two logs, to the first event that is not in both."""

from __future__ import annotations

from sim.difference import around, first_difference
from sim.trace import Kind, Record

LOG = [Record(at, Kind.WAKE, at % 3, -1, b"", at - 1) for at in range(9)]


def test_equal_logs_differ_nowhere_whatever_led_to_an_event() -> None:
    assert first_difference(LOG, list(LOG)) is None
    assert first_difference(LOG, [each._replace(cause=5) for each in LOG]) is None


def test_the_first_difference_is_the_first_in_any_part() -> None:
    for other in (
        LOG[4]._replace(at=5),
        LOG[4]._replace(kind=Kind.WRITE),
        LOG[4]._replace(node=2),
        LOG[4]._replace(peer=2),
        LOG[4]._replace(payload=b"x"),
    ):
        assert first_difference(LOG, [*LOG[:4], other, *LOG[5:7]]) == 4


def test_a_run_that_is_over_sooner_differs_there() -> None:
    assert first_difference(LOG, LOG[:6]) == first_difference(LOG[:6], LOG) == 6
    assert around(LOG[:6], 6, 0, before=1) == [
        "         5 0.000 s n2: wakes",
        ">        6 the run is over",
    ]


def test_what_came_before_is_told_and_the_place_is_marked() -> None:
    lines = around(LOG, 4, 0, before=2)
    assert [line[:10].split()[-1] for line in lines] == ["2", "3", "4"]
    assert [line[0] for line in lines] == [" ", " ", ">"]
    assert len(around(LOG, 1, 0)) == 2
