"""Are you there? One probe per interval, everybody in turn, witnesses before an accusation."""

from __future__ import annotations

from random import Random

import pytest

from gossip import Address, Timing
from gossip import prober as module
from gossip.member import Claim, State
from gossip.membership import Membership
from gossip.messages import Message, ProbeRequest
from gossip.prober import Prober
from gossip.timers import Timers
from tests.gossip.conversation import SECOND, claim, where

TIMING = Timing.lan()
ORIGIN = Address("10.5.5.5", 5)


class Script:
    """A prober among members, with everything that it sends."""

    def __init__(self, *names: str) -> None:
        self.timers = Timers()
        self.probes: list[tuple[int, str]] = []
        self.requests: list[tuple[Address, Message]] = []
        self.membership = Membership(claim("me"), TIMING, self.timers, lambda _: None)
        self.prober = Prober(
            membership=self.membership, timing=TIMING, timers=self.timers, random=Random(1),
            send_probe=self._probe, send=lambda to, message: self.requests.append((to, message)),
        )  # fmt: skip
        self.now = 0
        for name in names:
            self.membership.apply(claim(name, address=where(name)), 0)
        self.prober.start(0)

    def _probe(self, sequence: int, target: Claim) -> None:
        self.probes.append((sequence, target.name))

    def wait(self, until: int) -> None:
        """Wake whenever it is due."""
        while (at := self.timers.next) is not None and at <= until:
            self.oversleep(at)
        self.now = until

    def oversleep(self, until: int) -> None:
        """Wake once, however late that is."""
        self.now = until
        for action in self.timers.due(until):
            action(until)

    def to_first_probe(self) -> int:
        """The number of the first probe, just sent."""
        while not self.probes:
            self.wait(self.now + SECOND // 100)
        return self.probes[-1][0]

    def states(self) -> set[State]:
        return {c.state for c in self.membership.claims() if c.name != "me"}


def test_one_probe_per_interval_and_everybody_once_per_round() -> None:
    names = [f"m{i}" for i in range(7)]
    script = Script(*names)
    for _ in range(21):
        script.wait(script.now + TIMING.probe_interval)
        script.prober.acknowledged(script.probes[-1][0], script.now)
    targets = [name for _, name in script.probes]
    rounds = [targets[at : at + 7] for at in (0, 7, 14)]
    assert [sorted(each) for each in rounds] == [names] * 3
    assert rounds[0] != rounds[1]
    assert len({sequence for sequence, _ in script.probes}) == 21
    assert script.requests == []


def test_nobody_to_probe_is_no_reason_to_stop() -> None:
    script = Script()
    script.wait(10 * SECOND)
    assert script.probes == []
    assert script.timers.next is not None
    script.membership.apply(claim("late"), script.now)
    script.wait(12 * SECOND)
    assert {name for _, name in script.probes} == {"late"}


def test_the_dead_are_not_probed() -> None:
    script = Script("a", "b")
    script.membership.apply(claim("a", state=State.LEFT), 0)
    script.wait(5 * SECOND)
    assert {name for _, name in script.probes} == {"b"}


def test_a_direct_answer_is_measured_and_asks_nobody() -> None:
    script = Script("a", "b", "c")
    sequence = script.to_first_probe()
    target = script.probes[0][1]
    script.prober.acknowledged(sequence, script.now + SECOND // 5)
    script.wait(script.now + TIMING.probe_timeout)
    assert script.requests == []
    assert script.membership.rtt[target] == pytest.approx(0.2, abs=0.011)


def test_without_an_answer_others_are_asked_and_then_the_target_is_suspected() -> None:
    script = Script("a", "b", "c", "d", "e")
    sequence = script.to_first_probe()
    target = script.probes[0][1]
    sent = script.now
    script.wait(sent + TIMING.probe_timeout)
    asked = {address for address, _ in script.requests}
    assert [message for _, message in script.requests] == [ProbeRequest(sequence, target)] * 3
    assert len(asked) == 3
    assert where(target) not in asked
    assert script.states() == {State.ALIVE}
    script.wait(sent + TIMING.probe_interval)
    suspect = script.membership.get(target)
    assert suspect is not None
    assert (suspect.state, suspect.accuser) == (State.SUSPECT, "me")


def test_an_answer_through_a_witness_saves_the_target_and_is_not_measured() -> None:
    script = Script("a", "b")
    sequence = script.to_first_probe()
    script.wait(script.now + TIMING.probe_timeout)
    script.prober.acknowledged(sequence, script.now)
    script.wait(script.now + TIMING.probe_interval // 2 + 1)
    assert script.states() == {State.ALIVE}
    assert script.membership.rtt == {}


@pytest.mark.parametrize("wrong", [0, -1, 1])
def test_an_answer_to_another_question_is_no_answer(wrong: int) -> None:
    script = Script("a")
    sequence = script.to_first_probe()
    assert script.prober.acknowledged(sequence + wrong if wrong else 0, script.now) is None
    script.wait(script.now + TIMING.probe_interval)
    assert script.states() == {State.SUSPECT}


def test_who_slept_through_the_answer_accuses_nobody() -> None:
    """Lifeguard: the silence may be our own."""
    script = Script("a", "b")
    script.to_first_probe()
    script.oversleep(script.now + 30 * SECOND)
    assert script.states() == {State.ALIVE}
    assert len(script.probes) == 2


def test_a_relayed_probe_brings_the_answer_to_who_asked_once() -> None:
    script = Script("a")
    script.prober.relay(ProbeRequest(77, "a"), ORIGIN)
    ((sequence, target),) = script.probes
    assert target == "a"
    assert sequence != 77
    assert script.prober.acknowledged(sequence, 0) == (ORIGIN, 77)
    assert script.prober.acknowledged(sequence, 0) is None


def test_a_stranger_is_not_probed_for_anybody() -> None:
    script = Script("a")
    script.prober.relay(ProbeRequest(77, "stranger"), ORIGIN)
    assert script.probes == []


def test_relayed_probes_are_bounded_and_the_oldest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_RELAYED", 3)
    script = Script("a")
    for number in range(5):
        script.prober.relay(ProbeRequest(number, "a"), ORIGIN)
    answers = [script.prober.acknowledged(sequence, 0) for sequence, _ in script.probes]
    assert answers == [None, None, (ORIGIN, 2), (ORIGIN, 3), (ORIGIN, 4)]
