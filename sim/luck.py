"""The fate of single datagrams: noted down in one run, laid down in another.

A plan draws the fate of every datagram from its probabilities. To find out which of them mattered,
shrinking plays the plan once, writes a step `fate` for each datagram that met bad luck, and does
without the probabilities. A datagram that arrived with other bytes counts as lost there: nobody
opens it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.agenda import SECOND, nanoseconds
from sim.link import Copy, Way
from sim.network import Network
from sim.plan import Plan, Step
from sim.runner import play
from sim.simulation import Simulation


class Notes:
    """Between a run and its network: a step for each datagram that met anything but the delay."""

    def __init__(self, usual: int) -> None:
        self.steps: list[Step] = []
        self._usual = usual
        self._sent: dict[Way, tuple[int, int, int]] = {}  # the last: when, how many, how many noted

    def listen(self, sim: Simulation) -> None:
        """Note what happens from now on."""
        self._network: Network = sim._world.network
        self._carry = self._network.carry
        setattr(self._network, "carry", self._noted)  # noqa: B010  # an instance, for one run

    def _noted(
        self, source: int, destination: int, datagram: bytes, now: int = 0
    ) -> Sequence[Copy]:
        cut = self._network.befell["cut"]
        copies = self._carry(source, destination, datagram, now)
        if self._network.befell["cut"] == cut:
            good = [copy.delay for copy in copies if copy.datagram is datagram]
            self._note((source, destination), good, now)
        return copies

    def _note(self, way: Way, arrives: list[int], now: int) -> None:
        """A fate belongs to the next datagram, so it is laid down after the one before was sent;
        those that were sent at one moment get theirs together, good luck included.
        """
        at, many, noted = self._sent.get(way, (-1, 0, 0))
        many, noted = (many + 1, noted) if at == now else (1, 0)
        if arrives != [self._usual]:
            before = now - 1 if now else 0
            good = self._step(before, way, [self._usual])
            self.steps += [good] * (many - 1 - noted)
            self.steps.append(self._step(before, way, arrives))
            noted = many
        self._sent[way] = now, many, noted

    def _step(self, at: int, way: Way, arrives: list[int]) -> Step:
        arguments: dict[str, Any] = {"a": f"n{way[0]}", "b": f"n{way[1]}"}
        if arrives:
            arguments["arrives"] = [delay / SECOND for delay in arrives]
        return Step(at / SECOND, "fate", arguments)


def noted(plan: Plan) -> tuple[Step, ...]:
    """The fates of all datagrams of a plan that met bad luck, as steps."""
    notes = Notes(nanoseconds(plan.faults.delay, "delay"))
    play(plan, before=notes.listen)
    return tuple(notes.steps)
