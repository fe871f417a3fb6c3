"""Accusations in the table of members: who counts, how long a suspect has, whose verdict holds."""

from __future__ import annotations

import msgpack
import pytest

from gossip import Timing
from gossip.identity import is_proven
from gossip.member import Claim
from gossip.members.refutations import REFUTATIONS
from gossip.wire.claims import encode_claim
from gossip.wire.messages import decode_frame
from tests.gossip.conversation import SECOND, accused, claim, identity
from tests.gossip.table import (
    ALIVE,
    CROWD,
    FAILED,
    LAN,
    LEFT,
    LONG,
    SHORT,
    SUSPECT,
    Table,
    bob,
)


def test_an_accusation_that_is_not_its_accusers_is_counted_and_not_believed() -> None:
    table = Table()
    table.hear(bob())
    good = bob(SUSPECT)
    for forged in (
        good._replace(accuser="ann"),
        good._replace(proof=bytes(64)),
        good._replace(state=FAILED),
        accused(bob(incarnation=1), "sue")._replace(incarnation=0),
        accused(bob(), "nobody we know"),
    ):
        before = table.unattributed
        table.hear(forged)
        assert (table.state("bob"), table.unattributed) == (ALIVE, before + 1)
    assert table.suspicions.get("bob") is None


def test_who_accuses_us_without_end_does_not_make_us_talk_without_end() -> None:
    """Each refutation is news that everybody passes on at once."""
    table = Table()
    for tick in range(500):  # for ten seconds
        now = tick * SECOND // 50
        table.wait(now)
        table.hear(accused(table.me, "sue"), now=now)
    assert table.me.incarnation <= REFUTATIONS + 2 * 10 + 1
    table.wait(20 * SECOND)
    last = accused(table.me, "sue", FAILED)
    table.hear(last, now=20 * SECOND)
    assert table.me.order > last.order  # and whoever does so now and then is answered at once


def test_an_accusation_that_has_to_wait_is_answered_all_the_same() -> None:
    table = Table()
    for _ in range(REFUTATIONS + 1):
        table.hear(accused(table.me, "sue"))
    assert table.me.incarnation == REFUTATIONS
    table.wait(SECOND)
    assert table.me.incarnation == REFUTATIONS + 1


# Suspicion.


def accuse(table: Table, now: int, *, refused: bool = False) -> None:
    known = table.get("bob")
    assert known is not None
    table.accuse(known, now, refused=refused)


def test_a_suspect_is_failed_when_its_time_is_up_and_not_before() -> None:
    table = Table()
    table.hear(bob())
    accuse(table, 0)
    table.wait(LONG - 1)
    assert table.state("bob") is SUSPECT
    table.wait(LONG)
    assert table.state("bob") is FAILED
    assert table.events() == [("Joined", "bob"), ("Suspected", "bob"), ("Failed", "bob")]
    said = table.get("bob")
    assert said is not None
    assert said.accuser == "me"
    assert is_proven(said, identity("me").key)


@pytest.mark.parametrize("word", [bob(ALIVE, 1), bob(ALIVE, 0, 2), bob(LEFT)])
def test_a_suspect_that_speaks_in_time_is_not_failed(word: Claim) -> None:
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    table.hear(word, now=LONG - 1)
    table.wait(10 * LONG)
    assert table.state("bob") is word.state


def test_another_accuser_shortens_the_time_and_does_not_start_the_clock_again() -> None:
    """Lifeguard: the time counts from the first accusation, and the more accuse the less it is."""
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    table.hear(bob(SUSPECT, by="ann"), now=SHORT // 2)
    two = LAN.suspicion_timeout(6, 2)
    assert SHORT < two < LONG
    table.wait(two - 1)
    assert table.state("bob") is SUSPECT
    table.wait(two)
    assert table.state("bob") is FAILED


def test_the_same_accuser_again_changes_nothing() -> None:
    table = Table()
    table.hear(bob(), *[bob(SUSPECT)] * 9)
    accuse(table, 1)
    accuse(table, 2)
    table.wait(LAN.suspicion_timeout(6, 2) - 1)
    assert table.state("bob") is SUSPECT


def test_an_accusation_late_enough_to_be_one_too_many_ends_it_at_once() -> None:
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    table.hear(*(bob(SUSPECT, by=name) for name in ("ann", "joe", "kim")), now=SHORT + 1)
    table.wait(SHORT + 1)
    assert table.state("bob") is FAILED


def test_accusations_by_several_travel_side_by_side_up_to_as_many_as_matter() -> None:
    table = Table()
    table.hear(bob())
    table.news()
    for name in CROWD:
        table.hear(bob(SUSPECT, by=name))
    accuse(table, 0)
    assert len(table.news()) == LAN.confirmations + 1


def test_a_verdict_that_falls_late_is_void_and_the_suspect_gets_its_time_anew() -> None:
    """Who was not running cannot have heard a refutation."""
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    woken = 3 * LONG
    table.wait(woken)
    assert table.state("bob") is SUSPECT
    assert table.health.score >= 1
    table.wait(woken + LONG)
    assert table.state("bob") is FAILED


def behind(table: Table, now: int) -> None:
    """A timer fires so late."""
    table.health.woken(now - LAN.late - 1, now)


def test_who_is_behind_judges_nobody() -> None:
    """The refutation may be in the inbox: with each late wake-up the suspect's time begins anew."""
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    for turn in range(1, 9):
        behind(table, turn * LONG - SHORT)
        table.wait(turn * LONG)
        assert table.state("bob") is SUSPECT
    table.wait(9 * LONG)
    assert table.state("bob") is FAILED


def test_who_was_behind_and_was_answered_since_judges_as_usual() -> None:
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    behind(table, SHORT)
    table.health.better()
    table.wait(LONG)
    assert table.state("bob") is FAILED


def test_who_was_behind_before_there_was_a_suspect_judges_as_usual() -> None:
    table = Table()
    behind(table, SHORT)
    table.hear(bob(), bob(SUSPECT), now=2 * SHORT)
    table.wait(2 * SHORT + LONG)
    assert table.state("bob") is FAILED


def test_who_has_nobody_left_to_be_answered_by_judges_although_it_is_behind() -> None:
    """Or of two busy members, one would never be told that the other is gone."""
    table = Table(known=())
    table.hear(bob())
    accuse(table, 0)
    least = LAN.suspicion_timeout(2)
    behind(table, least // 2)
    table.wait(least)
    assert table.state("bob") is FAILED


def test_who_is_behind_believes_the_verdict_of_others() -> None:
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    behind(table, 1)
    table.hear(bob(FAILED, by="ann"), now=2)
    assert table.state("bob") is FAILED


def test_a_witness_accuses_with_his_own_signature() -> None:
    table = Table()
    table.hear(bob())
    table.testified(bob(), "sue", accused(bob(), "sue").proof, 0, refused=False)
    table.testified(bob(), "ann", accused(bob(), "sue").proof, 0, refused=False)
    table.testified(bob(), "joe", accused(bob(), "joe").proof, 0, refused=True)
    suspicion = table.suspicions.get("bob")
    assert suspicion is not None
    assert [*suspicion.accusers] == ["sue"]
    assert table.unattributed == 2


def test_our_testimony_is_good_for_whoever_knows_us() -> None:
    table = Table()
    table.hear(bob())
    for refused in (False, True):
        proof = table.testimony(bob(), refused=refused)
        said = bob()._replace(state=SUSPECT, accuser="me", refused=refused, proof=proof)
        assert is_proven(said, identity("me").key)
        assert not is_proven(said._replace(refused=not refused), identity("me").key)


# Verdicts of others.


def test_nobody_is_believed_alone_who_says_that_a_member_has_failed() -> None:
    """Ours: one member's word makes a suspect, with the time that one accuser gives."""
    table = Table()
    table.hear(bob(), bob(FAILED), bob(FAILED))
    assert table.state("bob") is SUSPECT
    assert table.events() == [("Joined", "bob"), ("Suspected", "bob")]
    table.wait(LONG - 1)
    assert table.state("bob") is SUSPECT


@pytest.mark.parametrize("second", [bob(SUSPECT, by="ann"), bob(FAILED, by="ann")])
@pytest.mark.parametrize("first", [bob(FAILED), bob(FAILED, by="joe")])
def test_a_verdict_counts_when_another_accuses_too(first: Claim, second: Claim) -> None:
    for order in ([first, second], [second, first]):
        table = Table()
        table.hear(bob(), *order)
        table.wait(0)
        assert table.state("bob") is FAILED


def test_our_own_suspicion_is_enough_beside_anothers_verdict() -> None:
    table = Table()
    table.hear(bob())
    accuse(table, 0)
    table.hear(bob(FAILED))
    assert table.state("bob") is FAILED


def test_where_nobody_else_could_accuse_a_verdict_counts_alone() -> None:
    table = Table(known=("sue",))
    table.hear(bob(), bob(FAILED))
    assert table.state("bob") is SUSPECT  # we could, and have not
    swim = Table(timing=Timing(verdicts=1))
    swim.hear(bob(), bob(FAILED))
    assert swim.state("bob") is FAILED


def test_a_verdict_about_another_incarnation_does_not_corroborate() -> None:
    table = Table()
    table.hear(bob(incarnation=3), bob(SUSPECT, 3, by="ann"), bob(FAILED, 2))
    assert table.state("bob") is SUSPECT
    suspicion = table.suspicions.get("bob")
    assert suspicion is not None
    assert [*suspicion.accusers] == ["ann"]


def test_with_a_verdict_goes_who_else_accused_so_that_others_believe_it() -> None:
    table, other = Table(), Table()
    for each in (table, other):
        each.hear(bob())
        each.hear(claim("me", epoch=1), hearsay=True)
    table.hear(bob(SUSPECT), bob(FAILED, by="ann"))
    frames = [encode_claim(c) for c in (bob(FAILED, by="ann"), bob(SUSPECT))]
    told = table.news()
    assert [frame for frame in told if frame in frames] == frames
    for encoded in told:
        fields = msgpack.unpackb(encoded, use_list=False)
        if fields[1] == "bob":
            other.hear(decode_frame((4, (fields,))).claims[0])  # type: ignore[union-attr]
    other.wait(0)
    assert other.state("bob") is FAILED


# Refusals.


def test_several_refused_witnesses_end_the_wait_and_one_does_not() -> None:
    table = Table()
    table.hear(bob())
    accuse(table, 0, refused=True)
    table.hear(accused(bob(), "sue", refused=True))
    table.wait(0)
    assert table.state("bob") is SUSPECT
    table.hear(accused(bob(), "ann", refused=True))
    table.wait(0)
    assert table.state("bob") is FAILED


# Hearsay.


def test_hearsay_of_a_failure_only_makes_a_suspect() -> None:
    table = Table()
    table.hear(bob())
    table.hear(bob(FAILED), hearsay=True)
    assert table.state("bob") is SUSPECT
    table.hear(bob(FAILED), bob(FAILED, by="ann"), now=1, hearsay=True)
    table.wait(LONG - 1)
    assert table.state("bob") is SUSPECT
    table.wait(LONG)
    assert table.state("bob") is FAILED


def test_hearsay_is_no_further_accusation() -> None:
    """A table tells old beliefs again: it does not hurry anything."""
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    table.hear(*(bob(SUSPECT, by=name) for name in CROWD), hearsay=True)
    suspicion = table.suspicions.get("bob")
    assert suspicion is not None
    assert [*suspicion.accusers] == ["sue"]


def test_hearsay_is_believed_about_strangers_who_run_and_about_goodbyes() -> None:
    table = Table()
    table.hear(claim("eve"), hearsay=True)
    table.hear(claim("eve", state=LEFT), hearsay=True)
    assert table.state("eve") is LEFT
    assert table.events() == [("Joined", "eve"), ("Left", "eve")]


def test_hearsay_does_not_bring_back_the_forgotten_dead() -> None:
    """Or each newcomer would be told of them, and tell those who had forgotten them."""
    table = Table()
    table.hear(bob(FAILED), claim("eve", state=LEFT), hearsay=True)
    assert table.get("bob") is None
    assert table.get("eve") is None


def test_what_was_heard_as_hearsay_is_no_news_unless_it_has_to_be_refuted() -> None:
    table = Table()
    table.hear(claim("eve"), bob(FAILED), hearsay=True)
    assert not table.rumors
    table.hear(bob(SUSPECT), hearsay=True)
    assert not table.rumors
    table.hear(bob(incarnation=1), hearsay=True)
    table.hear(bob(SUSPECT, 1), hearsay=True)
    assert len(table.rumors) == 1


def test_the_time_of_a_suspect_is_reckoned_by_how_many_there_are_when_it_is_up() -> None:
    """Who has just come knows few; the accused would have a fraction of its time."""
    table = Table(known=())
    table.hear(bob(), accused(bob(), "me"))
    table.hear(*(claim(name, epoch=1) for name in CROWD))
    table.wait(LAN.suspicion_min)
    assert table.state("bob") is SUSPECT
    table.wait(LONG - 1)
    assert table.state("bob") is SUSPECT
    table.wait(LONG)
    assert table.state("bob") is FAILED
