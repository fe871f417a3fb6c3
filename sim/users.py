"""What the users of a plan were told, beside what they find: they only know the types' words.

This is all that the oracle of the invariants knows of values: it does not look at events, so it
notices when the events themselves are wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crdt import CrdtError
from sim.handle import Handle
from sim.plan import Step
from sim.simulation import Simulation


class User:
    """Whoever does a step, with what he sees before and after it."""

    def __init__(self, sim: Simulation, step: Step) -> None:
        """To be made just before the step is done."""
        self._sim = sim
        self._step = step
        self._before = self._counter() if step.do in {"increment", "decrement"} else None

    def done(self) -> None:
        """The step was done: what it wrote has to be there."""
        step, arguments = self._step, self._step.arguments
        watch = self._sim._world.watch
        host = self._sim._host(arguments["node"])
        if self._before is not None:
            amount = arguments["amount"] * (1 if step.do == "increment" else -1)
            watch.data.counted(host, arguments["name"], amount)
            expected = self._before + amount
            missing = "" if self._counter() == expected else f"{self._counter()}, not {expected}"
        else:
            missing = unfulfilled(self._sim[host.name], step.do, arguments)
        if missing:
            detail = f"after {step.do} of {dict(arguments)}: {missing}"
            watch.promised(host.name, self._sim._world.agenda.now, detail)

    def _counter(self) -> int | None:
        node = self._sim[self._step.arguments["node"]]
        if not node.running:
            return None
        try:
            return node.counter(self._step.arguments["name"]).value
        except CrdtError:
            return None  # the name has another type there; the step will say so


def unfulfilled(node: Handle, do: str, arguments: Mapping[str, Any]) -> str:
    """What a node shows that is not as the change has it; empty when all is well."""
    name = arguments["name"]
    if do in {"add", "discard"}:
        there = arguments["element"] in node.set(name)
        return "" if there == (do == "add") else f"the element is {'' if there else 'not '}there"
    if do in {"put", "delete"}:
        value = node.map(name).get(arguments["key"])
        expected = arguments["value"] if do == "put" else None
        return "" if value == expected else f"the value is {value!r}"
    return ""  # a change that this oracle does not know
