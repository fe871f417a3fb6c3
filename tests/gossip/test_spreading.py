"""When news goes out by itself: every gossip interval, and at once where it cannot wait."""

from __future__ import annotations

from random import Random
from typing import Any

from gossip import Address, Timing
from gossip.member import State
from gossip.members.membership import Membership
from gossip.members.spreading import HASTE, HURRY, Spreading
from gossip.timers import Timers
from gossip.timing import MILLISECOND, SECOND
from tests.gossip.conversation import accused, claim, identity, where

TIMING = Timing.lan()


class Script:
    """A member with news, and where it sends it."""

    def __init__(self, *others: str) -> None:
        self.timers = Timers()
        self.sent: list[tuple[int, Address]] = []
        self.now = SECOND
        self.table = Membership(claim("me"), identity("me"), TIMING, self.timers, lambda _: None)
        outbox: Any = self
        self.spreading = Spreading(self.table, TIMING, self.timers, Random(1), outbox)
        for name in others:
            self.table.apply(claim(name, address=where(name)), 0, hearsay=True)

    def send(self, destination: Address) -> None:
        self.sent.append((self.now, destination))
        self.table.rumors.take(10_000, 100)

    def news(self, name: str) -> None:
        """Something that can wait: somebody new."""
        self.table.apply(claim(name, address=where(name)), self.now)
        self.spreading.begin(self.now)

    def alarm(self, name: str) -> None:
        """Something that cannot."""
        known = self.table.get(name)
        assert known is not None
        by = next(other.name for other in self.table.others() if other.name != name)
        self.table.apply(accused(known, by), self.now)
        self.spreading.begin(self.now)

    def gossip_at(self) -> int | None:
        entry = self.timers._live.get("gossip")
        return entry[0] if entry else None

    def fire(self) -> None:
        at = self.gossip_at()
        assert at is not None
        self.now = max(self.now, at)
        self.timers.stop("gossip")
        self.spreading._gossip(self.now)


def test_news_waits_for_the_interval_and_goes_to_so_many_at_random() -> None:
    script = Script("a", "b", "c", "d", "e")
    script.news("f")
    assert script.gossip_at() == SECOND + TIMING.gossip_interval
    script.fire()
    assert len({address for _, address in script.sent}) == TIMING.gossip_fanout == 3


def test_more_news_does_not_put_it_off() -> None:
    script = Script("a", "b")
    script.news("c")
    script.now += TIMING.gossip_interval // 2
    script.news("d")
    assert script.gossip_at() == SECOND + TIMING.gossip_interval


def test_a_suspicion_begins_its_way_at_once() -> None:
    script = Script("a", "b", "c")
    script.news("d")
    script.alarm("a")
    assert script.gossip_at() == script.now
    assert not script.table.urgent


def test_haste_is_bounded() -> None:
    """However much happens, a member gossips once in `HASTE`."""
    script = Script(*(f"m{number}" for number in range(20)))
    for number in range(20):
        script.alarm(f"m{number}")
        if number == 0:
            script.fire()
        else:
            assert script.gossip_at() == SECOND + HASTE
        script.now += HASTE // 40
    script.fire()
    assert len({at for at, _ in script.sent}) == 2
    assert HASTE >= 10 * MILLISECOND


def test_what_was_hasty_once_is_repeated_at_the_interval() -> None:
    script = Script("a", "b", "c")
    script.alarm("a")
    for _ in range(1 + HURRY):
        assert script.gossip_at() == script.now + (HASTE if script.sent else 0)
        script.fire()
    script.spreading.begin(script.now)
    assert script.gossip_at() == script.now + TIMING.gossip_interval


def test_nobody_is_there_to_tell() -> None:
    script = Script()
    script.table.rumors.spread("x", b"x")
    script.table.urgent = True
    script.spreading.begin(script.now)
    assert script.gossip_at() is None
    script.spreading._gossip(script.now)
    assert script.sent == []


def test_fewer_members_than_usual_are_all_told() -> None:
    script = Script("a", "b")
    script.news("c")
    script.table.apply(claim("c", state=State.LEFT), script.now)
    script.fire()
    assert sorted(address for _, address in script.sent) == sorted([where("a"), where("b")])


def test_without_rumors_nothing_is_sent() -> None:
    script = Script("a", "b")
    script.news("c")
    while script.table.rumors:
        script.table.rumors.take(10_000, 1)
    script.fire()
    assert script.sent == []
