"""Are you there? One probe per interval, everybody in turn, for oneself and for others."""

from __future__ import annotations

import pytest

from gossip.member import State
from gossip.probing import prober as module
from gossip.wire.messages import ProbeRequest
from tests.gossip.conversation import SECOND, WALL, claim, where
from tests.gossip.script import NAMES, ORIGIN, TIMING, Script


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
    assert [message for _, message in script.requests] == [ProbeRequest(sequence, target, WALL)] * 3
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
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
    ((sequence, target),) = script.probes
    assert target == "a"
    assert sequence != 77
    assert script.answer(sequence, "a") == (ORIGIN, 77)
    assert script.answer(sequence, "a") is None


def test_a_stranger_is_not_probed_for_anybody() -> None:
    script = Script("a")
    script.prober.relay(ProbeRequest(77, "stranger", WALL), ORIGIN, 0)
    assert script.probes == []


def test_relayed_probes_are_bounded_and_the_oldest_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_RELAYED", 3)
    script = Script("a")
    for number in range(1, 6):
        script.prober.relay(ProbeRequest(number, "a", WALL), ORIGIN, 0)
    answers = [script.answer(sequence, "a") for sequence, _ in script.probes]
    assert answers == [None, None, (ORIGIN, 3), (ORIGIN, 4), (ORIGIN, 5)]


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
    ("sender", "epoch", "wrong"),
    [("a", WALL, 0), ("a", WALL + 5, 1), ("b", WALL + 5, 0), ("a", WALL + 6, 0)],
)
def test_a_contested_name_stays_where_it_is_otherwise(sender: str, epoch: int, wrong: int) -> None:
    script = Script("a", "b")
    script.membership.apply(claim("a", epoch=WALL + 5, holder="heir", address=where("a")), 0)
    ((sequence, _),) = script.probes
    script.prober.acknowledged(sequence + wrong, sender, epoch, 0)
    assert script.membership.get("a") == claim("a", address=where("a"))


def test_disputes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CHALLENGES", 2)
    script = Script(*NAMES)
    for name in NAMES:
        script.membership.apply(claim(name, epoch=WALL + 5, holder="heir"), 0)
    assert len(script.prober._challenges) == 2
