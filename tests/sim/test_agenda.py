"""Virtual time: order, and what counts as a length of time."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sim import SimError
from sim.agenda import SECOND, Agenda, nanoseconds


def test_entries_come_by_time_and_then_in_the_order_they_were_put() -> None:
    agenda, done = Agenda(), list[str]()
    for at, name in [(5, "c"), (3, "a"), (5, "d"), (3, "b"), (9, "late")]:
        agenda.put(at, done.append, name)
    agenda.advance(5)
    assert done == ["a", "b", "c", "d"]
    assert agenda.now == 5


def test_an_entry_sees_the_time_it_was_put_at_and_may_put_others() -> None:
    agenda, seen = Agenda(), list[int]()

    def again() -> None:
        seen.append(agenda.now)
        if len(seen) < 4:
            agenda.put(agenda.now + 2, again)

    agenda.put(1, again)
    agenda.advance(6)
    assert seen == [1, 3, 5]
    agenda.advance(7)
    assert seen == [1, 3, 5, 7]


def test_the_past_is_closed() -> None:
    agenda = Agenda()
    agenda.advance(10)
    with pytest.raises(AssertionError):
        agenda.put(9, print)


def test_seconds_become_whole_nanoseconds() -> None:
    assert nanoseconds(0.1, "t") == SECOND // 10
    assert nanoseconds(0, "t") == 0
    assert sum(nanoseconds(0.1, "t") for _ in range(10)) == nanoseconds(1.0, "t")


@pytest.mark.parametrize("seconds", [-1, -1e-9, math.inf, math.nan, "1", None, True])
def test_what_is_no_length_of_time_is_refused(seconds: Any) -> None:
    with pytest.raises(SimError, match="pause is a"):
        nanoseconds(seconds, "pause")
