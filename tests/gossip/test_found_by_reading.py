"""Rules that somebody who read the code found broken once."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gossip.identity import is_proven
from gossip.member import Claim, State
from gossip.wire.messages import Nack, ProbeRequest
from tests.gossip.conversation import WALL, accused, claim, identity
from tests.gossip.script import ORIGIN, Script
from tests.gossip.table import ME, Table, bob
from tests.gossip.test_membership import beliefs, others

ALIVE, SUSPECT, FAILED, LEFT = State


def test_an_accuser_who_came_back_with_another_key_is_still_answered() -> None:
    """Sue says that we failed, loses her disk and is back with a new key, which we know by now. All
    others still believe what she said with the old one: they tell us, and we have to refute.
    """
    table = Table(known=())
    table.hear(claim("sue", epoch=9, holder="sue again"))
    table.hear(accused(ME, "sue", FAILED))
    assert table.me.incarnation == 1


def test_nobody_gives_testimony_against_itself() -> None:
    """Whoever asks us to probe ourselves must not get our signature under an accusation of us: with
    his own it is enough to have us believed failed.
    """
    script = Script("a", "b")
    script.timers.stop("probe")
    script.prober.relay(ProbeRequest(77, "me", WALL), ORIGIN, 0)
    script.wait(10**9)
    for _, message in script.requests:
        assert isinstance(message, Nack)
        said = accused(claim("me"), "me")._replace(proof=message.proof)
        assert not is_proven(said, identity("me").key)


def test_one_word_makes_no_failed_member_of_a_stranger() -> None:
    """A verdict that comes before anything else about a member is one member's word as well."""
    first, last = Table(), Table()
    first.hear(bob(FAILED), bob())
    last.hear(bob(), bob(FAILED))
    assert beliefs(first) == beliefs(last)


def test_one_word_about_a_later_boot_is_not_believed_because_the_last_one_failed() -> None:
    first, last = Table(), Table()
    dead = [bob(FAILED), bob(SUSPECT, by="ann")]
    for table in (first, last):
        table.hear(bob())
    first.hear(*dead)
    first.wait(0)
    first.hear(bob(FAILED, epoch=2))
    last.hear(bob(FAILED, epoch=2), *dead)
    last.wait(0)
    assert beliefs(first) == beliefs(last)


@given(st.lists(others.filter(lambda c: c.state is not LEFT), max_size=12), st.randoms())
def test_any_order_of_the_same_claims_gives_the_same_table(
    claims: list[Claim], random: Random
) -> None:
    """The law, with several boots and incarnations."""
    one, other = Table(), Table()
    shuffled = random.sample(claims, len(claims))
    one.hear(*claims)
    other.hear(*shuffled)
    for table in (one, other):
        table.wait(0)
    assert beliefs(one) == beliefs(other)


def test_what_the_first_accuser_was_told_by_a_host_is_not_said_in_our_name() -> None:
    table = Table()
    table.hear(bob(), accused(bob(), "sue", refused=True))
    table.wait(10**12)
    table.wait(2 * 10**12)
    table.wait(table.clock.next or 0)
    said = table.get("bob")
    assert said is not None
    assert (said.state, said.accuser, said.refused) == (FAILED, "me", False)


def test_an_accuser_who_says_it_has_left_counts_no_more_than_once() -> None:
    """A verdict and a suspicion of one member are one accuser."""
    table = Table()
    table.hear(bob(), bob(SUSPECT), bob(FAILED), bob(SUSPECT))
    table.wait(0)
    assert table.state("bob") is SUSPECT
