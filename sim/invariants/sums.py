"""What the users of counters were told, and what a counter has to show by that.

The totals are kept per replica that changed a counter, each with the event in which it became so,
and with how much of it resets had seen by then. Whoever has seen some of these events knows of each
number the greatest, and the sum is what is left of them. Nothing here looks into a counter.
"""

from __future__ import annotations

from typing import Any

from crdt import BoundedCounter, CausalContext, CrdtError
from gossip import Peer
from sim.host import Host
from sim.invariants.promises import EXACT, OVERDRAWN, Report
from sim.values import Place

Totals = tuple[int, int, int, int]
"""One replica's: what it added and took, and how much of both a reset had seen."""

Part = dict[str, list[tuple[int, Totals]]]
"""What became of one replica's totals, by whoever changed them: its events, and the totals then."""


class Sums:
    """Every counter, in the words of its users."""

    __slots__ = ("_counters", "_open", "_report")

    def __init__(self, report: Report) -> None:
        self._report = report
        self._counters: dict[Place, dict[str, Part]] = {}
        self._open: dict[tuple[int, int, Place], Any] = {}  # by host and boot: opening costs most

    def counted(self, host: Host, peer: Peer, place: Place, amount: int, now: int) -> None:
        """A user was told that a counter had taken this amount, in the latest event here; nothing,
        when all that moved is rights to it.
        """
        replica, context = peer.store.replica, peer.store.context
        part = self._counters.setdefault(place, {}).setdefault(replica, {})
        up, down, up_reset, down_reset = _known(part, context)
        totals = (up + max(0, amount), down + max(0, -amount), up_reset, down_reset)
        part.setdefault(replica, []).append((context.last(replica), totals))
        if place.kind == BoundedCounter.NAME and amount < 0:
            self._overdrawn(host, place, now)

    def reset(self, peer: Peer, place: Place, since: int) -> None:
        """A user was told that a counter was reset: one event about each replica's part of it,
        among the events here after `since`.
        """
        store, prefix = peer.store, place.open(peer)._prefix
        last = store.context.last(store.replica)
        about = {store.log[store.replica][event]: event for event in range(since + 1, last + 1)}
        for replica, part in self._counters.get(place, {}).items():
            event = about.get(prefix + replica.encode())
            if event is not None:
                up, down, _, _ = _known(part, store.context)
                part.setdefault(store.replica, []).append((event, (up, down, up, down)))

    def deleted(self, peer: Peer, place: Place, key: str, since: int) -> None:
        """A user was told that a key of a map was deleted, with all the counters below it."""
        for counter in self._counters:
            if place.holds(counter, key):
                self.reset(peer, counter, since)

    def look(self, host: Host, peer: Peer, context: CausalContext, now: int) -> None:
        """Hold every counter against what its users were told."""
        for place, parts in self._counters.items():
            expected = 0
            for part in parts.values():
                up, down, up_reset, down_reset = _known(part, context)
                expected += up - up_reset - down + down_reset
            if place.kind == BoundedCounter.NAME:  # a taking may be known before its adding
                expected = max(0, expected)
            process = host.index, host.boots, place
            try:
                value = self._open.get(process) or self._open.setdefault(process, place.open(peer))
            except CrdtError:
                continue  # another type is there
            if value.value != expected:
                detail = f"{place.words} is {value.value}, the sum is {expected}"
                self._report(EXACT, host.name, now, detail)

    def _overdrawn(self, host: Host, place: Place, now: int) -> None:
        """Whether more was taken than was ever added, by anybody, whatever each had heard of."""
        parts = self._counters[place]
        own = [part[replica][-1][1] for replica, part in parts.items() if replica in part]
        added, taken = sum(totals[0] for totals in own), sum(totals[1] for totals in own)
        if taken > added:
            detail = f"{taken} were taken from {place.words}, and {added} added"
            self._report(OVERDRAWN, host.name, now, detail)


def _known(part: Part, context: CausalContext) -> Totals:
    """What there is to know of a replica's totals after the events in `context`."""
    latest = [(0, 0, 0, 0)]
    for author, events in part.items():
        latest += next(([now] for event, now in reversed(events) if (author, event) in context), [])
    up, down, up_reset, down_reset = map(max, zip(*latest, strict=True))
    return up, down, up_reset, down_reset
