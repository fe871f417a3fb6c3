"""One test per claim of the SWIM and Lifeguard papers, played on whole peers; sections named.

What is a rule of one module is tested beside that module: the order of turns (SWIM 4.3) in
`test_turns`, the curve of time-outs (Lifeguard IV.B) in `test_suspicion`, nacks and the score
(Lifeguard IV.A) in `test_witnesses` and `test_health`.
"""

from __future__ import annotations

import pytest

from gossip import Timing
from gossip.messages import Nack, ProbeRequest
from tests.gossip.conversation import SECOND, Conversation, where


def formed(count: int, timing: Timing | None = None, seed: int = 1) -> Conversation:
    talk = Conversation(timing=timing, seed=seed)
    talk.cluster(count)
    talk.run(5)
    return talk


@pytest.mark.parametrize("timing", [Timing.lan(), Timing.swim(), Timing.lifeguard()])
def test_swim_3_1_every_crash_is_detected_by_every_survivor(timing: Timing) -> None:
    """SWIM, section 3.1 and 4.3: strong completeness, within a bound."""
    talk = formed(6, timing)
    talk.kill("n3")
    bound = (2 * 5 - 1) + timing.suspicion_timeout(6, 1) / SECOND + 4
    talk.until(lambda: len(talk.told("MemberFailed", "n3")) == 5, bound)


def test_swim_3_1_an_answer_through_others_saves_a_member_whose_link_is_bad() -> None:
    """SWIM, section 3.1: indirect probes tell a bad path from a dead member."""
    talk = formed(5)
    talk.listening = True
    talk.blocked = lambda a, b: {a, b} == {where("n1"), where("n2")}
    talk.run(30)
    assert any(isinstance(message, ProbeRequest) for _, message in talk.overheard())
    assert talk.told("MemberFailed") == []


def test_swim_3_2_the_load_of_a_member_does_not_grow_with_the_cluster() -> None:
    """SWIM, section 3.2: a constant number of messages per member and period."""
    rates = []
    for count in (4, 16):
        talk = formed(count)
        before = talk.sent
        talk.run(30)
        rates.append((talk.sent - before) / 30 / count)
    assert rates[1] == pytest.approx(rates[0], rel=0.15)
    assert max(rates) <= 2.5


def test_swim_4_2_a_suspect_that_is_there_refutes_and_is_not_failed() -> None:
    """SWIM, section 4.2: suspicion, and refutation by a greater incarnation."""
    talk = formed(5)
    talk.blocked = lambda a, b: where("n2") in (a, b)
    talk.until(lambda: bool(talk.told("MemberSuspected", "n2")), 10)
    talk.heal()
    talk.until(talk.settled, 10)
    assert talk.told("MemberFailed", "n2") == []
    (n2,) = {m.incarnation for p in talk.peers.values() for m in p.members() if m.name == "n2"}
    assert n2 >= 1


def test_lifeguard_iv_a_who_is_cut_off_gets_slower_and_fails_others_later() -> None:
    """Lifeguard, section IV.A: without nacks the fault may be our own."""
    talk = formed(5, Timing.lifeguard())
    talk.cut(["n0"], ["n1", "n2", "n3", "n4"])
    talk.run(10)
    assert talk.peers["n0"]._membership.health.factor > 4
    assert talk.peers["n1"]._membership.health.factor <= 4


def test_lifeguard_iv_a_witnesses_send_nacks() -> None:
    """Lifeguard, section IV.A."""
    talk = formed(6, Timing.lifeguard())
    talk.listening = True
    talk.kill("n3")
    talk.run(8)
    assert any(isinstance(message, Nack) for _, message in talk.overheard())


def test_lifeguard_iv_b_several_accusers_fail_sooner_than_one() -> None:
    """Lifeguard, section IV.B: with confirmations the time falls far below the longest."""
    timing = Timing.lifeguard()
    talk = formed(8, timing)
    talk.kill("n3")
    talk.until(lambda: bool(talk.told("MemberFailed", "n3")), 60)
    first = min(at for at, *_ in talk.told("MemberSuspected", "n3"))
    failed = min(at for at, *_ in talk.told("MemberFailed", "n3"))
    least, most = (timing.suspicion_timeout(8, n) / SECOND for n in (9, 1))
    assert least <= failed - first + 1e-6 < most / 2
