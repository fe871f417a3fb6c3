"""Are you there? One probe per interval, everybody in turn, witnesses before an accusation."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from gossip import Address, Timing
from gossip import prober as module
from gossip.identity import is_proven
from gossip.member import Claim, State
from gossip.membership import Membership
from gossip.messages import Message, Nack, ProbeRequest
from gossip.prober import Prober
from gossip.suspicion import Suspicion
from gossip.timers import Timers
from tests.gossip.conversation import SECOND, WALL, accused, claim, identity, where

TIMING = Timing.lan()
ORIGIN = Address("10.5.5.5", 5)
NAMES = ("a", "b", "c", "d", "e", "f", "g")


class Script:
    """A prober among members, with everything that it sends."""

    def __init__(self, *names: str, timing: Timing = TIMING) -> None:
        self.timing = timing
        self.timers = Timers()
        self.probes: list[tuple[int, str]] = []
        self.requests: list[tuple[Address, Message]] = []
        self.told: list[tuple[Address, Claim]] = []
        me = claim("me")
        self.membership = Membership(me, identity("me"), timing, self.timers, lambda _: None)
        self.prober = Prober(
            membership=self.membership, timing=timing, timers=self.timers, random=Random(1),
            send_probe=self._probe, send=lambda to, message: self.requests.append((to, message)),
            send_about=self._about, tell=lambda to, about: self.told.append((to, about)),
        )  # fmt: skip
        self.now = 0
        for name in names:
            self.membership.apply(claim(name, address=where(name)), -60 * SECOND)
        self.prober.start(0)

    def _probe(self, sequence: int, target: Claim, *_: bytes) -> None:
        self.probes.append((sequence, target.name))

    def _about(self, to: Address, about: Claim, message: Message) -> None:
        self.told.append((to, about))
        self.requests.append((to, message))

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

    def answer(self, sequence: int, sender: str, epoch: int = WALL) -> tuple[Address, int] | None:
        source = where(sender)
        return self.prober.acknowledged(sequence, sender, epoch, source, self.now)

    def to_indirect(self) -> tuple[str, list[str]]:
        """Nobody answers: who was probed, and who was asked to try."""
        self.to_first_probe()
        target = self.probes[0][1]
        self.wait(self.now + self.timing.probe_timeout)
        by_address = {where(name): name for name in NAMES}
        return target, [by_address[to] for to, _ in self.requests]

    def nack(self, witness: str, target: str, *, refused: bool = False, number: int = 0) -> None:
        """A witness says that it got no answer."""
        proof = accused(claim(target, address=where(target)), witness, refused=refused).proof
        sequence = number or self.probes[0][0]
        self.prober.silent(Nack(sequence, int(refused), proof), witness, self.now)

    def refuse(self, sequence: int) -> None:
        """The host where this probe went says that nobody is there."""
        self.prober.refused(sequence, self.probes[0][1], self.now)

    def states(self) -> set[State]:
        return {c.state for c in self.membership.claims() if c.name != "me"}

    def suspicion(self, name: str) -> Suspicion:
        found = self.membership.suspicion(name)
        assert found is not None
        return found


def test_one_probe_per_interval_and_everybody_once_per_round() -> None:
    names = [f"m{i}" for i in range(7)]
    script = Script(*names)
    for _ in range(21):
        script.wait(script.now + TIMING.probe_interval)
        script.answer(*script.probes[-1])
    targets = [name for _, name in script.probes]
    rounds = [targets[at : at + 7] for at in (0, 7, 14)]
    assert [sorted(each) for each in rounds] == [names] * 3
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
    script.wait(script.now + SECOND // 5)
    script.answer(sequence, target)
    script.wait(script.now + TIMING.probe_timeout)
    assert script.requests == []
    assert script.membership.rtt.seconds(target) == pytest.approx(0.2, abs=0.011)


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
    assert script.probes[1][1] == target  # and we try once more ourselves
    script.wait(sent + TIMING.probe_interval)
    suspect = script.membership.get(target)
    assert suspect is not None
    assert (suspect.state, suspect.accuser) == (State.SUSPECT, "me")


def test_an_answer_through_a_witness_saves_the_target_and_is_not_measured() -> None:
    script = Script("a", "b")
    sequence = script.to_first_probe()
    script.wait(script.now + TIMING.probe_timeout)
    witness = "b" if script.probes[0][1] == "a" else "a"
    script.answer(sequence, witness)
    script.wait(script.now + TIMING.probe_interval // 2 - SECOND // 10)
    assert script.states() == {State.ALIVE}
    assert len(script.membership.rtt) == 0


@pytest.mark.parametrize("wrong", [0, -1, 1])
def test_an_answer_to_another_question_is_no_answer(wrong: int) -> None:
    script = Script("a")
    sequence = script.to_first_probe()
    assert script.answer(sequence + wrong if wrong else 0, "a") is None
    script.wait(script.now + TIMING.probe_interval)
    assert script.states() == {State.SUSPECT}


def test_who_slept_through_the_answer_accuses_nobody() -> None:
    """Lifeguard: the silence may be our own."""
    script = Script("a", "b")
    script.to_first_probe()
    script.oversleep(script.now + 30 * SECOND)
    assert script.states() == {State.ALIVE}
    assert script.membership.health.score >= 1
    assert script.probes[-1][1] != script.probes[0][1]  # on with the next one


def test_a_relayed_probe_brings_the_answer_to_who_asked_once() -> None:
    script = Script("a")
    script.prober.relay(ProbeRequest(77, "a"), ORIGIN, 0)
    ((sequence, target),) = script.probes
    assert target == "a"
    assert sequence != 77
    assert script.answer(sequence, "a") == (ORIGIN, 77)
    assert script.answer(sequence, "a") is None


def test_a_stranger_is_not_probed_for_anybody() -> None:
    script = Script("a")
    script.prober.relay(ProbeRequest(77, "stranger"), ORIGIN, 0)
    assert script.probes == []


def test_relayed_probes_are_bounded_and_the_oldest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_RELAYED", 3)
    script = Script("a")
    for number in range(5):
        script.prober.relay(ProbeRequest(number, "a"), ORIGIN, 0)
    answers = [script.answer(sequence, "a") for sequence, _ in script.probes]
    assert answers == [None, None, (ORIGIN, 2), (ORIGIN, 3), (ORIGIN, 4)]


# Witnesses and their testimony.


def test_only_the_target_or_who_was_asked_can_answer() -> None:
    script = Script(*NAMES)
    target, asked = script.to_indirect()
    others = {*NAMES} - {target, *asked}
    for stranger in sorted(others):
        script.answer(script.probes[0][0], stranger)
    script.wait(script.now + TIMING.probe_interval)
    assert script.suspicion(target).accusers.keys() == {"me"}


def test_the_answer_of_another_boot_does_not_count() -> None:
    """Whoever has the name now does not prove that the one of this boot is there."""
    script = Script("a")
    script.answer(script.to_first_probe(), "a", WALL + 1)
    script.wait(script.now + TIMING.probe_interval)
    assert script.states() == {State.SUSPECT}
    assert len(script.membership.rtt) == 0


def test_the_answer_of_another_boot_is_not_passed_on() -> None:
    script = Script("a")
    script.prober.relay(ProbeRequest(77, "a"), ORIGIN, 0)
    ((sequence, _),) = script.probes
    assert script.answer(sequence, "a", WALL + 1) is None
    assert script.answer(sequence, "b") is None
    assert script.answer(sequence, "a") == (ORIGIN, 77)


def test_when_all_witnesses_were_silent_the_verdict_falls_early() -> None:
    """Ours: nobody is left who could bring an answer."""
    script = Script(*NAMES)
    target, asked = script.to_indirect()
    for witness in asked[:-1]:
        script.nack(witness, target)
    assert script.states() == {State.ALIVE}
    script.nack(asked[-1], target)
    assert script.suspicion(target).accusers.keys() == {"me", *asked}
    assert script.membership.health.score == 0  # all have helped


def test_testimony_counts_only_with_the_signature_of_who_gives_it() -> None:
    script = Script(*NAMES)
    target, asked = script.to_indirect()
    script.nack(asked[0], target)
    lie = accused(claim(target, address=where(target)), asked[0]).proof
    for liar in asked[1:]:
        script.prober.silent(Nack(script.probes[0][0], 0, lie), liar, script.now)
    assert script.suspicion(target).accusers.keys() == {"me", asked[0]}
    assert script.membership.unattributed == 2


def test_a_nack_from_who_was_not_asked_or_of_the_suspect_itself_is_nothing() -> None:
    script = Script(*NAMES)
    target, asked = script.to_indirect()
    for other in sorted({*NAMES} - {*asked}):
        script.nack(other, target)
        script.nack(other, target, number=12345)
    assert script.states() == {State.ALIVE}


def test_who_gets_neither_answers_nor_nacks_finds_itself_slow() -> None:
    """Lifeguard, IV.A: each missed nack raises the multiplier."""
    script = Script(*NAMES)
    target, asked = script.to_indirect()
    script.nack(asked[0], target)
    script.wait(script.now + TIMING.probe_interval)
    assert script.membership.health.score == len(asked) - 1 == 2


def test_who_finds_itself_slow_asks_more_seldom_and_waits_longer() -> None:
    script = Script(*NAMES)
    script.membership.health.worse(3)
    sequence = script.to_first_probe()
    sent = script.now
    script.wait(sent + 4 * TIMING.probe_timeout - SECOND // 50)
    assert script.requests == []
    script.wait(sent + 4 * TIMING.probe_timeout)
    assert len(script.requests) == 3
    script.answer(sequence, script.probes[0][1])
    assert script.membership.health.score == 2


def test_a_late_verdict_is_void() -> None:
    script = Script(*NAMES)
    target, _ = script.to_indirect()
    script.oversleep(script.now + 5 * SECOND)
    assert script.membership.suspicion(target) is None
    assert script.membership.health.score >= 1


def test_a_verdict_about_another_boot_is_void() -> None:
    script = Script(*NAMES)
    target, _ = script.to_indirect()
    script.membership.apply(claim(target, epoch=WALL + 1, address=where(target)), script.now)
    script.wait(script.now + SECOND // 2 - SECOND // 50)
    assert script.membership.suspicion(target) is None


# Refusals.


def test_a_refusal_asks_others_at_once_and_is_no_verdict() -> None:
    script = Script(*NAMES)
    sequence = script.to_first_probe()
    target = script.probes[0][1]
    script.refuse(sequence)
    assert [message for _, message in script.requests] == [ProbeRequest(sequence, target)] * 3
    assert script.states() == {State.ALIVE}
    script.refuse(sequence)
    assert len(script.requests) == 3


def test_several_refused_witnesses_end_the_wait() -> None:
    script = Script(*NAMES)
    script.refuse(script.to_first_probe())
    target = script.probes[0][1]
    by_address = {where(name): name for name in NAMES}
    for to, _ in list(script.requests):
        script.nack(by_address[to], target, refused=True)
    script.wait(script.now)
    known = script.membership.get(target)
    assert known is not None
    assert known.state is State.FAILED


def test_refusals_that_are_turned_off_are_nothing() -> None:
    script = Script(*NAMES, timing=replace(TIMING, refusals=0))
    script.refuse(script.to_first_probe())
    assert script.requests == []


def test_a_relay_that_is_refused_says_so_at_once() -> None:
    script = Script("a", "b")
    script.prober.relay(ProbeRequest(77, "a"), ORIGIN, 0)
    script.refuse(script.probes[0][0])
    ((to, nack),) = script.requests
    assert isinstance(nack, Nack)
    assert (to, nack.sequence, nack.refused) == (ORIGIN, 77, 1)
    said = accused(claim("a", address=where("a")), "me", refused=True)
    assert is_proven(said._replace(proof=nack.proof), identity("me").key)


# For others.


def test_a_relay_says_after_80_percent_of_its_time_that_there_was_no_answer() -> None:
    """Lifeguard, IV.A: nacks after 80 % of the time-out."""
    script = Script("a", "b")
    script.timers.stop("probe")
    script.prober.relay(ProbeRequest(77, "a"), ORIGIN, 0)
    script.wait(TIMING.probe_timeout * 4 // 5 - 1)
    assert script.requests == []
    script.wait(TIMING.probe_timeout * 4 // 5)
    ((to, nack),) = script.requests
    assert isinstance(nack, Nack)
    assert (to, nack.sequence, nack.refused) == (ORIGIN, 77, 0)
    said = accused(claim("a", address=where("a")), "me")._replace(proof=nack.proof)
    assert is_proven(said, identity("me").key)
    assert script.answer(script.probes[0][0], "a") is None


def test_a_relay_that_slept_says_nothing() -> None:
    script = Script("a", "b")
    script.timers.stop("probe")
    script.prober.relay(ProbeRequest(77, "a"), ORIGIN, 0)
    script.oversleep(10 * SECOND)
    assert script.requests == []
    assert script.prober._relayed == {}


def test_a_relay_that_brings_an_answer_sends_no_nack() -> None:
    script = Script("a", "b")
    script.timers.stop("probe")
    script.prober.relay(ProbeRequest(77, "a"), ORIGIN, 0)
    script.answer(script.probes[0][0], "a")
    script.wait(2 * SECOND)
    assert script.requests == []


def test_a_relay_tells_of_a_goodbye_instead_of_asking() -> None:
    script = Script("a", "b")
    script.membership.apply(claim("a", state=State.LEFT), 0)
    script.prober.relay(ProbeRequest(77, "a"), ORIGIN, 0)
    assert script.probes == []
    assert script.told == [(ORIGIN, claim("a", state=State.LEFT))]


# A suspect.


def suspecting(script: Script) -> str:
    """Whom the script accuses, all witnesses having been silent."""
    target, asked = script.to_indirect()
    script.probes = script.probes[:1]
    for witness in asked:
        script.nack(witness, target)
    return target


def test_a_suspect_is_pressed_until_it_refutes() -> None:
    script = Script(*NAMES)
    target = suspecting(script)
    for _ in range(3):
        before = len([1 for _, name in script.probes if name == target])
        script.wait(script.now + 2 * TIMING.gossip_interval)
        assert len([1 for _, name in script.probes if name == target]) > before
    word = claim(target, incarnation=1, address=where(target))
    script.membership.apply(word, script.now)
    script.wait(script.now + TIMING.probe_interval)
    assert ("press", target) not in script.timers


def test_further_witnesses_are_asked_who_do_not_accuse_yet_and_are_told_of_whom() -> None:
    script = Script(*NAMES)
    target, asked = script.to_indirect()
    script.wait(script.now + TIMING.probe_interval // 2)
    suspicion = script.suspicion(target)
    assert suspicion.accusers.keys() == {"me"}
    inquiries = [(to, m) for to, m in script.requests[len(asked) :] if isinstance(m, ProbeRequest)]
    assert {m.target for _, m in inquiries} == {target}
    assert len(inquiries) == TIMING.witnesses
    assert {about.state for _, about in script.told} == {State.SUSPECT}
    to, request = inquiries[0]
    witness = next(name for name in NAMES if where(name) == to)
    script.nack(witness, target, number=request.sequence)
    assert suspicion.accusers.keys() == {"me", witness}


def test_when_enough_accuse_nobody_else_is_asked() -> None:
    script = Script(*NAMES)
    suspecting(script)
    asked = len(script.requests)
    script.wait(script.now + TIMING.gossip_interval)
    assert len(script.requests) == asked


def test_without_witnesses_a_suspect_is_left_alone_as_swim_has_it() -> None:
    script = Script(*NAMES, timing=Timing.swim())
    target, asked = script.to_indirect()
    for witness in asked:
        script.nack(witness, target)
    assert script.states() == {State.ALIVE}
    script.wait(script.now + SECOND)
    assert script.suspicion(target).accusers.keys() == {"me"}
    assert ("press", target) not in script.timers


def test_questions_about_suspects_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_INQUIRIES", 3)
    script = Script(*NAMES)
    suspecting(script)
    script.wait(script.now + SECOND)
    assert len(script.prober._inquiries) <= 3


# A name that two claim.


def test_a_contested_name_goes_to_who_answers_for_it_at_its_address() -> None:
    script = Script("a", "b")
    heir = claim("a", epoch=WALL + 5, holder="heir", address=where("a"))
    script.membership.apply(heir, 0)
    ((sequence, target),) = script.probes
    assert target == "a"
    script.membership.apply(heir, 0)
    assert len(script.probes) == 1  # one question at a time
    script.answer(sequence, "a", heir.epoch)
    assert script.membership.get("a") == heir


@pytest.mark.parametrize(
    ("sender", "epoch", "source"),
    [("a", WALL, "a"), ("a", WALL + 5, "xx"), ("b", WALL + 5, "a"), ("a", WALL + 6, "a")],
)
def test_a_contested_name_stays_where_it_is_otherwise(sender: str, epoch: int, source: str) -> None:
    script = Script("a", "b")
    script.membership.apply(claim("a", epoch=WALL + 5, holder="heir", address=where("a")), 0)
    ((sequence, _),) = script.probes
    script.prober.acknowledged(sequence, sender, epoch, where(source), 0)
    assert script.membership.get("a") == claim("a", address=where("a"))


def test_disputes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHALLENGES", 2)
    script = Script(*NAMES)
    for name in NAMES:
        script.membership.apply(claim(name, epoch=WALL + 5, holder="heir"), 0)
    assert len(script.prober._challenges) == 2
