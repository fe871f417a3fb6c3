"""Whose turn it is: each once per round where views agree, and nobody for ever where not."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip import Timing
from gossip.member import State
from gossip.members.membership import Membership
from gossip.probing.turns import ROUNDS, Turns, _place
from gossip.timers import Timers
from tests.gossip.conversation import claim, identity


def view(me: str, names: list[str]) -> Membership:
    """What `me` knows: all these."""
    timing = Timing.lan()
    table = Membership(claim(me), identity(me), timing, Timers(), lambda _: None)
    for name in names:
        if name != me:
            table.apply(claim(name), 0)
    return table


def turns(me: str, names: list[str], *, coordinated: bool = True, seed: int = 1) -> Turns:
    return Turns(view(me, names), Random(seed), coordinated=coordinated)


def asked(one: Turns) -> str:
    target = one.next()
    assert target is not None
    return target.name


def names(count: int) -> list[str]:
    return [f"m{number}" for number in range(count)]


# In a common order.


@pytest.mark.parametrize("count", [2, 3, 4, 7, 30])
def test_where_views_agree_each_is_asked_by_exactly_one_other_per_round(count: int) -> None:
    cluster = names(count)
    members = [turns(name, cluster) for name in cluster]
    for _ in range(2 * count):
        assert Counter(map(asked, members)) == dict.fromkeys(cluster, 1)


def test_everybody_asks_everybody_else_once_per_pass() -> None:
    cluster = names(9)
    for name in cluster:
        one = turns(name, cluster)
        others = sorted(each for each in cluster if each != name)
        for _ in range(3):
            assert sorted(asked(one) for _ in others) == others


def test_nobody_asks_itself_and_who_is_alone_asks_nobody() -> None:
    for coordinated in (True, False):
        alone = turns("me", [], coordinated=coordinated)
        assert alone.next() is None
        assert alone.round == 0


def test_who_is_behind_goes_on_from_the_greatest_round_that_it_hears() -> None:
    cluster = names(5)
    ahead, behind = turns("m0", cluster), turns("m1", cluster)
    for _ in range(3):
        asked(ahead)
    behind.heard(ahead.round)
    assert behind.round == 3
    assert {asked(ahead), asked(behind)} <= {*cluster}
    assert ahead.round - behind.round == 1  # it is in the round that it heard of, not beyond it
    behind.heard(ahead.round)
    asked(behind)
    assert ahead.round == behind.round


def test_an_older_round_or_the_same_changes_nothing() -> None:
    one = turns("m0", names(5))
    for _ in range(4):
        asked(one)
    for old in (4, 3, 0, ROUNDS - 1):
        one.heard(old)
        assert one.round == 4


def test_rounds_wrap_around() -> None:
    """RFC 1982: behind the greatest number comes 0, and is later."""
    one = turns("m0", names(5))
    for step in (ROUNDS // 2 - 1, ROUNDS - 2, ROUNDS - 1):
        one.heard(step)
        asked(one)
    assert one.round == ROUNDS - 1
    asked(one)
    assert one.round == 0
    one.heard(1)
    assert one.round == 1


@given(st.lists(st.integers(0, ROUNDS - 1), max_size=12), st.integers(2, 8))
def test_whatever_numbers_are_heard_there_is_always_a_next_one(
    heard: list[int], count: int
) -> None:
    """A hostile number can move the cluster to another round, and no further."""
    cluster = names(count)
    members = [turns(name, cluster) for name in cluster]
    for number in heard:
        for one in members:
            one.heard(number)
            asked(one)
            assert 0 <= one.round < ROUNDS
    if len({one.round for one in members}) == 1:
        assert Counter(map(asked, members)) == dict.fromkeys(cluster, 1)


def test_a_number_said_to_one_does_not_stop_the_others_from_being_asked() -> None:
    cluster = names(6)
    one = turns("m0", cluster)
    told = list[str]()
    for number in range(5 * 5):
        one.heard((one.round + ROUNDS // 2 - 1) % ROUNDS if number == 3 else one.round)
        told.append(asked(one))
    assert {*told[5:10]} == {*cluster[1:]}  # one whole pass after the jump


def test_who_comes_or_goes_is_in_or_out_of_the_order_at_once() -> None:
    table = view("m0", names(4))
    one = Turns(table, Random(1), coordinated=True)
    asked(one)
    table.apply(claim("late"), 0)
    table.apply(claim("m2", state=State.LEFT), 0)
    assert sorted(asked(one) for _ in range(3)) == ["late", "m1", "m3"]


def test_the_order_is_of_hashes_and_so_the_same_for_all() -> None:
    assert sorted(names(6), key=_place) != names(6)
    assert _place("m1")[1] == "m1"  # equal hashes would be told apart


# Alone.


def test_alone_each_is_asked_once_per_pass_in_an_order_that_changes() -> None:
    """SWIM, section 4.3: round-robin over a list that is shuffled after each pass."""
    one = turns("m0", names(9), coordinated=False)
    passes = [[asked(one) for _ in range(8)] for _ in range(5)]
    assert all(sorted(each) == names(9)[1:] for each in passes)
    assert len({tuple(each) for each in passes}) == 5


def test_alone_everybody_has_an_order_of_its_own() -> None:
    orders = [
        [asked(one) for _ in range(8)]
        for one in (turns("m0", names(9), coordinated=False, seed=seed) for seed in range(4))
    ]
    assert len({tuple(each) for each in orders}) == 4


def test_a_newcomer_gets_a_random_place_among_those_who_wait() -> None:
    """SWIM, section 4.3: not at the end, nor always in front."""
    places = set[int]()
    for seed in range(60):
        table = view("m0", names(9))
        one = Turns(table, Random(seed), coordinated=False)
        asked(one)
        table.apply(claim("late"), 0)
        rest = [asked(one) for _ in range(8)]
        assert sorted(rest).count("late") == 1
        places.add(rest.index("late"))
    assert len(places) >= 6


@given(st.integers(0, 2**32), st.integers(2, 12))
def test_alone_between_two_questions_to_one_lie_at_most_two_passes(seed: int, count: int) -> None:
    """SWIM, section 4.3: at most 2n - 1 intervals, for n others."""
    one = turns("m0", names(count + 1), coordinated=False, seed=seed)
    last = dict.fromkeys(names(count + 1)[1:], 0)
    for number in range(1, 6 * count):
        name = asked(one)
        assert number - last[name] <= 2 * count - 1
        last[name] = number


def test_alone_the_gone_are_not_asked() -> None:
    table = view("m0", names(5))
    one = Turns(table, Random(1), coordinated=False)
    asked(one)
    table.apply(claim("m2", state=State.LEFT), 0)
    assert "m2" not in [asked(one) for _ in range(12)]
