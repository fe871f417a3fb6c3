"""How much time a suspect has, by who accuses it."""

from __future__ import annotations

import pytest

from gossip import Timing
from gossip.member import Claim, State
from gossip.members.suspicion import Suspicion
from gossip.timing import SECOND
from tests.gossip.conversation import accused, claim

LAN = Timing.lan()
BOB = claim("bob", incarnation=2)


def by(*names: str, refused: bool = False) -> list[Claim]:
    return [accused(BOB, name, refused=refused) for name in names]


def suspicion(*claims: Claim, began: int = 100) -> Suspicion:
    made = Suspicion(claims[0], began, None, 0)
    for one in claims[1:]:
        made.accused(one)
    return made


def test_each_further_accuser_shortens_the_time_down_to_the_least() -> None:
    """Lifeguard, IV.B: max - (max - min) * log(C + 1) / log(K + 1), for C confirmations."""
    names = ["sue", "ann", "joe", "kim", "lea"]
    waits = [suspicion(*by(*names[:count])).deadline(LAN, 50) - 100 for count in range(1, 6)]
    least = LAN.suspicion_timeout(50, 9)
    assert waits[0] == LAN.suspicion_factor * least
    assert waits == sorted(waits, reverse=True)
    assert waits[3] == waits[4] == least  # K = 3 confirmations are enough
    assert waits[1] == pytest.approx(least * (6 - 5 * 0.5), rel=1e-6)  # log 2 / log 4
    assert waits[2] == pytest.approx(least * (6 - 5 * 0.7924812), rel=1e-6)  # log 3 / log 4


def test_the_same_accuser_counts_once() -> None:
    made = suspicion(*by("sue"))
    before = made.deadline(LAN, 50)
    assert not made.accused(*by("sue"))
    assert made.deadline(LAN, 50) == before
    assert len(made.accusers) == 1


def test_in_a_small_cluster_all_who_can_accuse_are_enough() -> None:
    assert suspicion(*by("sue")).deadline(LAN, 2) == 100 + LAN.suspicion_min
    assert suspicion(*by("sue")).deadline(LAN, 3) == 100 + 6 * LAN.suspicion_min
    assert suspicion(*by("sue", "ann")).deadline(LAN, 3) == 100 + LAN.suspicion_min


def test_several_refusals_end_the_wait_and_one_never_does() -> None:
    """A refusal is no verdict alone: `needed` is at least two, in the smallest cluster too."""
    for members, needed in ((50, 3), (4, 3), (3, 2), (2, 2)):
        names = ["sue", "ann", "joe"]
        for count in range(1, 4):
            refused = suspicion(*by(*names[:count], refused=True))
            assert (refused.deadline(LAN, members) == 100) == (count >= needed), (members, count)


def test_silence_beside_refusals_is_no_refusal() -> None:
    made = suspicion(*by("sue", "ann", refused=True), *by("joe"))
    assert made.deadline(LAN, 50) > 100 + SECOND
    assert made.accused(*by("joe", refused=True))  # the same accuser, who knows more now
    assert made.deadline(LAN, 50) == 100


def test_a_refusal_is_not_taken_back_by_silence() -> None:
    made = suspicion(*by("sue", refused=True))
    assert not made.accused(*by("sue"))
    assert made.accusers["sue"].refused


def test_refusals_can_be_turned_off() -> None:
    made = suspicion(*by("sue", "ann", "joe", "kim", refused=True))
    assert made.deadline(Timing(refusals=0), 50) == 100 + LAN.suspicion_timeout(50, 4)


def test_who_says_that_a_member_failed_needs_others_who_accuse_it() -> None:
    made = suspicion(*by("sue"))
    assert not made.corroborates("sue", LAN, 50)
    assert made.corroborates("ann", LAN, 50)
    assert made.corroborates("sue", LAN, 2)  # nobody else could
    assert made.corroborates("sue", Timing(verdicts=1), 50)
    assert not made.corroborates("ann", Timing(verdicts=3), 50)


def test_it_is_about_one_incarnation_and_remembers_how_we_were() -> None:
    made = Suspicion(accused(BOB, "sue", State.SUSPECT), 7, 0.25, 3)
    assert (made.incarnation, made.began, made.rtt, made.health) == (2, 7, 0.25, 3)
