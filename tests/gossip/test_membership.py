"""The table of members: precedence, refutation, events, and the hash of it all."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip import Address, Timing
from gossip.identity import is_genuine, member_id
from gossip.member import Claim, State
from gossip.members import membership as module
from gossip.members.membership import YEAR
from gossip.wire.fields import U64
from tests.gossip.conversation import SECOND, accused, claim, identity, resigned
from tests.gossip.table import (
    ALIVE,
    CROWD,
    FAILED,
    LEFT,
    ME,
    SUSPECT,
    Table,
    bob,
    my,
)

# Precedence.

small = st.integers(0, 2)
others = st.builds(
    lambda name, state, epoch, incarnation, by: claim(
        name, state=state, epoch=epoch, incarnation=incarnation, accuser=by
    ),
    st.sampled_from(["bob", "eve", "zoe"]), st.sampled_from(State), small, small,
    st.sampled_from(CROWD[:2]),
)  # fmt: skip


def beliefs(table: Table) -> list[tuple[str, Any]]:
    """What is believed; who says so of a suspect or a dead does not matter."""
    return sorted((c.name, c.order, c.key) for c in table.claims())  # type: ignore[misc]


@given(st.lists(others, max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_claims_are_heard_does_not_matter(
    claims: list[Claim], random: Random
) -> None:
    """Claims are totally ordered: any permutation, with repetitions, gives the same table, where
    everybody is believed (`verdicts` is 1) and all accusers are known.
    """
    swim = Timing(verdicts=1)
    one, other = Table(timing=swim), Table(timing=swim)
    one.hear(*claims)
    again = [*claims, *random.sample(claims, len(claims) // 2)]
    random.shuffle(again)
    other.hear(*again)
    assert beliefs(one) == beliefs(other)
    assert one.digest == other.digest
    for name in {c.name for c in claims}:
        known = one.get(name)
        assert known is not None
        assert known.order == max(c.order for c in claims if c.name == name)


@given(st.lists(others, max_size=12), st.randoms(use_true_random=False))
def test_nor_does_it_where_a_verdict_takes_several(claims: list[Claim], random: Random) -> None:
    """A single "failed" makes a suspect, and two who accuse in the same boot and incarnation make
    it true; in whatever order they are heard about a member that is known to run.
    """
    claims = [claim(c.name, state=c.state, accuser=c.accuser or "sue") for c in claims]
    one, other = Table(), Table()
    for table in (one, other):
        table.hear(*(claim(name) for name in ("bob", "eve", "zoe")))
    one.hear(*claims)
    again = [*claims, *random.sample(claims, len(claims) // 2)]
    random.shuffle(again)
    other.hear(*again)
    for table in (one, other):
        table.wait(0)  # what is due at once
    assert beliefs(one) == beliefs(other)
    assert one.digest == other.digest


@pytest.mark.parametrize("state", [ALIVE, SUSPECT, FAILED, LEFT])
def test_an_equal_or_older_claim_changes_nothing(state: State) -> None:
    table = Table()
    table.hear(bob(state, incarnation=1, epoch=2))
    before, told, news = table.claims(), table.events(), len(table.rumors)
    table.hear(bob(state, 1, 2), bob(LEFT, 0, 2), bob(FAILED, 9, 1), *(bob(s, 0, 1) for s in State))
    assert table.claims() == before
    assert table.events() == []
    assert len(table.rumors) == news
    # The word of one that a stranger has failed is an accusation.
    assert told == ([("Joined", "bob")] if state is not LEFT else [])


# What is said of ourselves.


@pytest.mark.parametrize("state", [SUSPECT, FAILED, LEFT])
def test_an_accusation_is_refuted_with_a_greater_incarnation(state: State) -> None:
    table = Table()
    table.hear(my(state=state, incarnation=3))
    assert table.me == my(incarnation=4)
    assert len(table.rumors) == 1
    assert table.urgent
    table.hear(my(state=state, incarnation=3))
    assert table.me.incarnation == 4
    assert table.events() == []


def test_an_accusation_that_had_to_be_refuted_is_a_sign_that_we_are_slow() -> None:
    """Lifeguard, IV.A: refuting a suspicion about ourselves counts against our health."""
    table = Table()
    table.hear(my(state=SUSPECT))
    assert table.health.score == 1


def test_strangers_are_answered_too_when_it_is_about_us() -> None:
    table = Table()
    table.hear(accused(ME, "stranger", FAILED))
    assert table.me.incarnation == 1


def test_an_older_claim_about_us_is_answered_with_the_newer_truth_and_nothing_changes() -> None:
    table = Table(my(incarnation=2))
    table.hear(my(state=FAILED, incarnation=1))
    assert table.me.incarnation == 2
    assert len(table.rumors) == 1


def test_our_own_past_is_outranked_when_the_clock_went_back() -> None:
    table = Table()
    far = Address("10.7.7.7", 7)
    for past in (
        my(epoch=9),  # the same disk, the same address
        resigned(ME, "me before", epoch=20),  # without the disk
        accused(resigned(ME, "me before", epoch=30, address=far), "sue", FAILED),
        resigned(ME, "me before", epoch=40, address=far, state=LEFT),
    ):
        table.hear(past)
        assert table.me == my(epoch=past.epoch + 1)
    assert table.conflicts.count == 0


def test_another_live_member_of_our_name_is_counted_and_not_duelled_with() -> None:
    table = Table()
    for state in (ALIVE, SUSPECT):
        table.hear(claim("me", epoch=9, state=state, holder="twin"))
    assert table.me == ME
    assert table.conflicts.count == 2
    assert not table.rumors


@pytest.mark.parametrize("state", State)
def test_a_claim_that_cannot_be_outranked_is_counted(state: State) -> None:
    table = Table()
    table.hear(my(epoch=U64, state=state), my(incarnation=U64, state=state))
    assert table.me == ME
    assert table.conflicts.count == 2


def test_the_last_numbers_but_two_can_still_be_outranked_and_carried() -> None:
    table = Table()
    table.hear(my(incarnation=U64 - 2, state=SUSPECT))
    assert table.me.incarnation == U64 - 1
    table.hear(my(epoch=U64 - 2, incarnation=0))
    assert table.me.epoch == U64 - 1
    assert table.rumors.take(1000, 1)


def test_another_key_cannot_use_up_our_numbers() -> None:
    """What ran here before us, with a wrong clock, is outranked; what says that it left in a boot
    far from now is somebody who wants us to have no number left to refute with.
    """
    table = Table()
    table.hear(claim("me", epoch=ME.epoch + YEAR - 1, state=LEFT, holder="thief"))
    assert table.me.epoch == ME.epoch + YEAR
    table.hear(claim("me", epoch=ME.epoch + YEAR + 1, state=LEFT, holder="thief"))
    assert table.me.epoch == ME.epoch + YEAR


def test_nothing_refutes_our_own_goodbye() -> None:
    table = Table()
    table.leave()
    table.hear(*(my(state=s, incarnation=7) for s in State), my(epoch=8))
    assert table.me == my(state=LEFT)


def test_what_we_say_of_ourselves_is_signed_each_time() -> None:
    table = Table()
    changes: tuple[Callable[[], None], ...] = (
        lambda: table.hear(my(state=SUSPECT)),
        lambda: table.retag((("role", "db"),)),
        lambda: table.move(Address("10.0.0.2", 2)),
        table.leave,
    )
    for change in changes:
        change()
        assert is_genuine(table.me)


# Another key with a name that is taken.


def test_the_name_of_a_member_that_is_there_cannot_be_taken() -> None:
    """A different key is a different member: whoever has the name keeps it, and is asked whether
    it is still there when the other boot is the later one.
    """
    table, contested = Table(), list[tuple[Claim, Claim]]()
    table.contested = lambda known, heir, _: contested.append((known, heir))
    table.hear(bob(epoch=2))
    older = claim("bob", epoch=1, holder="thief")
    newer = claim("bob", epoch=9, holder="thief", address=Address("10.6.6.6", 6))
    for said in (older, newer, claim("bob", epoch=9, holder="thief", state=LEFT)):
        table.hear(said)
        assert table.get("bob") == bob(epoch=2)
    assert contested == [(bob(epoch=2), newer)]
    assert table.conflicts.count == 3
    assert table.events() == [("Joined", "bob")]


@pytest.mark.parametrize("state", [FAILED, LEFT])
def test_the_name_of_who_is_gone_may_be_taken_by_a_later_boot(state: State) -> None:
    table = Table(timing=Timing(verdicts=1))
    table.hear(bob(epoch=2), bob(state, epoch=2))
    table.hear(claim("bob", epoch=1, holder="heir"))
    assert table.state("bob") is state
    table.hear(claim("bob", epoch=9, holder="heir"))
    assert table.state("bob") is ALIVE
    assert table.events()[-1] == ("Joined", "bob")


def test_who_was_replaced_at_his_address_is_succeeded_unless_he_has_spoken_since() -> None:
    table, heir = Table(), claim("bob", epoch=9, holder="heir")
    table.hear(bob())
    table.hear(bob(incarnation=1))
    table.succeeded(bob(), heir, 0)
    assert table.get("bob") == bob(incarnation=1)
    table.succeeded(bob(incarnation=1), heir, 0)
    assert table.get("bob") == heir


# Events.


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ([bob()], "Joined"),
        ([bob(SUSPECT)], "Joined"),
        ([bob(SUSPECT), bob(ALIVE, 1)], "Joined Recovered"),
        ([bob(SUSPECT), bob(FAILED)], "Joined Failed"),
        ([bob(FAILED)], ""),
        ([bob(LEFT)], ""),
        # Users were told nothing of who was gone already: it has not recovered, and does not leave.
        ([bob(FAILED), bob(ALIVE, 1), bob(SUSPECT, 1)], "Joined Suspected"),
        ([bob(FAILED), bob(LEFT), bob(ALIVE, 0, 2)], "Joined"),
        ([bob(), bob(SUSPECT), bob(ALIVE, 1)], "Joined Suspected Recovered"),
        ([bob(), bob(FAILED), bob(ALIVE, 1)], "Joined Failed Recovered"),
        ([bob(), bob(LEFT), bob(FAILED)], "Joined Left"),
        ([bob(), bob(ALIVE, 1)], "Joined"),
        ([bob(), bob(ALIVE, 0, 2)], "Joined Joined"),
        ([bob(), bob(SUSPECT), bob(ALIVE, 0, 2)], "Joined Suspected Joined"),
        ([bob(), bob(LEFT), bob(ALIVE, 0, 2)], "Joined Left Joined"),
        ([bob(), resigned(bob(), incarnation=1, tags=(("role", "db"),))], "Joined Updated"),
        ([bob(), resigned(bob(), incarnation=1, address=Address("10.0.0.9", 9))], "Joined Updated"),
    ],
)  # fmt: skip
def test_what_users_are_told(claims: list[Claim], told: str) -> None:
    table = Table(timing=Timing(verdicts=1))
    table.hear(*claims)
    assert [kind for kind, name in table.events() if name == "bob"] == told.split()


# The hash, and the bounds.


def test_the_hash_is_about_who_runs_and_not_about_the_dead() -> None:
    one, other = Table(), Table()
    abe = claim("abe")
    one.hear(bob(), claim("eve"), abe, accused(abe, "ann", SUSPECT), accused(abe, "sue", FAILED))
    one.wait(0)
    assert one.state("abe") is FAILED
    other.hear(claim("eve", state=SUSPECT), bob(), claim("old", state=LEFT))
    assert one.bucket_hashes() == other.bucket_hashes()
    assert one.digest == other.digest
    other.hear(bob(ALIVE, 1))
    assert one.digest != other.digest


def test_the_parts_that_differ_are_few() -> None:
    one, other = Table(), Table()
    many = [claim(f"m{i}") for i in range(200)]
    one.hear(*many)
    other.hear(*many[1:])
    pairs = enumerate(zip(one.bucket_hashes(), other.bucket_hashes(), strict=True))
    differ = [place for place, (a, b) in pairs if a != b]
    assert len(differ) == 1
    assert many[0] in one.claims(differ)
    assert len(one.claims(differ)) < 20


def test_the_table_is_bounded_and_refusals_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MEMBERS", 4)
    table = Table(known=("sue",), timing=Timing(verdicts=1))
    table.hear(*(claim(f"m{i}") for i in range(6)))
    assert [c.name for c in table.claims()] == ["me", "sue", "m0", "m1"]
    assert table.refused == 4
    table.hear(claim("m0", state=FAILED))
    assert table.state("m0") is FAILED


def test_who_has_been_gone_for_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MEMBERS", 4)
    table = Table(known=("sue",))
    table.hear(claim("m0"), claim("m1"), claim("m1", state=LEFT), claim("m0", state=LEFT))
    table.hear(claim("m2"))
    assert [c.name for c in table.claims()] == ["me", "sue", "m0", "m2"]


def looking(looked: list[State]) -> Callable[[State], bool]:
    """Whether a state is that of somebody who runs, and note that it was looked at."""

    def running(state: State) -> bool:
        looked.append(state)
        return state <= SUSPECT

    return running


def test_to_refuse_a_stranger_takes_no_longer_in_a_large_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has the secret can invent a million of them."""
    looked: list[State] = []
    asked = []
    for size in (10, 1000):
        monkeypatch.setattr(module, "MAX_MEMBERS", size)
        table = Table(known=tuple(f"m{i}" for i in range(size - 1)))
        looked.clear()
        with monkeypatch.context() as patch:
            patch.setattr(State, "running", property(looking(looked)))
            table.apply(claim("stranger"), 0)
        asked.append(len(looked))
        assert table.refused == 1
    assert asked[0] == asked[1]


def test_nobody_fails_twice_in_a_row() -> None:
    """What happened in between, it refuted and was suspected anew, is told as well."""
    table = Table()
    table.hear(bob(), bob(FAILED), bob(FAILED, by="ann"))
    table.hear(bob(SUSPECT, 1), bob(FAILED, 1), bob(FAILED, 1, by="ann"))
    told = [event for event, name in table.events() if name == "bob"]
    assert told == ["Joined", "Suspected", "Failed", "Suspected", "Failed"]


def test_the_dead_are_forgotten_after_long_and_not_if_they_came_back() -> None:
    table = Table(timing=Timing(reap_after=60 * SECOND, verdicts=1), known=("sue",))
    table.hear(bob(), bob(FAILED), claim("joe", state=LEFT), claim("ann", state=FAILED))
    table.hear(claim("ann", incarnation=1), now=30 * SECOND)
    table.wait(59 * SECOND)
    assert [c.name for c in table.claims()] == ["me", "sue", "bob", "joe", "ann"]
    table.wait(60 * SECOND)
    assert [c.name for c in table.claims()] == ["me", "sue", "ann"]


def test_the_last_word_of_the_forgotten_outlives_them() -> None:
    """An old claim brings nobody back, though nothing is listed of him any more."""
    table = Table(timing=Timing(reap_after=60 * SECOND))
    table.hear(bob(incarnation=2), bob(LEFT, 2))
    table.wait(60 * SECOND)
    table.hear(bob(incarnation=1))
    table.hear(bob(incarnation=2), hearsay=True)
    table.hear(bob(FAILED, 2), bob(LEFT, 2))
    assert table.get("bob") is None


def test_who_was_away_for_longer_than_it_is_remembered_has_to_answer() -> None:
    table = Table(timing=Timing(reap_after=60 * SECOND))
    asked: list[tuple[Claim, Claim]] = []
    table.contested = lambda known, heir, _: asked.append((known, heir))
    table.hear(bob(incarnation=2), bob(LEFT, 2))
    table.wait(60 * SECOND)
    table.hear(bob(incarnation=2))
    assert asked == [(bob(incarnation=2), bob(incarnation=2))]
    assert table.get("bob") is None
    for _ in range(2):
        table.succeeded(*asked[0], 0)
        assert table.state("bob") is ALIVE
    table.hear(bob(LEFT, 2))
    table.succeeded(*asked[0], 0)
    assert table.state("bob") is LEFT


# Force-leave.


def test_a_failed_member_may_be_made_to_leave_and_it_sticks_until_it_refutes() -> None:
    table = Table(timing=Timing(verdicts=1))
    table.hear(bob(), bob(FAILED))
    assert table.force_leave("bob", 0)
    assert table.state("bob") is LEFT
    table.hear(bob(), bob(FAILED))
    assert table.state("bob") is LEFT
    table.hear(bob(incarnation=1))
    assert table.state("bob") is ALIVE
    assert [kind for kind, _ in table.events()] == ["Joined", "Failed", "Left", "Joined"]


def test_nobody_else_can_be_named_as_who_made_a_member_leave() -> None:
    table = Table()
    table.hear(bob())
    order = accused(bob(), "sue", LEFT)
    table.hear(order)
    assert table.state("bob") is ALIVE  # nobody makes leave who is there
    table.hear(accused(bob(), "sue"))
    table.hear(order._replace(accuser="ann"), order._replace(proof=bytes(64)))
    assert table.state("bob") is SUSPECT
    table.hear(order)
    assert table.state("bob") is LEFT


def test_neither_strangers_nor_we_nor_the_departed_can_be_made_to_leave() -> None:
    table = Table()
    table.hear(bob(), bob(LEFT))
    assert not any(table.force_leave(name, 0) for name in ("bob", "me", "nobody"))


def test_members_are_listed_by_name_with_all_that_is_known() -> None:
    table = Table(resigned(ME, "me", tags=(("role", "web"),)), known=("sue",))
    table.hear(claim("zoe"), bob(SUSPECT, 3))
    table.rtt.note("bob", SECOND // 4)
    first, me, _, last = table.members()
    assert (first.name, first.state, first.incarnation, first.rtt) == ("bob", "suspect", 3, 0.25)
    assert (me.name, me.state, me.tags) == ("me", "alive", {"role": "web"})
    assert (last.name, last.state, last.rtt) == ("zoe", "alive", None)
    assert last.id == member_id(identity("zoe").key).hex()
