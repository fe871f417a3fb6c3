"""Seats of one concert, sold at several desks, each beside a member of the cluster of its own.

A desk answers at once, also when it reaches no other desk. The first kind of desk looks at the
common number of free seats, which during a partition is two numbers. The second kind sells only
what it has the right to sell.
"""

from __future__ import annotations

import trio

from crdt import InsufficientRights
from node import Node

SHARE = 4
"""Seats that each desk brings in: the hall has so many for each of them."""


class NaiveDesk:
    """Sells while the counter says that there is a seat. Two desks that do not reach each other
    both see the last one.
    """

    def __init__(self, node: Node) -> None:
        self._free = node.counter("free seats")

    def open(self) -> None:
        """Bring in this desk's seats."""
        self._free.increment(SHARE)

    async def sell(self) -> bool:
        """Whether the customer got a seat."""
        await trio.lowlevel.checkpoint()
        if self._free.value < 1:
            return False
        self._free.decrement()
        return True


class CarefulDesk:
    """Sells the seats that it has the rights to, and no others, whomever it reaches."""

    def __init__(self, node: Node) -> None:
        self._free = node.bounded("free seats")

    def open(self) -> None:
        """Bring in this desk's seats, and get the rights to them."""
        self._free.increment(SHARE)

    async def sell(self) -> bool:
        """Whether the customer got a seat."""
        await trio.lowlevel.checkpoint()
        try:
            self._free.decrement()
        except InsufficientRights:
            return False
        return True
