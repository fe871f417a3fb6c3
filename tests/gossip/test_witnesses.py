"""Witnesses before an accusation: whose testimony counts, what hosts say, and how one is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gossip import Timing
from gossip.identity import is_proven
from gossip.member import State
from gossip.probing import prober as module
from gossip.wire.messages import Nack, ProbeRequest
from tests.gossip.conversation import SECOND, WALL, accused, claim, identity, where
from tests.gossip.script import NAMES, ORIGIN, TIMING, Script

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
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
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
    assert script.membership.suspicions.get(target) is None
    assert script.membership.health.score >= 1


def test_a_verdict_about_another_boot_is_void() -> None:
    script = Script(*NAMES)
    target, _ = script.to_indirect()
    script.membership.apply(claim(target, epoch=WALL + 1, address=where(target)), script.now)
    script.wait(script.now + SECOND // 2 - SECOND // 50)
    assert script.membership.suspicions.get(target) is None


# Refusals.


def test_a_refusal_asks_others_at_once_and_is_no_verdict() -> None:
    script = Script(*NAMES)
    sequence = script.to_first_probe()
    target = script.probes[0][1]
    script.refuse(sequence)
    assert [message for _, message in script.requests] == [ProbeRequest(sequence, target, WALL)] * 3
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
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
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
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
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
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
    script.oversleep(10 * SECOND)
    assert script.requests == []
    assert script.prober._relayed == {}


def test_a_relay_that_brings_an_answer_sends_no_nack() -> None:
    script = Script("a", "b")
    script.timers.stop("probe")
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
    script.answer(script.probes[0][0], "a")
    script.wait(2 * SECOND)
    assert script.requests == []


def test_a_relay_tells_of_a_goodbye_instead_of_asking() -> None:
    script = Script("a", "b")
    script.membership.apply(claim("a", state=State.LEFT), 0)
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
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
