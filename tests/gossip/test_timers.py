"""One deadline out of many: order, moving, stopping, and nothing twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gossip.timers import Timers


class Noted:
    """Timers whose actions are noted by key."""

    def __init__(self) -> None:
        self.timers = Timers()
        self.log: list[str] = []

    def set(self, key: str, at: int) -> None:
        self.timers.set(key, at, lambda _: self.log.append(key))

    def due(self, now: int) -> list[str]:
        for action in self.timers.due(now):
            action(now)
        log, self.log = self.log, []
        return log


def test_timers_fire_by_time_and_then_in_the_order_they_were_set() -> None:
    noted = Noted()
    for key, at in [("c", 5), ("a", 3), ("d", 5), ("b", 3), ("late", 6)]:
        noted.set(key, at)
    assert noted.timers.next == 3
    assert noted.due(5) == ["a", "b", "c", "d"]
    assert noted.timers.next == 6
    assert noted.due(5) == []


def test_setting_again_moves_and_stopping_forgets() -> None:
    noted = Noted()
    noted.set("moved", 1)
    noted.set("moved", 9)
    noted.set("stopped", 2)
    noted.timers.stop("stopped")
    noted.timers.stop("never set")
    assert noted.timers.next == 9
    assert "moved" in noted.timers
    assert "stopped" not in noted.timers
    assert noted.due(8) == []
    assert noted.due(9) == ["moved"]
    assert "moved" not in noted.timers
    assert noted.timers.next is None


def test_an_action_may_set_another_for_now_and_stop_one_that_is_due() -> None:
    timers, log = Timers(), list[str]()

    def first(now: int) -> None:
        log.append("first")
        timers.stop("second")
        timers.set("third", now, lambda _: log.append("third"))

    timers.set("first", 1, first)
    timers.set("second", 1, lambda _: log.append("second"))
    for action in timers.due(1):
        action(1)
    assert log == ["first", "third"]


def test_a_timer_moved_over_and_over_costs_bounded_memory() -> None:
    timers = Timers()
    for at in range(10_000):
        timers.set("one", at, lambda _: None)
    assert len(timers._heap) < 100
    assert timers.next == 9_999


def test_clear_forgets_everything() -> None:
    noted = Noted()
    noted.set("a", 1)
    noted.timers.clear()
    assert noted.timers.next is None
    assert noted.due(10) == []


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 20) | st.none()), max_size=60))
def test_it_agrees_with_a_plain_dictionary(steps: list[tuple[str, int | None]]) -> None:
    noted, plain = Noted(), dict[str, int]()
    for key, at in steps:
        if at is None:
            noted.timers.stop(key)
            plain.pop(key, None)
        else:
            noted.set(key, at)
            plain[key] = at
        assert noted.timers.next == min(plain.values(), default=None)
    due = noted.due(10)
    assert sorted(due) == sorted(key for key, at in plain.items() if at <= 10)
    assert [plain[key] for key in due] == sorted(plain[key] for key in due)
