"""Fates that a plan lays down for single datagrams, in place of those that chance would draw."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sim.agenda import nanoseconds
from sim.link import Copy, Way
from sim.network import Network
from sim.simulation import Simulation


class Fates:
    """Stands before a network, and decides for it where something was laid down."""

    def __init__(self, network: Network) -> None:
        self._carry = network.carry
        self._befell = network.befell
        self._due: dict[Way, deque[tuple[int, ...]]] = {}

    def lay_down(self, way: Way, arrives: tuple[int, ...]) -> None:
        """The next datagram of this way for which nothing is laid down yet arrives after these
        nanoseconds, once for each.
        """
        self._due.setdefault(way, deque()).append(arrives)

    def carry(self, source: int, destination: int, datagram: bytes, now: int = 0) -> Sequence[Copy]:
        """What arrives of a datagram. The network is asked too, so that the luck of all others is
        theirs; what it cuts off stays cut off.
        """
        cut = self._befell["cut"]
        copies = self._carry(source, destination, datagram, now)
        due = self._due.get((source, destination))
        if not due:
            return copies
        fate = due.popleft()
        if self._befell["cut"] > cut:
            return copies
        return tuple(Copy(delay, datagram) for delay in fate)


def lay_down(sim: Simulation, a: str, b: str, arrives: Sequence[float]) -> None:
    """Decide the fate of the next datagram from a to b: how many seconds later it arrives, once for
    each; that it is lost, when there is none.
    """
    world = sim._world
    world.calm = False
    fates = getattr(world.network.carry, "__self__", None)
    if not isinstance(fates, Fates):
        fates = Fates(world.network)
        setattr(world.network, "carry", fates.carry)  # noqa: B010  # this network alone
    index = {host.name: host.index for host in world.hosts}
    fates.lay_down((index[a], index[b]), tuple(nanoseconds(each, "arrives") for each in arrives))
