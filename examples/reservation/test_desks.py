"""The desks under a partition, in virtual time: pytest examples/reservation

The fixture `simulated_cluster` comes with coterie. The same scenario runs over both kinds of desk,
and the naive one has to fail in it. Other seeds are other losses: --sim-seed 0:100
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from desks import SHARE, CarefulDesk, NaiveDesk

from sim import Faults
from sim.app import SimulatedCluster
from sim.plugin import SimulatedClusters

CUSTOMERS = 10
"""More at each desk than it has seats, fewer than there are in the hall."""


def rush(kind: type[NaiveDesk | CarefulDesk]) -> Callable[[SimulatedCluster], Awaitable[int]]:
    """Customers at every desk, while n0 is cut off from the others; how many got a seat."""

    async def scenario(cluster: SimulatedCluster) -> int:
        desks = [kind(cluster[name]) for name in cluster.names]
        for desk in desks:
            desk.open()
        await cluster.converged(timeout=30)
        cluster.partition({"n0"}, {"n1", "n2"})
        sold = 0
        for _ in range(CUSTOMERS):
            for desk in desks:
                sold += await desk.sell()
            await trio.sleep(0.5)
        cluster.heal()
        await cluster.converged(timeout=60)
        seats = SHARE * len(desks)
        assert sold <= seats, f"sold {sold} of {seats} seats"
        return sold

    return scenario


def test_a_naive_desk_sells_seats_twice(simulated_cluster: SimulatedClusters) -> None:
    """Each side of the partition sells the whole hall."""
    with pytest.raises(AssertionError, match="sold 22 of 12 seats"):
        simulated_cluster(rush(NaiveDesk), faults=Faults(loss=0.05))


def test_a_careful_desk_sells_every_seat_once(simulated_cluster: SimulatedClusters) -> None:
    """Rights are divided, so no two desks can sell one seat; and none is left over."""
    assert simulated_cluster(rush(CarefulDesk), faults=Faults(loss=0.05)).value == 12
