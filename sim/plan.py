"""A run as data: what is there, what happens to it, and the one integer that all chance comes from.

A plan can be written by hand (a scenario, in TOML), drawn from a seed (`swarm.py`), saved, replayed
and made smaller (`shrink.py`); it is the same thing each time. A run is named by the version, the
plan and its seed, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from gossip import Timing
from sim.actions import ACTIONS, Action
from sim.agenda import nanoseconds
from sim.errors import SimError
from sim.host import how_many
from sim.network import Faults
from sim.tuning import tuned

VERSION = 1
"""The version of what a plan means. A plan of another version would be another run."""


class PlanError(SimError):
    """A plan says something that cannot be meant. Nothing was run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, at a virtual second: an action and its arguments (`actions.py`)."""

    at: float
    do: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def action(self) -> Action:
        """What it does."""
        return ACTIONS[self.do]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole run. `PlanError` when it cannot be meant."""

    nodes: int = 5
    seconds: float = 60.0
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    """The network everywhere, until something else is set."""
    timing: Mapping[str, float] = field(default_factory=dict)
    """How patient members are, where it is not as usual (`tuning.py`)."""
    settle: float = 0.0
    """Virtual seconds that the cluster has, after `seconds`, to agree once everything is healed; 0
    when that is not asked of it."""
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        if type(self.seed) is not int:
            raise PlanError(f"seed is an integer, not {self.seed!r}")
        try:
            names = {f"n{index}" for index in range(how_many(self.nodes))}
            nanoseconds(self.seconds, "seconds")
            nanoseconds(self.settle, "settle")
            tuned(self.timing)
            for number, step in enumerate(self.steps, 1):
                _check(number, step, names)
        except PlanError:
            raise
        except SimError as error:
            raise PlanError(str(error)) from None

    def in_order(self) -> list[Step]:
        """The steps by time; those of one moment as they are written."""
        return sorted(self.steps, key=lambda step: step.at)

    def to_data(self) -> dict[str, Any]:
        """Plain data, with nothing in it that is as always."""
        usual = Plan()
        data: dict[str, Any] = {"version": VERSION}
        for each in fields(self):
            value = getattr(self, each.name)
            value = dict(value) if each.name == "timing" else value
            if each.name not in {"steps", "faults"} and value != getattr(usual, each.name):
                data[each.name] = value
        faults = {
            name: value for name, value in asdict(self.faults).items()
            if value != getattr(usual.faults, name)
        }  # fmt: skip
        if faults:
            data["faults"] = faults
        if self.steps:
            data["steps"] = [{"at": s.at, "do": s.do, **s.arguments} for s in self.steps]
        return data

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """The plan behind `to_data`, or one written by hand. `PlanError` for anything else."""
        known = {each.name for each in fields(cls)} | {"version"}
        table(data, "a plan", known)
        version = data.get("version", VERSION)
        if type(version) is not int or version != VERSION:
            raise PlanError(f"a plan of version {version!r}: this is version {VERSION}")
        given = {key: value for key, value in data.items() if key != "version"}
        faults = given.get("faults", {})
        table(faults, "faults", {each.name for each in fields(Faults)})
        table(given.get("timing", {}), "timing", {each.name for each in fields(Timing)})
        steps = given.get("steps", [])
        if type(steps) is not list:
            raise PlanError(f"steps is a list, not {steps!r}")
        try:
            given["faults"] = Faults(**faults)
        except SimError as error:
            raise PlanError(f"faults: {error}") from None
        given["steps"] = tuple(_step(number, step) for number, step in enumerate(steps, 1))
        return cls(**given)


def table(data: Any, what: str, known: set[str]) -> None:
    """`PlanError` unless `data` is a table with none but these keys."""
    if type(data) is not dict:
        raise PlanError(f"{what} is a table, not {data!r}")
    for key in data:
        if key not in known:
            raise PlanError(f"{what}: unknown key {key!r}; known are {', '.join(sorted(known))}")


def _check(number: int, step: Step, nodes: set[str]) -> None:
    """`PlanError`, with the number of the step, unless it can be meant."""
    where = f"step {number} (at {step.at}, {step.do})"
    try:
        nanoseconds(step.at, "at")
        if step.do not in ACTIONS:
            raise SimError(f"there is no such action; there are {', '.join(ACTIONS)}")
        step.action().check(step.arguments, nodes)
    except SimError as error:
        raise PlanError(f"{where}: {error}") from None


def _step(number: int, data: Any) -> Step:
    if type(data) is not dict or "at" not in data or type(data.get("do")) is not str:
        raise PlanError(f"step {number} says when (at) and what (do), and this does not: {data!r}")
    return Step(data["at"], data["do"], {k: v for k, v in data.items() if k not in {"at", "do"}})
