"""What the types ought to mean, said as naively as possible: the whole history, and who knows what.

Nothing is ever dropped here. Every event is about one *leaf* (an element, an entry, one replica's
part of a counter) and remembers its *past*: what its author had seen of that leaf. A replica is the
set of events that it has seen. A delta tells, for each leaf that it changed, all that its author
has seen of that leaf, and of nothing else; a state tells all. What lives is what was seen and is in
the past of nothing that was seen.

A leaf is named by the path to its value, which is empty for one that stands alone, and a name
within that; so a value inside a map means what it means alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import msgpack

from crdt import Delta
from crdt.values import normalise

Call = tuple[Any, ...]
Path = tuple[tuple[str, str | bytes], ...]

REMOVE = ("remove",)


class Leaf(NamedTuple):
    """What an event is about."""

    path: Path
    name: str


class Event(NamedTuple):
    """Something that happened once."""

    author: str
    leaf: Leaf
    what: Call
    past: frozenset[int]
    """What its author had seen of the leaf."""


class History:
    """All that ever happened, and what of it each replica has seen."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.seen: dict[str, frozenset[int]] = defaultdict(frozenset)

    def happen(self, replica: str, leaf: Leaf, *what: Any) -> None:
        self.events.append(Event(replica, leaf, what, self.of(replica, [leaf])))
        self.seen[replica] |= {len(self.events) - 1}

    def of(self, replica: str, leaves: Iterable[Leaf]) -> frozenset[int]:
        """What a replica has seen of some leaves."""
        wanted = set(leaves)
        return frozenset(e for e in self.seen[replica] if self.events[e].leaf in wanted)

    def not_before(self, seen: frozenset[int], marks: Iterable[int]) -> list[Event]:
        """What was seen and is in the past of none of `marks`, as it happened."""
        past = frozenset[int]().union(*(self.events[mark].past for mark in marks))
        return [self.events[e] for e in sorted(seen - past)]


@dataclass(frozen=True)
class View:
    """One value, as one replica sees it."""

    history: History
    replica: str
    path: Path = ()

    def within(self, *step: Any) -> View:
        return replace(self, path=(*self.path, step))

    def below(self) -> list[Leaf]:
        """The leaves seen of this value, also those at greater depth."""
        seen = {self.history.events[e].leaf for e in self.history.seen[self.replica]}
        return sorted((each for each in seen if each.path[: len(self.path)] == self.path), key=repr)

    def names(self) -> list[str]:
        """The names of the leaves seen of this value itself."""
        return [leaf.name for leaf in self.below() if leaf.path == self.path]

    def happen(self, name: str, *what: Any) -> str:
        self.history.happen(self.replica, Leaf(self.path, name), *what)
        return name

    def live(self, name: str) -> list[Event]:
        """The writes that nothing that was seen has replaced or removed."""
        seen = self.history.of(self.replica, [Leaf(self.path, name)])
        return [e for e in self.history.not_before(seen, seen) if e.what != REMOVE]

    def kept(self, name: str) -> list[Event]:
        """The writes that no removal has seen: those that add up rather than replace."""
        seen = self.history.of(self.replica, [Leaf(self.path, name)])
        removals = [e for e in seen if self.history.events[e].what == REMOVE]
        return [e for e in self.history.not_before(seen, removals) if e.what != REMOVE]


class Meaning(Protocol):
    """What a type is."""

    def change(
        self, view: View, what: Call, stamps: Sequence[int]
    ) -> list[str] | list[Leaf] | None:
        """Make a change; the leaves that it was about, None when it has to be refused."""

    def shows(self, view: View, name: str) -> bool:
        """Whether a leaf is there for a reader."""

    def shown(self, view: View) -> Any:
        """What a reader sees."""


class Reference:
    """The replicas of one value; `shown` must be what the real value of that replica shows."""

    def __init__(self, meaning: Meaning) -> None:
        self.meaning = meaning
        self.history = History()

    def change(self, replica: str, what: Call, delta: Delta | None) -> frozenset[int] | None:
        """What a replica did, as something that can be delivered; None when it is refused."""
        leaves = self.meaning.change(View(self.history, replica), what, _stamps(delta))
        if leaves is None:
            return None
        told = [leaf if isinstance(leaf, Leaf) else Leaf((), leaf) for leaf in leaves]
        return self.history.of(replica, told)

    def deliver(self, replica: str, told: frozenset[int]) -> None:
        """A delta, or a whole state of long ago, arrives."""
        self.history.seen[replica] |= told

    def state(self, replica: str) -> frozenset[int]:
        """All that a replica could tell."""
        return self.history.seen[replica]

    def merge(self, replica: str, other: str) -> None:
        """A whole state arrives."""
        self.deliver(replica, self.state(other))

    def shown(self, replica: str) -> Any:
        """What a reader of that replica sees."""
        return self.meaning.shown(View(self.history, replica))


def _stamps(delta: Delta | None) -> list[int]:
    """The time stamps of a delta's writes, which are the clock's affair (test_clock.py)."""
    entries = delta.fragment().entries.values() if delta else ()
    return [stamp for _, stamp in sorted((w[2], w[0]) for entry in entries for w in entry)]


class Counter:
    """Amounts that add up; a reset takes away those that it has seen, part by part."""

    def change(self, view: View, what: Call, stamps: Sequence[int]) -> list[str]:
        if what[0] == "reset":
            parts = [name for name in view.names() if self.shows(view, name)]
            return [view.happen(name, *REMOVE) for name in parts]
        n = what[1] if what[0] == "increment" else -what[1]
        return [view.happen(view.replica, "add", n)] if n else []

    def shows(self, view: View, name: str) -> bool:
        return bool(view.kept(name))

    def shown(self, view: View) -> Any:
        return repr(sum(event.what[1] for name in view.names() for event in view.kept(name)))


class Bounded:
    """Rights are made, used up and handed on, and each of that is remembered by who did it."""

    def change(self, view: View, what: Call, stamps: Sequence[int]) -> list[str] | None:
        if what[0] == "transfer" and what[2] == view.replica:
            return []
        if what[0] != "increment" and what[1] > self.rights(view).get(view.replica, 0):
            return None
        return [view.happen(view.replica, *what)]

    def shows(self, view: View, name: str) -> bool:
        return True

    def rights(self, view: View) -> dict[str, int]:
        rights: dict[str, int] = defaultdict(int)
        for event in [event for name in view.names() for event in view.kept(name)]:
            kind, n, *to = event.what
            rights[event.author] += n if kind == "increment" else -n
            if to:
                rights[to[0]] += n
        return rights

    def shown(self, view: View) -> Any:
        # Who seems to have less than nothing has got something that was not heard of here.
        rights = {name: max(0, n) for name, n in self.rights(view).items()}
        return sum(rights.values()), rights.get(view.replica, 0)


class Set:
    """An element is there while an add of it lives."""

    def change(self, view: View, what: Call, stamps: Sequence[int]) -> list[str] | None:
        present = [name for name in view.names() if self.shows(view, name)]
        if what[0] == "clear":
            return [view.happen(name, *REMOVE) for name in present]
        name = repr(what[1])
        if what[0] == "add":
            return [view.happen(name, "put")]
        if name in present:
            return [view.happen(name, *REMOVE)]
        return None if what[0] == "remove" else []

    def shows(self, view: View, name: str) -> bool:
        return bool(view.live(name))

    def shown(self, view: View) -> Any:
        return {name for name in view.names() if self.shows(view, name)}


class Flag(Set):
    """A set of one element."""

    def change(self, view: View, what: Call, stamps: Sequence[int]) -> list[str] | None:
        return super().change(view, ("add" if what[0] == "enable" else "discard", ""), stamps)

    def shown(self, view: View) -> Any:
        return repr(bool(super().shown(view)))


class MultiRegister(Set):
    """Every value that lives, each once."""

    def change(self, view: View, what: Call, stamps: Sequence[int]) -> list[str] | None:
        return [view.happen("", "put", 0, normalise(what[1]))]

    def shown(self, view: View) -> Any:
        live = {msgpack.packb(event.what[2]): event.what[2] for event in view.live("")}
        return repr([live[packed] for packed in sorted(live)])


class Register(Set):
    """Of the writes that live the greatest (stamp, author) shows."""

    def change(self, view: View, what: Call, stamps: Sequence[int]) -> list[str] | None:
        return [_later(view, "", *stamps, normalise(what[1]))]

    def shown(self, view: View) -> Any:
        return repr(_winner(view, "").what[2]) if view.live("") else "None"


class LastMap(Set):
    """As a register, entry by entry; a delete is a write of nothing."""

    def change(self, view: View, what: Call, stamps: Sequence[int]) -> list[str] | None:
        if what[0] == "update":
            writes = list(what[1].items())
        elif what[0] == "delete":
            if not self.shows(view, repr(what[1])):
                return None
            writes = [what[1:]]
        else:
            writes = [what[1:]]
        return [
            _later(view, repr(key), stamp, *((key, normalise(value[0])) if value else ()))
            for (key, *value), stamp in zip(writes, stamps, strict=True)
        ]

    def shows(self, view: View, name: str) -> bool:
        return bool(view.live(name)) and len(_winner(view, name).what) > 2

    def shown(self, view: View) -> Any:
        winners = [_winner(view, name).what[2:] for name in super().shown(view)]
        return repr(dict(sorted(winners, key=lambda item: key_order(item[0]))))


def _later(view: View, name: str, stamp: int, *payload: Any) -> str:
    """A write, which has to be later than what its author sees there. (Deletes do not count: they
    may have been collected since, and their stamps with them.)
    """
    assert all(stamp > event.what[1] for event in view.live(name) if len(event.what) > 2)
    return view.happen(name, "put", stamp, *payload)


def _winner(view: View, name: str) -> Event:
    return max(view.live(name), key=lambda event: (event.what[1], event.author))


def key_order(key: str | bytes) -> tuple[bool, Any]:
    """Strings by code point, then bytes."""
    return isinstance(key, bytes), key


class Nested:
    """A key is there, with a type, while a leaf below it is."""

    def change(self, view: View, what: Call, stamps: Sequence[int]) -> list[Leaf] | None:
        *steps, call = what
        for step in steps:
            found = self.types(view, step[1])
            if found and step[0] not in found:
                return None
            view = view.within(*step)
        if call[0] == "delete":
            return self.delete(view, call[1])
        leaves = ACCESSORS[view.path[-1][0]].change(view, call, stamps)
        return None if leaves is None else [Leaf(view.path, str(name)) for name in leaves]

    def delete(self, view: View, key: str | bytes) -> list[Leaf] | None:
        at = len(view.path)
        leaves = [leaf for leaf in self.showing(view) if leaf.path[at][1] == key]
        for leaf in leaves:
            view.history.happen(view.replica, leaf, *REMOVE)
        return leaves or None

    def showing(self, view: View) -> list[Leaf]:
        """The leaves below that are there."""
        return [leaf for leaf in view.below() if _shows(replace(view, path=leaf.path), leaf.name)]

    def types(self, view: View, key: str | bytes) -> set[str]:
        """With which types a key is there."""
        steps = {leaf.path[len(view.path)] for leaf in self.showing(view)}
        return {accessor for accessor, name in steps if name == key}

    def shows(self, view: View, name: str) -> bool:
        raise AssertionError("a map has no leaf of its own")

    def shown(self, view: View) -> Any:
        keys = {leaf.path[len(view.path)][1] for leaf in self.showing(view)}
        return [
            (repr(key), {kind: self._inside(view, kind, key) for kind in self.types(view, key)})
            for key in sorted(keys, key=key_order)
        ]

    def _inside(self, view: View, accessor: str, key: str | bytes) -> Any:
        return ACCESSORS[accessor].shown(view.within(accessor, key))


def _shows(view: View, name: str) -> bool:
    return ACCESSORS[view.path[-1][0]].shows(view, name)


ACCESSORS: dict[str, Meaning] = {
    "counter": Counter(),
    "flag": Flag(),
    "register": Register(),
    "mvregister": MultiRegister(),
    "set": Set(),
    "map": Nested(),
}
"""In the order in which they count when a key has several types."""
