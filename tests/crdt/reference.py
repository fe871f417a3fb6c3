"""What the types ought to mean, said as naively as possible: the whole history, and who knows what.

Nothing is ever dropped here. A replica *knows* a set of events; every event remembers those it
covered, which are the ones of its key that its author knew and nobody had covered; who learns of an
event learns of the death of those with it. What lives is what is known and not covered by anything
known.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Protocol

from crdt import Delta
from crdt.values import normalise

Change = tuple[Any, ...]


class Reference(Protocol):
    """Follows a history; `shown` must be what the real value of that replica shows."""

    def change(self, replica: str, what: Change, delta: Delta) -> Any:
        """What a replica did, as something that can be delivered."""

    def deliver(self, replica: str, event: Any) -> None:
        """A delta arrives."""

    def merge(self, replica: str, other: str) -> None:
        """A whole state arrives."""

    def shown(self, replica: str) -> Any:
        """What a reader of that replica sees."""


@dataclass
class Leaves:
    """Writes and removals of keys, for the types that are made of them."""

    keys: list[str] = field(default_factory=list)
    payloads: list[Any] = field(default_factory=list)
    covers: list[set[int]] = field(default_factory=list)
    known: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    dead: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def live(self, replica: str, key: str) -> set[int]:
        alive = self.known[replica] - self.dead[replica]
        return {e for e in alive if self.keys[e] == key and self.payloads[e] is not None}

    def happen(self, replica: str, key: str, payload: Any) -> int:
        """A new event: a write, or a removal when its payload is None."""
        self.keys.append(key)
        self.payloads.append(payload)
        self.covers.append(self.live(replica, key))
        self.deliver(replica, [event := len(self.keys) - 1])
        return event

    def deliver(self, replica: str, events: list[int]) -> None:
        for event in events:
            self.known[replica] |= {event}
            self.dead[replica] |= self.covers[event]

    def merge(self, replica: str, other: str) -> None:
        self.known[replica] |= self.known[other]
        self.dead[replica] |= self.dead[other]

    def live_keys(self, replica: str) -> list[str]:
        return sorted({key for key in self.keys if self.live(replica, key)})


class SetReference(Leaves):
    """An element is there while an add of it lives."""

    def change(self, replica: str, what: Change, delta: Delta) -> list[int]:
        present = self.live_keys(replica)
        if what[0] == "clear":
            return [self.happen(replica, key, None) for key in present]
        key = repr(what[1])
        if what[0] == "add":
            return [self.happen(replica, key, ())]
        return [self.happen(replica, key, None)] if key in present else []

    def shown(self, replica: str) -> Any:
        return set(self.live_keys(replica))


class MapReference(Leaves):
    """Of the writes that live under a key the greatest (stamp, author) shows, if it is a put."""

    def change(self, replica: str, what: Change, delta: Delta) -> list[int]:
        # The stamps are the clock's affair and are taken from what it gave (test_clock.py).
        stamps = sorted(
            (dot[1], payload[0])
            for leaf in delta.fragment.leaves.values()
            for dot, payload in leaf.entry.items()
        )
        if what[0] == "update":
            writes = [(key, normalise(value)) for key, value in what[1].items()]
        else:
            writes = [(what[1], *(normalise(value) for value in what[2:]))]
        assert len(stamps) == len(writes)
        return [
            self.happen(replica, repr(write[0]), (stamp, replica, *write))
            for (_, stamp), write in zip(stamps, writes, strict=True)
        ]

    def shown(self, replica: str) -> Any:
        winners = []
        for key in self.live_keys(replica):
            payloads = [self.payloads[event] for event in self.live(replica, key)]
            winner = max(payloads, key=lambda payload: payload[:2])
            if len(winner) == 4:
                winners.append(winner[2:])
        return repr(dict(sorted(winners, key=lambda kv: (type(kv[0]) is bytes, kv[0]))))


@dataclass
class CounterReference:
    """Amounts, and those among them that a reset has seen. A delta speaks of all that its author
    knows of one replica's amounts.
    """

    amounts: list[tuple[str, int]] = field(default_factory=list)
    known: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    reset: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def change(self, replica: str, what: Change, delta: Delta) -> tuple[set[int], set[int]]:
        known, reset = self.known[replica], self.reset[replica]
        if what[0] == "reset":
            parts = {self.amounts[event][0] for event in known - reset}
            seen = {event for event in known if self.amounts[event][0] in parts}
            reset |= seen
            return seen, set(seen)
        self.amounts.append((replica, what[1] if what[0] == "increment" else -what[1]))
        known.add(len(self.amounts) - 1)
        mine = {event for event in known if self.amounts[event][0] == replica}
        return mine, mine & reset

    def deliver(self, replica: str, event: tuple[set[int], set[int]]) -> None:
        self.known[replica] |= event[0]
        self.reset[replica] |= event[1]

    def merge(self, replica: str, other: str) -> None:
        self.deliver(replica, (self.known[other], self.reset[other]))

    def shown(self, replica: str) -> Any:
        return sum(self.amounts[e][1] for e in self.known[replica] - self.reset[replica])
