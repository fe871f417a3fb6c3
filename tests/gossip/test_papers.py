"""One test per claim of the SWIM paper (2002) and of the Lifeguard paper (2017), with its section.

They are played with the constants of the papers, `Timing.swim()` and `Timing.lifeguard()`, in which
nothing of ours is on: what we do otherwise is tested where it is done.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import e, log, log10

import pytest

from gossip import Timing
from gossip.member import State
from gossip.wire.messages import Ack, Claims, Message, Nack, Probe, ProbeRequest, decode_datagram
from tests.gossip.conversation import SECOND, WALL, Conversation, accused, claim, where
from tests.gossip.script import NAMES, ORIGIN, Script
from tests.gossip.table import CROWD, Table, bob, my

ALIVE, SUSPECT, FAILED, LEFT = State
SWIM, LIFEGUARD = Timing.swim(), Timing.lifeguard()
PERIOD, WAIT = SWIM.probe_interval, SWIM.probe_timeout


def formed(count: int, timing: Timing = SWIM, seed: int = 1) -> Conversation:
    talk = Conversation(timing=timing, seed=seed)
    talk.cluster(count)
    talk.run(30)  # until the news of that has gone round
    talk.listening = True
    return talk


def datagrams(talk: Conversation) -> list[list[Message]]:
    """What was sent, datagram by datagram."""
    channel = talk.puppet("reader").channel
    return [decode_datagram(channel.open(datagram))[2] for datagram in talk.wire]


# SWIM, section 3.1: the failure detector.


def test_swim_3_1_each_member_pings_one_other_in_each_period() -> None:
    talk = formed(5)
    talk.run(30)
    pings = Counter(who for who, message in talk.overheard() if isinstance(message, Probe))
    assert all(29 <= pings[name] <= 31 for name in talk.peers)
    assert not any(isinstance(message, ProbeRequest) for _, message in talk.overheard())


def test_swim_3_1_without_an_answer_in_time_k_others_are_asked() -> None:
    script = Script(*NAMES, timing=SWIM)
    script.to_first_probe()
    script.wait(script.now + WAIT - SECOND // 100)
    assert script.requests == []
    script.wait(script.now + SECOND // 50)
    assert len({to for to, _ in script.requests}) == SWIM.indirect_probes == 3
    assert where(script.probes[0][1]) not in {to for to, _ in script.requests}


def test_swim_3_1_who_is_asked_pings_and_passes_the_answer_on() -> None:
    script = Script("a", timing=SWIM)
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
    ((number, target),) = script.probes
    assert (target, script.answer(number, "a")) == ("a", (ORIGIN, 77))


def test_swim_3_1_an_answer_through_others_saves_a_member_whose_link_is_bad() -> None:
    """Indirect probes tell a bad path from a dead member."""
    talk = formed(5)
    talk.blocked = lambda a, b: {a, b} == {where("n1"), where("n2")}
    talk.run(30)
    assert any(isinstance(message, ProbeRequest) for _, message in talk.overheard())
    assert talk.told("MemberSuspected") == talk.told("MemberFailed") == []


def test_swim_3_1_the_period_decides_and_not_before_its_end() -> None:
    script = Script(*NAMES, timing=SWIM)
    script.to_first_probe()
    began = script.now // (SECOND // 100) * (SECOND // 100)
    script.wait(began + PERIOD - SECOND // 50)
    assert script.states() == {ALIVE}
    script.wait(began + PERIOD + SECOND // 50)
    assert SUSPECT in script.states()


def test_swim_3_1_an_answer_to_the_ping_of_another_period_is_none() -> None:
    script = Script("a", timing=SWIM)
    first = script.to_first_probe()
    script.answer(first, "a")
    while len(script.probes) == 1:
        script.wait(script.now + SECOND // 100)
    script.answer(first, "a")
    script.wait(script.now + PERIOD)
    assert script.states() == {SUSPECT}


def test_swim_3_1_a_period_is_longer_than_a_round_trip_may_take() -> None:
    with pytest.raises(ValueError, match="shorter than probe_interval"):
        Timing(probe_interval=WAIT, probe_timeout=WAIT)


@pytest.mark.parametrize("timing", [Timing.lan(), SWIM, LIFEGUARD])
def test_swim_3_1_every_crash_is_detected_by_every_survivor(timing: Timing) -> None:
    """Strong completeness, within the bound of section 4.3."""
    talk = formed(6, timing)
    talk.kill("n3")
    bound = (2 * 5 - 1) + timing.suspicion_timeout(6, 1) / SECOND + 4
    talk.until(lambda: len(talk.told("MemberFailed", "n3")) == 5, bound)


def test_swim_3_1_somebody_pings_the_dead_within_few_periods_on_average() -> None:
    """Within e / (e - 1) of them, about 1.6, whatever the size."""
    waited = []
    for seed in range(6):
        talk = formed(6, seed=seed)
        at, talk.wire = talk.now, []
        talk.kill("n3")
        while not any(isinstance(m, Probe) and m.target == "n3" for _, m in talk.overheard()):
            talk.run(0.05)
        waited.append((talk.now - at) / PERIOD)
    assert sum(waited) / len(waited) < e / (e - 1)


def test_swim_3_2_the_load_of_a_member_does_not_grow_with_the_cluster() -> None:
    """A constant number of messages per member and period."""
    rates = []
    for count in (4, 16):
        talk = formed(count)
        before = talk.sent
        talk.run(30)
        rates.append((talk.sent - before) / 30 / count)
    assert rates[1] == pytest.approx(rates[0], rel=0.15)
    assert max(rates) <= 2.5


# SWIM, section 4.1: dissemination.


def test_swim_4_1_news_rides_on_pings_and_answers() -> None:
    """With a gossip tick of its own that never comes: what is left is what the paper has."""
    talk = formed(5, replace(SWIM, gossip_interval=10_000 * SECOND))
    talk.wire = []
    talk.leave(talk.peers["n3"])
    talk.run(20)
    carriers = {
        type(message)
        for messages in datagrams(talk)
        if any(isinstance(message, Claims) for message in messages)
        for message in messages
    }
    assert carriers >= {Probe, Ack}
    assert all(view["n3"] == "left" for name, view in talk.views().items() if name != "n3")


@pytest.mark.parametrize(("members", "times"), [(8, 4), (99, 8), (999, 12)])
def test_swim_4_1_each_piece_of_news_is_sent_a_number_of_times_that_grows_with_log_n(
    members: int, times: int
) -> None:
    limit = SWIM.retransmits(members)
    assert limit == times
    table = Table(timing=SWIM)
    table.hear(bob())
    sent = [table.rumors.take(10_000, limit) for _ in range(times + 1)]
    assert [len(claims) for claims in sent] == [1] * times + [0]


def test_swim_4_1_what_was_sent_least_goes_first() -> None:
    table = Table(timing=SWIM)
    table.hear(bob())
    (old,) = table.rumors.take(10_000, 9)
    table.hear(claim("new"))
    (first,) = table.rumors.take(len(old) + 8, 9)
    assert first != old


# SWIM, section 4.2: suspicion.


def test_swim_4_2_nobody_is_failed_who_was_not_suspected_for_a_while() -> None:
    talk = formed(5)
    talk.kill("n2")
    talk.until(lambda: len(talk.told("MemberFailed", "n2")) == 4, 30)
    first = min(at for at, *_ in talk.told("MemberSuspected", "n2"))
    failed = min(at for at, *_ in talk.told("MemberFailed", "n2"))
    assert failed - first >= SWIM.suspicion_timeout(5) / SECOND - 1e-6


def test_swim_4_2_a_suspect_that_is_there_refutes_and_is_not_failed() -> None:
    talk = formed(5)
    talk.blocked = lambda a, b: where("n2") in (a, b)
    talk.until(lambda: bool(talk.told("MemberSuspected", "n2")), 10)
    talk.heal()
    talk.until(talk.settled, 10)
    assert talk.told("MemberFailed", "n2") == []
    (n2,) = {m.incarnation for p in talk.peers.values() for m in p.members() if m.name == "n2"}
    assert n2 >= 1


def test_swim_4_2_only_a_member_itself_raises_its_incarnation() -> None:
    table = Table(timing=SWIM)
    table.hear(bob(), bob(SUSPECT), my(state=SUSPECT))
    known = table.get("bob")
    assert (known and known.incarnation, table.me.incarnation) == (0, 1)


@pytest.mark.parametrize(
    ("known", "news", "believed"),
    [
        ((SUSPECT, 1), (ALIVE, 2), ALIVE),  # alive, with any greater incarnation
        ((SUSPECT, 1), (ALIVE, 1), SUSPECT),
        ((ALIVE, 2), (SUSPECT, 2), SUSPECT),  # suspect, with the same or a greater one
        ((ALIVE, 2), (SUSPECT, 1), ALIVE),
        ((SUSPECT, 1), (SUSPECT, 2), SUSPECT),
        ((ALIVE, 2), (FAILED, 2), FAILED),  # confirm
        ((SUSPECT, 2), (FAILED, 2), FAILED),
        ((FAILED, 2), (SUSPECT, 2), FAILED),
        ((FAILED, 2), (ALIVE, 2), FAILED),
    ],
)
def test_swim_4_2_what_overrides_what(
    known: tuple[State, int], news: tuple[State, int], believed: State
) -> None:
    """Ours differs in one case: a member that was failed wrongly comes back, with a greater one."""
    table = Table(timing=SWIM)
    table.hear(bob(*known), bob(*news))
    found = table.get("bob")
    assert found is not None
    assert found.state is believed
    assert found.incarnation == max(known[1], news[1])


# SWIM, section 4.3: round-robin probe target selection.


def passes(count: int) -> list[list[str]]:
    """Whom a member pings, pass by pass, while all answer."""
    script = Script(*NAMES, timing=SWIM)
    script.to_first_probe()
    while len(script.probes) <= count * len(NAMES):
        script.answer(*script.probes[-1])
        script.wait(script.now + PERIOD // 10)
    targets = [name for _, name in script.probes]
    return [targets[at : at + len(NAMES)] for at in range(0, count * len(NAMES), len(NAMES))]


def test_swim_4_3_all_are_pinged_once_in_each_pass_in_an_order_that_changes() -> None:
    made = passes(4)
    assert all(sorted(each) == [*NAMES] for each in made)
    assert len({tuple(each) for each in made}) == 4


def test_swim_4_3_a_newcomer_is_put_in_at_random() -> None:
    places = set()
    for number in range(12):
        script = Script(*NAMES, timing=SWIM)
        script.prober._random.seed(number)
        script.prober.turns.next()
        script.membership.apply(claim(f"new {number}", address=where("new")), 0)
        rest = [script.prober.turns.next() for _ in NAMES]
        places.add(next(at for at, each in enumerate(rest) if each and "new" in each.name))
    assert len(places) > 3


# Lifeguard, section IV.A: local health aware probes.


def test_lifeguard_iv_a_a_member_that_is_unwell_asks_more_seldom_and_waits_longer() -> None:
    script = Script(*NAMES, timing=LIFEGUARD)
    script.membership.health.worse(3)
    script.to_first_probe()
    began = script.now
    script.wait(began + 4 * WAIT - SECOND // 20)
    assert script.requests == []
    script.wait(began + 4 * WAIT)
    assert len(script.requests) == 3
    script.wait(began + 4 * PERIOD - SECOND // 20)
    assert len(script.probes) == 1
    script.wait(began + 4 * PERIOD)
    assert len(script.probes) == 2


def test_lifeguard_iv_a_an_answer_makes_it_better() -> None:
    script = Script(*NAMES, timing=LIFEGUARD)
    script.membership.health.worse(3)
    script.answer(script.to_first_probe(), script.probes[0][1])
    assert script.membership.health.score == 2


@pytest.mark.parametrize(("nacks", "score"), [(3, 0), (2, 1), (0, 3)])
def test_lifeguard_iv_a_each_missing_nack_makes_it_worse(nacks: int, score: int) -> None:
    script = Script(*NAMES, timing=LIFEGUARD)
    target, asked = script.to_indirect()
    for witness in asked[:nacks]:
        script.nack(witness, target)
    script.wait(script.now + PERIOD - WAIT)
    assert script.states() >= {SUSPECT}
    assert script.membership.health.score == score


def test_lifeguard_iv_a_a_probe_that_fails_with_nobody_to_ask_makes_it_worse() -> None:
    script = Script("a", timing=LIFEGUARD)
    script.to_first_probe()
    script.wait(script.now + PERIOD)
    assert script.membership.health.score == 1


def test_lifeguard_iv_a_having_to_refute_makes_it_worse() -> None:
    table = Table(timing=LIFEGUARD)
    table.hear(my(state=SUSPECT))
    assert table.health.score == 1


def test_lifeguard_iv_a_the_score_ends_at_s() -> None:
    table = Table(timing=LIFEGUARD)
    for _ in range(20):
        table.health.worse()
    assert table.health.factor == LIFEGUARD.health_max == 8


def test_lifeguard_iv_a_who_is_asked_says_after_80_percent_that_there_was_no_answer() -> None:
    script = Script("a", timing=LIFEGUARD)
    script.prober.relay(ProbeRequest(77, "a", WALL), ORIGIN, 0)
    script.wait(4 * WAIT // 5 - SECOND // 100)
    assert not any(isinstance(message, Nack) for _, message in script.requests)
    script.wait(4 * WAIT // 5)
    ((to, nack),) = script.requests
    assert isinstance(nack, Nack)
    assert (to, nack.sequence) == (ORIGIN, 77)


def test_lifeguard_iv_a_who_is_cut_off_gets_slower_and_the_others_do_not() -> None:
    talk = formed(5, LIFEGUARD)
    talk.cut(["n0"], ["n1", "n2", "n3", "n4"])
    talk.run(10)
    factors = {name: peer._membership.health.factor for name, peer in talk.peers.items()}
    assert factors.pop("n0") > 4
    assert max(factors.values()) <= 2


# Lifeguard, section IV.B: local health aware suspicion.


@pytest.mark.parametrize("members", [5, 100, 1000])
def test_lifeguard_iv_b_the_least_time_grows_with_log_n_and_the_longest_is_a_multiple(
    members: int,
) -> None:
    least = LIFEGUARD.suspicion_mult * max(1.0, log10(members)) * PERIOD
    assert LIFEGUARD.suspicion_timeout(members, 99) == pytest.approx(least)
    assert LIFEGUARD.suspicion_timeout(members, 1) == pytest.approx(6 * least)


def test_lifeguard_iv_b_each_independent_accuser_brings_the_time_down_by_the_logarithm() -> None:
    """Max - (Max - Min) log(C + 1) / log(K + 1), of C accusers after the first."""
    table = Table(timing=LIFEGUARD)
    table.hear(bob())
    least, most = (LIFEGUARD.suspicion_timeout(6, n) for n in (9, 1))
    for more, by in enumerate(CROWD):
        table.hear(accused(bob(), by))
        table.hear(accused(bob(), by))  # the same one is not independent
        expected = most - (most - least) * log(more + 1) / log(LIFEGUARD.confirmations + 1)
        assert table.clock.next == pytest.approx(expected)
    assert table.clock.next == pytest.approx(least)


def test_lifeguard_iv_b_the_first_k_confirmations_are_passed_on_and_no_more() -> None:
    crowd = (*CROWD, "tom", "eve", "pat")
    table = Table(timing=LIFEGUARD, known=crowd)
    table.hear(bob())
    table.news()
    for by in crowd:
        table.hear(accused(bob(), by))
    assert len(table.news()) == LIFEGUARD.confirmations + 1


def test_lifeguard_iv_b_several_accusers_fail_sooner_than_one() -> None:
    talk = formed(8, LIFEGUARD)
    talk.kill("n3")
    talk.until(lambda: bool(talk.told("MemberFailed", "n3")), 60)
    first = min(at for at, *_ in talk.told("MemberSuspected", "n3"))
    failed = min(at for at, *_ in talk.told("MemberFailed", "n3"))
    least, most = (LIFEGUARD.suspicion_timeout(8, n) / SECOND for n in (9, 1))
    assert least <= failed - first + 1e-6 < most / 2


# Lifeguard, section IV.C: the buddy system.


def test_lifeguard_iv_c_a_suspect_hears_of_it_with_the_next_ping() -> None:
    talk = Conversation(timing=LIFEGUARD)
    peer = talk.peer("n0")
    suspect, accuser = talk.friend(peer, "suspect"), talk.friend(peer, "accuser")
    talk.run(5)
    accuser.says(peer, Claims((accuser.accuses(suspect.claim),)))
    talk.run(10)  # until that is no news any more
    talk.listening = True
    talk.run(10)
    told = [
        any(isinstance(each, Claims) for each in messages)
        for messages in datagrams(talk)
        if any(isinstance(each, Probe) and each.target == "suspect" for each in messages)
    ]
    assert len(told) >= 3
    assert all(told)
    assert not peer._membership.rumors
