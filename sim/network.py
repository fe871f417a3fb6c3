"""The network between the hosts: every link, and the cuts that are in force.

Hosts are their index here. What becomes of one datagram is decided in `link.py`; who reaches whom
in `partitions.py`. A link is made when something can befall its datagrams, so a thousand hosts over
a good network cost nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence

from sim.agenda import nanoseconds
from sim.faults import Faults, probability
from sim.link import Copy, Link, Way, copy_of
from sim.partitions import Severance

__all__ = ["Faults", "Network", "probability"]

RECENT = 32
"""Datagrams of the whole network that another one can be crossed with: our choice."""

PARTITION = "partition"
"""The name of the cut that `partition` makes and replaces."""


class Network:
    """Every link, and the cuts that are in force."""

    def __init__(self, hosts: int, seed: int, faults: Faults) -> None:
        self.faults = faults
        """What a link is like for which nothing was set."""
        self.befell: Counter[str] = Counter()
        """What happened to datagrams so far, and how often."""
        self.cuts: dict[str, Severance] = {}
        """The cuts in force, by their names."""
        self.intact = not faults.bending
        """Whether no datagram can ever have arrived with other bytes."""
        self.tuned = False
        """Whether any link is, or was, another one than everywhere."""
        self.on_rebind: Callable[[int], object] = int
        """Is told the host that a NAT forgot. Nobody listens to the network alone."""
        self._hosts = hosts
        self._seed = seed
        self._good = None if faults.chancy else nanoseconds(faults.delay, "delay")
        self._links: dict[Way, Link] = {}
        self._crossing = bool(faults.crosswire)
        self._recent: deque[tuple[Way, bytes]] = deque(maxlen=RECENT)

    def carry(self, source: int, destination: int, datagram: bytes, now: int = 0) -> Sequence[Copy]:
        """What arrives of a datagram that is sent now: nothing, itself, or more and worse."""
        way = (source, destination)
        link = self._links.get(way)
        if link is None and self._good is None:
            link = self._link(way)
        if self._crossing:
            self._recent.append((way, datagram))
        if self.cuts and self._severed(source, destination, now):
            self.befell["cut"] += 1
            if link is not None:
                link.skip()
            return ()
        if link is None:
            assert self._good is not None
            return (copy_of((self._good, datagram, False)),)
        if not link.chancy:
            link.skip()
            return (copy_of((link.delay, datagram, False)),)
        if link.faults.rebind and link.forgotten():
            self.on_rebind(source)
        return link.carry(datagram, now, self._recent, self.befell)

    def refuse(self, source: int, destination: int, now: int) -> int | None:
        """How long the word of a host takes that it has no process there, this way; None: for ever.

        It meets the firewall, the cuts, the losses and the delays of its way, and nothing else.
        """
        if self.cuts and self._severed(source, destination, now):
            self.befell["refusal lost"] += 1
            return None
        link = self._links.get((source, destination))
        if link is None and self._good is not None and not self.faults.silent:
            return self._good
        return (link or self._link((source, destination))).refuse(self.befell)

    def partition(self, groups: Sequence[Collection[int]], *, one_way: bool, now: int = 0) -> None:
        """Let only hosts of one group reach each other; those in none form one more.

        With `one_way`, only what the first group sends to the others is lost.
        """
        everybody = frozenset(range(self._hosts))
        rest = everybody.difference(*groups)
        cut: dict[int, frozenset[int]] = {}
        for group in groups[:1] if one_way else (*groups, rest):
            cut |= dict.fromkeys(sorted(group), everybody.difference(group))
        self.cut(PARTITION, cut, now)

    def cut(self, name: str, cut: Mapping[int, frozenset[int]], now: int, flap: int = 0) -> None:
        """Cut these ways, in place of the cut of this name; with `flap`, in turns of so long."""
        self.cuts[name] = Severance(name, cut, now, flap)

    def heal(self) -> None:
        """End every cut; links keep what was set for them."""
        self.cuts.clear()

    def set_link(self, source: int, destination: int, faults: Faults) -> None:
        """Make one direction between two hosts different, until it is set again."""
        self._link((source, destination)).set(faults)
        self.tuned = True
        self.intact = self.intact and not faults.bending
        self._crossing = self._crossing or bool(faults.crosswire)

    def _link(self, way: Way) -> Link:
        link = self._links.get(way)
        if link is None:
            link = self._links[way] = Link(self._seed, way, self.faults)
        return link

    def _severed(self, source: int, destination: int, now: int) -> bool:
        return any(cut.severs(source, destination, now) for cut in self.cuts.values())
