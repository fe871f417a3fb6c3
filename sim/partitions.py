"""Who does not reach whom: the shapes of partitions, and cuts that begin and end.

A grudge says for each sender whom it does not reach; it is directed, so anything can be said with
it. The shapes below make the usual ones out of the names of nodes, in the order in which they are
given: the same names in another order are another partition of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from itertools import count

from sim.errors import SimError

Grudge = Mapping[str, Collection[str]]
"""For each sender, those that it does not reach."""


def grudge(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """The grudge that cuts exactly these ways, each from the first to the second."""
    cut: dict[str, frozenset[str]] = {}
    for source, destination in pairs:
        cut[source] = cut.get(source, frozenset()) | {destination}
    return cut


def between(*groups: Collection[str], one_way: bool = False) -> dict[str, frozenset[str]]:
    """Nobody reaches the other groups; with `one_way`, only the first group does not."""
    everybody = frozenset(name for group in groups for name in group)
    cut: dict[str, frozenset[str]] = {}
    for group in groups[:1] if one_way else groups:
        others = everybody - frozenset(group)  # one set for all of a group: a thousand share it
        cut |= dict.fromkeys(sorted(group), others)
    return cut


def halves(names: Sequence[str]) -> dict[str, frozenset[str]]:
    """The first half and the rest; the rest has one more when they are odd."""
    middle = len(names) // 2
    return between(names[:middle], names[middle:])


def isolate(names: Sequence[str]) -> dict[str, frozenset[str]]:
    """The first is alone."""
    return between(names[:1], names[1:])


def bridge(names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Two halves that do not reach each other, and the first, which both reach."""
    return halves(names[1:])


def ring(names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Everybody hears a majority, and no two the same one: that of their neighbours in a ring."""
    count = len(names)
    majority = count // 2 + 1
    cut: dict[str, frozenset[str]] = {}
    for place, source in enumerate(names):
        reached = {names[(place + step - (majority - 1) // 2) % count] for step in range(majority)}
        cut[source] = frozenset(names) - reached
    return cut


def mute(names: Sequence[str]) -> dict[str, frozenset[str]]:
    """The first hears the others, and they do not hear it."""
    return between(names[:1], names[1:], one_way=True)


def deaf(names: Sequence[str]) -> dict[str, frozenset[str]]:
    """The others hear the first, and it does not hear them."""
    return between(names[1:], names[:1], one_way=True)


SHAPES: dict[str, Callable[[Sequence[str]], dict[str, frozenset[str]]]] = {
    shape.__name__: shape for shape in (halves, isolate, bridge, ring, mute, deaf)
}
"""Every shape by its name."""


class Severance:
    """A cut in force, over the indices of hosts. Its flaps cost nothing: they follow from `now`."""

    __slots__ = ("_cut", "_flap", "_since", "name")

    def __init__(self, name: str, cut: Mapping[int, frozenset[int]], since: int, flap: int) -> None:
        self.name = name
        self._cut = cut
        self._since = since
        self._flap = flap

    def severs(self, source: int, destination: int, now: int) -> bool:
        """Whether this way is cut at this moment."""
        if self._flap and (now - self._since) // self._flap % 2:
            return False
        return destination in self._cut.get(source, ())


class Cut:
    """A cut as a scenario holds it, to be healed alone."""

    __slots__ = ("_active", "_heal", "name")

    def __init__(self, name: str, active: Callable[[], bool], heal: Callable[[], object]) -> None:
        self.name = name
        self._active = active
        self._heal = heal

    def __repr__(self) -> str:
        return f"<cut {self.name}, {'in force' if self.active else 'healed'}>"

    @property
    def active(self) -> bool:
        """Whether it is in force: until it is healed, alone or with everything, or replaced."""
        return self._active()

    def heal(self) -> None:
        """End this cut and no other; nothing happens when it has ended already."""
        if self.active:
            self._heal()


def checked(cut: object, names: Mapping[str, object]) -> dict[str, frozenset[str]]:
    """`cut` as a grudge among these names, from a grudge or from pairs; `SimError` otherwise."""
    if isinstance(cut, str | bytes) or not isinstance(cut, Iterable):
        raise SimError(f"a cut is a set of pairs (from, to), or a grudge, not {cut!r}")
    if isinstance(cut, Mapping):
        lists = [(source, _names(others)) for source, others in cut.items()]
    else:
        lists = [(source, [other]) for source, other in map(_pair, cut)]
    clean: dict[str, frozenset[str]] = {}
    for source, others in lists:
        for name in (source, *others):
            if not isinstance(name, str) or name not in names:
                raise SimError(f"there is no node {name!r}: they are n0 to n{len(names) - 1}")
        if source in others:
            raise SimError(f"a cut is between two nodes, and {source} is one")
        clean[source] = clean.get(source, frozenset()) | frozenset(others)
    return clean


def free_name(taken: Container[str]) -> str:
    """The name of a cut that was given none: nobody else's."""
    return next(name for number in count() if (name := f"cut {number}") not in taken)


def _names(others: object) -> Collection[str]:
    if isinstance(others, str) or not isinstance(others, Collection):
        raise SimError(f"a grudge is a collection of names for each sender, not {others!r}")
    return others


def _pair(pair: object) -> tuple[str, str]:
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise SimError(f"a cut is a set of pairs (from, to), not of {pair!r}")
    return pair[0], pair[1]
