"""What becomes of datagrams on one link: every fault beyond those of the contract, each alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sim import Faults, SimError
from sim.agenda import SECOND
from sim.link import Copy
from sim.network import Network

DELAY = SECOND // 2000
MANY = 4000
BODY = bytes(range(64))

EACH: list[dict[str, float]] = [
    {"loss": 0.3},
    {"duplicate": 0.3},
    {"reorder": 0.3},
    {"corrupt": 0.3},
    {"burst": 0.05},
    {"flip": 0.3},
    {"truncate": 0.3},
    {"jitter": 0.1},
    {"tail": 0.1},
    {"slow": 0.3},
    {"send_error": 0.3},
]
"""Every fault that has luck and no memory of other links, alone."""


def carried(network: Network, *, many: int = MANY, every: int = 0) -> list[tuple[Copy, ...]]:
    """The arrivals of so many datagrams of one link, one every so many nanoseconds."""
    return [tuple(network.carry(0, 1, BODY, now=k * every)) for k in range(many)]


def arrivals(seed: int = 1, /, **faults: float) -> list[tuple[Copy, ...]]:
    return carried(Network(2, seed, Faults(**faults)))


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def extra(all_copies: list[tuple[Copy, ...]]) -> list[int]:
    """What each took longer than the shortest way, nothing being lost."""
    return [copies[0].delay - DELAY for copies in all_copies]


@pytest.mark.parametrize("faults", EACH, ids=lambda faults: next(iter(faults)))
def test_every_fault_happens_alone_and_the_same_way_every_time(faults: dict[str, float]) -> None:
    seen = arrivals(**faults)
    assert seen == arrivals(**faults)
    assert seen != arrivals(2, **faults)
    assert seen != arrivals()
    network = Network(2, 1, Faults(**faults))
    carried(network)
    assert len(network.befell) == (0 if {"jitter", "tail"} & set(faults) else 1)


@pytest.mark.parametrize("other", EACH, ids=lambda faults: next(iter(faults)))
@pytest.mark.parametrize("one", [EACH[0], EACH[4], EACH[10]], ids=["loss", "burst", "send_error"])
def test_a_fault_more_or_less_does_not_shift_the_luck_of_another(
    one: dict[str, float], other: dict[str, float]
) -> None:
    """Whatever was lost stays lost, when something else is switched on."""
    lost = [not copies for copies in arrivals(**one)]
    with_other = [not copies for copies in arrivals(**(one | other))]
    losing = {"loss", "burst", "send_error"} & set(other)
    if losing:
        assert all(after for before, after in zip(lost, with_other, strict=True) if before)
    else:
        assert lost == with_other


def test_loss_comes_in_bursts_as_long_and_as_often_as_asked() -> None:
    lost = [not copies for copies in arrivals(burst=0.01, burst_length=20)]
    starts = sum(after and not before for before, after in pairwise([False, *lost]))
    assert starts == pytest.approx(MANY * 0.01 / (1 + 0.01 * 20), rel=0.3)
    assert sum(lost) / starts == pytest.approx(20, rel=0.4)


def test_a_burst_of_length_one_is_a_single_loss() -> None:
    lost = [not copies for copies in arrivals(burst=0.1, burst_length=1)]
    assert any(lost)
    assert not any(before and after for before, after in pairwise(lost))


def test_bits_flip_and_ends_are_cut_off_as_often_as_asked() -> None:
    flipped = [copies[0].datagram for copies in arrivals(flip=0.25)]
    assert share([datagram != BODY for datagram in flipped]) == pytest.approx(0.25, abs=0.04)
    assert {len(datagram) for datagram in flipped} == {64}
    cut = [copies[0].datagram for copies in arrivals(truncate=0.25)]
    assert share([len(datagram) < 64 for datagram in cut]) == pytest.approx(0.25, abs=0.04)
    assert all(BODY.startswith(datagram) for datagram in cut)


def test_a_crosswired_datagram_has_the_bytes_of_one_that_somebody_else_sent() -> None:
    network = Network(3, 1, Faults())
    network.set_link(0, 1, Faults(crosswire=0.25))
    seen = []
    for number in range(MANY):
        network.carry(2, 1, b"other %d" % number)
        [copy] = network.carry(0, 1, b"ours %d" % number)
        seen.append((number, copy.datagram))
    crossed = [(number, datagram) for number, datagram in seen if datagram[:5] == b"other"]
    assert share([d != b"ours %d" % n for n, d in seen]) == pytest.approx(0.25, abs=0.04)
    assert all(number - 16 <= int(datagram[6:]) <= number for number, datagram in crossed)
    assert len(crossed) == network.befell["crosswired"]
    assert not network.intact


def test_nothing_is_crossed_where_nobody_else_sends() -> None:
    assert {copies[0].datagram for copies in arrivals(crosswire=1.0)} == {BODY}


def test_jitter_is_uniform() -> None:
    late = extra(arrivals(jitter=0.2))
    assert 0 <= min(late) < SECOND // 100 < 19 * SECOND // 100 < max(late) < SECOND // 5
    assert sum(late) / MANY == pytest.approx(SECOND / 10, rel=0.05)


def test_a_tail_is_exponential() -> None:
    late = extra(arrivals(tail=0.1))
    assert sum(late) / MANY == pytest.approx(SECOND / 10, rel=0.05)
    assert share([each > SECOND * 3 // 10 for each in late]) == pytest.approx(0.0498, abs=0.01)


def test_some_go_the_slow_way() -> None:
    late = extra(arrivals(slow=0.1, slow_delay=0.5))
    assert set(late) == {0, SECOND // 2}
    assert share([each > 0 for each in late]) == pytest.approx(0.1, abs=0.02)
    assert max(extra(arrivals(slow=0.1))) == SECOND


def test_what_is_too_large_does_not_pass() -> None:
    network = Network(2, 1, Faults(mtu=64))
    assert network.carry(0, 1, bytes(64))
    assert not network.carry(0, 1, bytes(65))
    assert network.befell == {"too large": 1}


def test_a_link_passes_so_many_bytes_a_second_and_the_others_wait_their_turn() -> None:
    network = Network(2, 1, Faults(bandwidth=6400, queue=640))
    seen = carried(network, many=20)
    hundredth = SECOND // 100
    assert extra(seen[:10]) == [hundredth * place for place in range(1, 11)]
    assert not any(seen[10:])
    assert network.befell == {"queue full": 10}
    [copy] = network.carry(0, 1, BODY, now=SECOND // 20)  # five have left the queue
    assert copy.delay == DELAY + 6 * hundredth
    [copy] = network.carry(0, 1, BODY, now=10 * SECOND)
    assert copy.delay == DELAY + hundredth


def test_a_link_that_is_not_full_delays_by_the_size_alone() -> None:
    seen = carried(Network(2, 1, Faults(bandwidth=6400)), many=100, every=SECOND // 100)
    assert set(extra(seen)) == {SECOND // 100}


def test_a_nat_forgets_as_often_as_asked_and_nothing_else_shifts() -> None:
    forgotten: list[int] = []
    network = Network(2, 1, Faults(rebind=0.1, loss=0.3))
    network.on_rebind = forgotten.append
    seen = carried(network)
    assert len(forgotten) == pytest.approx(400, abs=60)
    assert set(forgotten) == {0}
    assert seen == arrivals(loss=0.3)


@pytest.mark.parametrize("name", ["burst_length", "mtu", "bandwidth", "queue", "jitter", "tail"])
@pytest.mark.parametrize("value", [-1, float("inf"), "1", None, True])
def test_what_is_no_amount_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SimError, match=name):
        Faults(**{name: value})


@pytest.mark.parametrize(
    "name", ["burst", "flip", "truncate", "crosswire", "slow", "send_error", "rebind"]
)
@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", None])
def test_what_is_no_probability_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SimError, match=name):
        Faults(**{name: value})
