"""What the network does to datagrams: each fault alone, and the cuts between hosts."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from sim import Faults, SimError
from sim.agenda import SECOND
from sim.link import HOLD_MIN, Copy, corrupted
from sim.network import Network

DELAY = SECOND // 2000
MANY = 4000


def arrivals(faults: Faults, *, seed: int = 1, link: tuple[int, int] = (0, 1)) -> list[Any]:
    network = Network(3, seed, faults)
    return [network.carry(*link, b"datagram") for _ in range(MANY)]


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def test_a_good_network_brings_every_datagram_after_the_delay_as_it_was() -> None:
    assert set(arrivals(Faults())) == {(Copy(DELAY, b"datagram"),)}


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
def test_loss_is_as_frequent_as_asked(probability: float) -> None:
    seen = share([not copies for copies in arrivals(Faults(loss=probability))])
    assert seen == pytest.approx(probability, abs=0.04)


def test_certain_loss_loses_everything() -> None:
    assert not any(arrivals(Faults(loss=1)))


def test_a_duplicate_comes_later_and_is_the_same() -> None:
    all_copies = arrivals(Faults(duplicate=0.3))
    twice = [copies for copies in all_copies if len(copies) == 2]
    assert share([len(copies) == 2 for copies in all_copies]) == pytest.approx(0.3, abs=0.04)
    assert all(second.delay >= first.delay == DELAY for first, second in twice)
    assert {copy.datagram for copies in all_copies for copy in copies} == {b"datagram"}


def test_a_reordered_datagram_is_held_back_and_the_others_are_not() -> None:
    delays = [copies[0].delay for copies in arrivals(Faults(reorder=0.2))]
    assert share([delay > DELAY for delay in delays]) == pytest.approx(0.2, abs=0.04)
    assert min(delays) == DELAY
    assert DELAY < max(delays) < DELAY + HOLD_MIN


def test_corruption_changes_the_bytes_and_nothing_else() -> None:
    copies = [copies[0] for copies in arrivals(Faults(corrupt=0.25))]
    bent = [copy.datagram != b"datagram" for copy in copies]
    assert share(bent) == pytest.approx(0.25, abs=0.04)
    assert {copy.delay for copy in copies} == {DELAY}
    assert any(len(copy.datagram) < 8 for copy in copies)
    assert any(copy.datagram != b"datagram" and len(copy.datagram) == 8 for copy in copies)


def test_corrupted_bytes_always_differ() -> None:
    random = Random(1)
    for length in (1, 2, 64):
        original = bytes(length)
        assert all(corrupted(original, random) != original for _ in range(200))
    assert corrupted(b"", random) == b""


def test_every_link_has_luck_of_its_own_and_the_same_one_every_time() -> None:
    faults = Faults(loss=0.5)
    there, back = arrivals(faults, link=(0, 1)), arrivals(faults, link=(1, 0))
    assert there != back
    assert there != arrivals(faults, seed=2)
    assert there == arrivals(faults)


def test_one_fault_more_does_not_change_the_luck_of_the_others() -> None:
    """What makes a failing run shrinkable: the same ones are lost with and without the rest."""
    lost = [not copies for copies in arrivals(Faults(loss=0.3))]
    worse = arrivals(Faults(loss=0.3, duplicate=0.5, reorder=0.5, corrupt=0.5))
    assert [not copies for copies in worse] == lost


def reach(network: Network) -> set[tuple[int, int]]:
    """Who reaches whom among five."""
    pairs = [(a, b) for a in range(5) for b in range(5) if a != b]
    return {(a, b) for a, b in pairs if network.carry(a, b, b"x")}


def test_a_partition_cuts_between_groups_and_the_rest_is_a_group() -> None:
    network = Network(5, 1, Faults())
    network.partition([[0, 1], [2]], one_way=False)
    assert reach(network) == {(0, 1), (1, 0), (3, 4), (4, 3)}
    network.partition([[0]], one_way=False)  # replaces the one before
    assert (1, 2) in reach(network)
    assert not {pair for pair in reach(network) if 0 in pair}
    network.heal()
    assert len(reach(network)) == 20


def test_one_way_loses_only_what_the_first_group_sends_to_the_others() -> None:
    network = Network(5, 1, Faults())
    network.partition([[0, 1], [2]], one_way=True)
    lost = {(a, b) for a in (0, 1) for b in (2, 3, 4)}
    assert len(reach(network)) == 20 - len(lost)
    assert not reach(network) & lost


def test_cuts_lie_over_each_other_and_the_partition_and_are_ended_together() -> None:
    network = Network(5, 1, Faults())
    network.partition([[0, 1]], one_way=False)
    network.cut("a", {0: frozenset({1})}, now=0)
    network.cut("b", {2: frozenset({3}), 1: frozenset({0})}, now=0)
    expected = {(a, b) for a in (2, 3, 4) for b in (2, 3, 4) if a != b} - {(2, 3)}
    assert reach(network) == expected
    network.cut("b", {}, now=0)  # a name is cut once
    assert (2, 3) in reach(network)
    assert (0, 1) not in reach(network)
    network.heal()
    assert len(reach(network)) == 20


def test_a_cut_takes_no_luck_from_the_datagrams_that_pass_after_it() -> None:
    """The k-th datagram of a link is lost, or not, whether or not others were cut before it."""
    free, cut = (Network(2, 1, Faults(loss=0.5)) for _ in range(2))
    cut.cut("a", {0: frozenset({1})}, now=0)
    for _ in range(100):
        free.carry(0, 1, b"x")
        cut.carry(0, 1, b"x")
    cut.heal()
    assert [free.carry(0, 1, b"x") for _ in range(100)] == [
        cut.carry(0, 1, b"x") for _ in range(100)
    ]


def test_what_befell_datagrams_is_counted() -> None:
    network = Network(2, 1, Faults(loss=1.0))
    network.carry(0, 1, b"x")
    network.cut("a", {0: frozenset({1})}, now=0)
    network.carry(0, 1, b"x")
    network.carry(0, 1, b"x")
    assert network.befell == {"lost": 1, "cut": 2}


def test_a_link_is_directed_and_stays_until_it_is_set_again() -> None:
    network = Network(5, 1, Faults())
    network.set_link(0, 1, Faults(loss=1.0))
    assert (0, 1) not in reach(network)
    assert len(reach(network)) == 19
    network.partition([[0, 1, 2, 3, 4]], one_way=False)
    network.heal()
    assert (0, 1) not in reach(network)
    network.set_link(0, 1, Faults(delay=1.0))
    assert [copy.delay for copy in network.carry(0, 1, b"x")] == [SECOND]


@pytest.mark.parametrize("name", ["loss", "duplicate", "reorder", "corrupt"])
@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, "0.5", None, True])
def test_what_is_no_probability_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SimError, match=name):
        Faults(**{name: value})


@pytest.mark.parametrize("delay", [-0.1, math.inf, math.nan, "0.5"])
def test_what_is_no_delay_is_refused(delay: Any) -> None:
    with pytest.raises(SimError, match="delay"):
        Faults(delay=delay)
