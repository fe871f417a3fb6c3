"""What the users of a plan were told, beside what they find: they only know the types' words.

This is all that the oracle of the invariants knows of values: it does not look at events, so it
notices when the events themselves are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crdt import BoundedCounter, CrdtError, MVRegister, ORMap
from sim.actions import place
from sim.plan import Step
from sim.simulation import Simulation
from sim.values import same

Given = Mapping[str, Any]
"""The arguments of a step."""

AFTER: Mapping[str, Callable[[Any, Given], Any]] = {
    "increment": lambda before, given: before + given["amount"],
    "decrement": lambda before, given: before - given["amount"],
    "reset": lambda *_: 0,
    "transfer": lambda before, given: before - (given["to"] != given["node"]) * given["amount"],
    "enable": lambda *_: True,
    "disable": lambda *_: False,
    "assign": lambda _, given: (
        [given["value"]] if given.get("type") == MVRegister.NAME else given["value"]
    ),
    "add": lambda before, given: before | {given["element"]},
    "discard": lambda before, given: before - {given["element"]},
    "remove": lambda before, given: before - {given["element"]},
    "clear": lambda *_: frozenset(),
    "put": lambda before, given: before | {given["key"]: given["value"]},
    "update": lambda before, given: before | given["entries"],
    "delete": lambda before, given: {k: v for k, v in before.items() if k != given["key"]},
}
"""What is there after a change, by what was there before: as if there were one user."""

SIGNS = {"increment": 1, "decrement": -1, "transfer": 0}
"""How much of its amount a change adds to a counter."""


class User:
    """Whoever does a step, with what he sees before and after it."""

    def __init__(self, sim: Simulation, step: Step) -> None:
        """To be made just before the step is done."""
        self._step = step
        self._place = place(step.do, step.arguments)
        self._watch, self._now = sim._world.watch, sim._world.agenda.now
        self._host = sim._host(step.arguments["node"])
        self._node = sim[self._host.name]
        self._before = self._events = None
        if self._node.running and self._host.peer is not None:
            store = self._host.peer.store
            self._before, self._events = self._seen(), store.context.last(store.replica)

    def done(self) -> None:
        """The step was done: what it wrote has to be there."""
        do, given = self._step.do, self._step.arguments
        self._tell(do, given)
        expected, found = AFTER[do](self._before, given), self._seen()
        if not same(found, expected):
            detail = f"after {do} of {dict(given)}: {found!r:.200}, not {expected!r:.200}"
            self._watch.promised(self._host.name, self._now, detail)

    def _tell(self, do: str, given: Given) -> None:
        """Let the invariants know what became of counters."""
        peer, sums = self._host.peer, self._watch.data.sums
        assert peer is not None
        assert self._events is not None
        if do in SIGNS:
            amount = SIGNS[do] * given["amount"]
            if peer.store.context.last(peer.store.replica) > self._events:
                sums.counted(self._host, peer, self._place, amount, self._now)
        elif do == "reset":
            sums.reset(peer, self._place, self._events)
        elif self._place.kind == ORMap.NAME:
            sums.deleted(peer, self._place, given["key"], self._events)

    def _seen(self) -> Any:
        """What the node shows; of a bounded counter the rights, because these are the user's own:
        the value may count takings of others whose adding has not been heard of.
        """
        try:
            value = self._place.open(self._node)
        except CrdtError:
            return None  # another type is there, so the step will have no effect
        return value.rights if self._place.kind == BoundedCounter.NAME else value.value
