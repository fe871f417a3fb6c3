"""The table of members: precedence, refutation, suspicion, events, and the hash of it all."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip import Address, MemberEvent, Timing
from gossip import membership as module
from gossip.member import Claim, State
from gossip.membership import Membership
from gossip.messages import U64
from gossip.timers import Timers
from tests.gossip.conversation import SECOND, claim

ALIVE, SUSPECT, FAILED, LEFT = State
ME = claim("me", address=Address("10.0.0.1", 1), epoch=5)
WAIT = Timing.lan().suspicion_timeout(2)


class Table(Membership):
    """A table whose events are noted, with a clock that the test moves."""

    def __init__(self, me: Claim = ME, timing: Timing | None = None) -> None:
        self.told: list[tuple[str, str]] = []
        self.clock = Timers()
        super().__init__(me, timing or Timing.lan(), self.clock, self._note)

    def _note(self, event: MemberEvent) -> None:
        self.told.append((type(event).__name__.removeprefix("Member"), event.member.name))

    def hear(self, *claims: Claim, now: int = 0, hearsay: bool = False) -> None:
        for one in claims:
            self.apply(one, now, hearsay=hearsay)
            self.check()

    def wait(self, now: int) -> None:
        for action in self.clock.due(now):
            action(now)
        self.check()

    def state(self, name: str) -> State | None:
        known = self.get(name)
        return None if known is None else known.state

    def events(self) -> list[tuple[str, str]]:
        told, self.told = self.told, []
        return told


def bob(state: State = ALIVE, incarnation: int = 0, epoch: int = 1) -> Claim:
    accuser = "sue" if state in (SUSPECT, FAILED) else ""
    return claim("bob", state=state, incarnation=incarnation, epoch=epoch, accuser=accuser)


# Precedence.

small = st.integers(0, 2)
others = st.builds(
    lambda name, state, epoch, incarnation: claim(
        name, state=state, epoch=epoch, incarnation=incarnation, accuser="x"
    ),
    st.sampled_from(["bob", "sue", "ann"]), st.sampled_from(State), small, small,
)  # fmt: skip


@given(st.lists(others, max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_claims_are_heard_does_not_matter(
    claims: list[Claim], random: Random
) -> None:
    """Claims are totally ordered: any permutation, with repetitions, gives the same table."""
    one, other = Table(), Table()
    one.hear(*claims)
    again = [*claims, *random.sample(claims, len(claims) // 2)]
    random.shuffle(again)
    other.hear(*again)
    assert sorted(one.claims()) == sorted(other.claims())
    assert one.digest == other.digest
    for name in {c.name for c in claims}:
        assert one.get(name) == max((c for c in claims if c.name == name), key=lambda c: c.order)


@pytest.mark.parametrize("state", [ALIVE, SUSPECT, FAILED, LEFT])
def test_an_equal_or_older_claim_changes_nothing(state: State) -> None:
    table = Table()
    table.hear(bob(state, incarnation=1, epoch=2))
    before, told, news = table.claims(), table.events(), len(table.rumors)
    table.hear(bob(state, 1, 2), bob(LEFT, 0, 2), bob(FAILED, 9, 1), *(bob(s, 0, 1) for s in State))
    assert table.claims() == before
    assert table.events() == []
    assert len(table.rumors) == news
    assert told == ([("Joined", "bob")] if state.running else [])


# What is said of ourselves.


@pytest.mark.parametrize("state", [SUSPECT, FAILED, LEFT])
def test_an_accusation_is_refuted_with_a_greater_incarnation(state: State) -> None:
    table = Table()
    table.hear(ME._replace(state=state, incarnation=3))
    assert table.me == ME._replace(incarnation=4)
    assert len(table.rumors) == 1
    table.hear(ME._replace(state=state, incarnation=3))
    assert table.me.incarnation == 4
    assert table.events() == []


def test_an_older_claim_about_us_is_answered_with_the_newer_truth_and_nothing_changes() -> None:
    table = Table(ME._replace(incarnation=2))
    table.hear(ME._replace(state=FAILED, incarnation=1))
    assert table.me.incarnation == 2
    assert len(table.rumors) == 1


def test_our_own_past_is_outranked_when_the_clock_went_back() -> None:
    table = Table()
    for past in (
        ME._replace(epoch=9),  # the same disk, the same address
        ME._replace(epoch=20, id=bytes(16)),  # without the disk
        ME._replace(epoch=30, id=bytes(16), address=Address("10.7.7.7", 7), state=FAILED),
        ME._replace(epoch=40, id=bytes(16), address=Address("10.7.7.7", 7), state=LEFT),
    ):
        table.hear(past)
        assert table.me == ME._replace(epoch=past.epoch + 1)
    assert table.conflicts == 0


def test_another_live_member_of_our_name_is_counted_and_not_duelled_with() -> None:
    table = Table()
    for state in (ALIVE, SUSPECT):
        table.hear(claim("me", epoch=9, state=state))
    assert table.me == ME
    assert table.conflicts == 2
    assert not table.rumors


@pytest.mark.parametrize("state", State)
def test_a_claim_that_cannot_be_outranked_is_counted(state: State) -> None:
    table = Table()
    table.hear(ME._replace(epoch=U64, state=state), ME._replace(incarnation=U64, state=state))
    assert table.me == ME
    assert table.conflicts == 2


def test_the_last_numbers_but_one_can_still_be_outranked_and_carried() -> None:
    table = Table()
    table.hear(ME._replace(incarnation=U64 - 1, state=SUSPECT))
    assert table.me.incarnation == U64
    table.hear(ME._replace(epoch=U64 - 1, incarnation=0))
    assert table.me.epoch == U64
    assert table.rumors.take(1000, 1)


def test_nothing_refutes_our_own_goodbye() -> None:
    table = Table()
    table.leave()
    table.hear(*(ME._replace(state=s, incarnation=7) for s in State), ME._replace(epoch=8))
    assert table.me == ME._replace(state=LEFT)


# Suspicion.


def test_a_suspect_is_failed_when_its_time_is_up_and_not_before() -> None:
    table = Table()
    table.hear(bob())
    table.suspect("bob", 0)
    table.wait(WAIT - 1)
    assert table.state("bob") is SUSPECT
    table.wait(WAIT)
    assert table.state("bob") is FAILED
    assert table.events() == [("Joined", "bob"), ("Suspected", "bob"), ("Failed", "bob")]
    accused = table.get("bob")
    assert accused is not None
    assert accused.accuser == "me"


@pytest.mark.parametrize("word", [bob(ALIVE, 1), bob(ALIVE, 0, 2), bob(LEFT)])
def test_a_suspect_that_speaks_in_time_is_not_failed(word: Claim) -> None:
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    table.hear(word, now=WAIT - 1)
    table.wait(10 * WAIT)
    assert table.state("bob") is word.state


def test_an_accusation_does_not_start_the_clock_again() -> None:
    table = Table()
    table.hear(bob(), bob(SUSPECT))
    table.hear(bob(SUSPECT)._replace(accuser="ann"), now=WAIT - 1)
    table.suspect("bob", WAIT - 1)
    table.wait(WAIT)
    assert table.state("bob") is FAILED


def test_hearsay_of_a_failure_only_makes_a_suspect() -> None:
    table = Table()
    table.hear(bob())
    table.hear(bob(FAILED), hearsay=True)
    assert table.state("bob") is SUSPECT
    table.hear(bob(FAILED), now=1, hearsay=True)
    table.wait(WAIT - 1)
    assert table.state("bob") is SUSPECT
    table.wait(WAIT)
    assert table.state("bob") is FAILED


def test_hearsay_is_believed_about_strangers_who_run_and_about_goodbyes() -> None:
    table = Table()
    table.hear(claim("sue"), hearsay=True)
    table.hear(claim("sue", state=LEFT), hearsay=True)
    assert table.state("sue") is LEFT
    assert table.events() == [("Joined", "sue"), ("Left", "sue")]


def test_hearsay_does_not_bring_back_the_forgotten_dead() -> None:
    """Or each newcomer would be told of them, and tell those who had forgotten them."""
    table = Table()
    table.hear(bob(FAILED), claim("ann", state=LEFT), hearsay=True)
    assert table.get("bob") is None
    assert table.get("ann") is None


def test_what_was_heard_as_hearsay_is_no_news() -> None:
    table = Table()
    table.hear(claim("sue"), bob(FAILED), hearsay=True)
    assert not table.rumors
    table.hear(claim("ann"))
    assert len(table.rumors) == 1


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
        ([bob(FAILED), bob(ALIVE, 1)], "Recovered"),
        ([bob(), bob(SUSPECT), bob(ALIVE, 1)], "Joined Suspected Recovered"),
        ([bob(), bob(FAILED), bob(ALIVE, 1)], "Joined Failed Recovered"),
        ([bob(), bob(LEFT), bob(FAILED)], "Joined Left"),
        ([bob(), bob(ALIVE, 1)], "Joined"),
        ([bob(), bob(ALIVE, 0, 2)], "Joined Joined"),
        ([bob(), bob(SUSPECT), bob(ALIVE, 0, 2)], "Joined Suspected Joined"),
        ([bob(), bob(LEFT), bob(ALIVE, 0, 2)], "Joined Left Joined"),
        ([bob(), bob(ALIVE, 1)._replace(tags=(("role", "db"),))], "Joined Updated"),
        ([bob(), bob(ALIVE, 1)._replace(address=Address("10.0.0.9", 9))], "Joined Updated"),
    ],
)  # fmt: skip
def test_what_users_are_told(claims: list[Claim], told: str) -> None:
    table = Table()
    table.hear(*claims)
    assert [kind for kind, name in table.events() if name == "bob"] == told.split()


# The hash, and the bounds.


def test_the_hash_is_about_who_runs_and_not_about_the_dead() -> None:
    one, other = Table(), Table()
    one.hear(bob(), claim("sue"), claim("ann", state=FAILED))
    other.hear(claim("sue", state=SUSPECT, accuser="x"), bob(), claim("old", state=LEFT))
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
    table = Table()
    table.hear(*(claim(f"m{i}") for i in range(6)))
    assert [c.name for c in table.claims()] == ["me", "m0", "m1", "m2"]
    assert table.refused == 3
    table.hear(claim("m0", state=FAILED))
    assert table.state("m0") is FAILED


def test_the_dead_are_forgotten_after_long_and_not_if_they_came_back() -> None:
    table = Table(timing=Timing(reap_after=60 * SECOND))
    table.hear(bob(), bob(FAILED), claim("sue", state=LEFT), claim("ann", state=FAILED))
    table.hear(claim("ann", incarnation=1), now=30 * SECOND)
    table.wait(59 * SECOND)
    assert [c.name for c in table.claims()] == ["me", "bob", "sue", "ann"]
    table.wait(60 * SECOND)
    assert [c.name for c in table.claims()] == ["me", "ann"]


def test_members_are_listed_by_name_with_all_that_is_known() -> None:
    table = Table(ME._replace(tags=(("role", "web"),)))
    table.hear(claim("zoe"), bob(SUSPECT, 3))
    table.rtt["bob"] = 0.25
    first, me, last = table.members()
    assert (first.name, first.state, first.incarnation, first.rtt) == ("bob", "suspect", 3, 0.25)
    assert (me.name, me.state, me.tags) == ("me", "alive", {"role": "web"})
    assert (last.name, last.state, last.rtt, last.id) == (
        "zoe",
        "alive",
        None,
        "7a6f65" + "20" * 13,
    )
