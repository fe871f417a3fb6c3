"""Everything that can happen in a plan, by name: to a node, to the network, and by its users.

An action is a function of a simulation and named arguments, each with what checks it, so that a
plan is refused as a whole before anything is run. What has no effect when its turn comes (a crash
of a node that is down, a change at one) is left out: a plan must stay one when steps are taken
away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.agenda import finite, nanoseconds
from sim.errors import SimError
from sim.handle import Handle
from sim.network import probability
from sim.simulation import Simulation

Check = Callable[[Any, str, set[str]], None]
"""Refuses an argument (its value, its name, the names of the nodes) with a `SimError`."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an action."""

    check: Check
    required: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """What can happen: `perform(sim, **arguments)`, False when it had no effect."""

    perform: Callable[..., bool]
    arguments: Mapping[str, Argument]
    data: bool
    """Whether it is a change by a user, and no fault."""

    def check(self, given: Mapping[str, Any], nodes: set[str]) -> None:
        """`SimError` unless these arguments can be meant in a cluster of these nodes."""
        name = self.perform.__name__
        for key in given:
            if key not in self.arguments:
                known = ", ".join(self.arguments)
                raise SimError(f"{name}: unknown argument {key!r}; known are {known}")
        for key, argument in self.arguments.items():
            if key in given:
                argument.check(given[key], f"{name}: {key}", nodes)
            elif argument.required:
                raise SimError(f"{name} needs {key}")


ACTIONS: dict[str, Action] = {}
"""Every action by its name; one enters by being defined."""


def action(*, data: bool = False, **arguments: Argument) -> Callable[..., Callable[..., bool]]:
    """Make a function an action."""

    def enter(perform: Callable[..., bool]) -> Callable[..., bool]:
        ACTIONS[perform.__name__] = Action(perform, arguments, data)
        return perform

    return enter


# What arguments are.


def _node(value: Any, what: str, nodes: set[str]) -> None:
    if value not in nodes:
        raise SimError(f"{what}: there is no node {value!r}: they are n0 to n{len(nodes) - 1}")


def _groups(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not list or not all(type(group) is list for group in value):
        raise SimError(f"{what} is a list of lists of nodes, not {value!r}")
    placed = [name for group in value for name in group]
    for name in placed:
        _node(name, what, nodes)
        if placed.count(name) > 1:
            raise SimError(f"{what}: {name} is in two groups")


def _text(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not str:
        raise SimError(f"{what} is text, not {value!r}")


def _flag(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not bool:
        raise SimError(f"{what} is true or false, not {value!r}")


def _count(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not int or value < 0:
        raise SimError(f"{what} is a number from 0, not {value!r}")


def _duration(value: Any, what: str, _: set[str]) -> None:
    nanoseconds(value, what)


def _seconds(value: Any, what: str, _: set[str]) -> None:
    finite(value, f"{what} is a number of seconds")


def _chance(value: Any, what: str, _: set[str]) -> None:
    probability(value, what)


NODE, GROUPS, TEXT, COUNT = Argument(_node), Argument(_groups), Argument(_text), Argument(_count)
SECONDS = Argument(_seconds)
MAYBE, PERHAPS_LOSS, PERHAPS_DELAY = (
    Argument(check, required=False) for check in (_flag, _chance, _duration)
)


# What happens to nodes.


@action(node=NODE, power=MAYBE)
def crash(sim: Simulation, node: str, power: bool = False) -> bool:
    """The process ends without a word; with `power`, its whole host."""
    return _if_running(sim[node], lambda handle: handle.crash(power=power))


@action(node=NODE, lose_disk=MAYBE)
def restart(sim: Simulation, node: str, lose_disk: bool = False) -> bool:
    """A new process, on the same disk or on an empty one."""
    if sim[node].running:
        return False
    sim[node].restart(lose_disk=lose_disk)
    return True


@action(node=NODE)
def pause(sim: Simulation, node: str) -> bool:
    """The process stands still."""
    return _if_running(sim[node], Handle.pause)


@action(node=NODE)
def resume(sim: Simulation, node: str) -> bool:
    """The process goes on."""
    return _if_running(sim[node], Handle.resume)


@action(node=NODE)
def leave(sim: Simulation, node: str) -> bool:
    """The process says goodbye and ends; a paused one goes on first."""
    _if_running(sim[node], Handle.resume)
    return _if_running(sim[node], Handle.leave)


@action(node=NODE, seconds=SECONDS)
def skew(sim: Simulation, node: str, seconds: float) -> bool:
    """The wall clock is so far ahead from now on."""
    return _if_running(sim[node], lambda handle: handle.skew(seconds))


# What happens to the network.


@action(groups=GROUPS, one_way=MAYBE)
def partition(sim: Simulation, groups: list[list[str]], one_way: bool = False) -> bool:
    """Only nodes of one group reach each other."""
    sim.partition(*groups, one_way=one_way)
    return True


@action()
def heal(sim: Simulation) -> bool:
    """The partition ends."""
    sim.heal()
    return True


@action(a=NODE, b=NODE, loss=PERHAPS_LOSS, delay=PERHAPS_DELAY)
def link(
    sim: Simulation, a: str, b: str, loss: float | None = None, delay: float | None = None
) -> bool:
    """The direction from a to b is different from now on."""
    if a == b:
        return False
    sim.link(a, b, loss=loss, delay=delay)
    return True


# What users do.


@action(data=True, node=NODE, name=TEXT, amount=COUNT)
def increment(sim: Simulation, node: str, name: str, amount: int) -> bool:
    """Somebody raises a counter."""
    return _if_running(sim[node], lambda handle: handle.counter(name).increment(amount))


@action(data=True, node=NODE, name=TEXT, amount=COUNT)
def decrement(sim: Simulation, node: str, name: str, amount: int) -> bool:
    """Somebody lowers a counter."""
    return _if_running(sim[node], lambda handle: handle.counter(name).decrement(amount))


@action(data=True, node=NODE, name=TEXT, element=TEXT)
def add(sim: Simulation, node: str, name: str, element: str) -> bool:
    """Somebody puts an element into a set."""
    return _if_running(sim[node], lambda handle: handle.set(name).add(element))


@action(data=True, node=NODE, name=TEXT, element=TEXT)
def discard(sim: Simulation, node: str, name: str, element: str) -> bool:
    """Somebody takes an element out of a set, if it is there."""
    return _if_running(sim[node], lambda handle: handle.set(name).discard(element))


@action(data=True, node=NODE, name=TEXT, key=TEXT, value=COUNT)
def put(sim: Simulation, node: str, name: str, key: str, value: int) -> bool:
    """Somebody sets an entry of a map."""
    return _if_running(sim[node], lambda handle: handle.map(name).put(key, value))


@action(data=True, node=NODE, name=TEXT, key=TEXT)
def delete(sim: Simulation, node: str, name: str, key: str) -> bool:
    """Somebody deletes an entry of a map, if it is there."""
    handle = sim[node]
    if not handle.running or key not in handle.map(name):
        return False
    handle.map(name).delete(key)
    return True


def _if_running(handle: Handle, act: Callable[[Handle], object]) -> bool:
    if not handle.running:
        return False
    act(handle)
    return True
