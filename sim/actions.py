"""Everything that can happen in a plan, by name: to a node, to the network, and by its users.

An action is a function of a simulation and named arguments, each with what checks it, so that a
plan is refused as a whole before anything is run. What has no effect when its turn comes (a crash
of a node that is down, a change at one) is left out: a plan must stay one when steps are taken
away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from crdt import CrdtError, InsufficientRights
from crdt.values import normalise
from sim.agenda import finite, nanoseconds
from sim.clocks import drift as drift_rate
from sim.disk import Health
from sim.errors import SimError
from sim.fates import lay_down
from sim.faults import Faults
from sim.handle import Handle
from sim.partitions import SHAPES
from sim.simulation import Simulation
from sim.values import NESTED, Place

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
    together: Callable[[Mapping[str, Any]], None] = lambda _: None
    """Refuses arguments that do not fit each other with a `SimError`."""

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
        self.together(given)


ACTIONS: dict[str, Action] = {}
"""Every action by its name; one enters by being defined."""


def action(**arguments: Argument) -> Callable[..., Callable[..., bool]]:
    """Make a function an action, which is a fault."""

    def enter(perform: Callable[..., bool]) -> Callable[..., bool]:
        ACTIONS[perform.__name__] = Action(perform, arguments, data=False)
        return perform

    return enter


# What arguments are.


def _node(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not str or value not in nodes:
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


def _several(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not list or len(value) < 2:
        raise SimError(f"{what} is a list of two nodes or more, not {value!r}")
    _groups([value], what, nodes)


def _pairs(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not list:
        raise SimError(f"{what} is a list of pairs of nodes, not {value!r}")
    for pair in value:
        if type(pair) is not list or len(pair) != 2:
            raise SimError(f"{what} is a list of pairs of nodes, not of {pair!r}")
        _groups([pair], what, nodes)


def _durations(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not list:
        raise SimError(f"{what} is a list of numbers of seconds, not {value!r}")
    for each in value:
        nanoseconds(each, what)


def _shape(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not str or value not in SHAPES:
        raise SimError(f"{what}: there is no shape {value!r}: {', '.join(SHAPES)}")


def _rate(value: Any, _what: str, _: set[str]) -> None:
    drift_rate(value)


def _some(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not int or value < 1:
        raise SimError(f"{what} is a number from 1, not {value!r}")


def _value(value: Any, what: str, _: set[str]) -> None:
    try:
        normalise(value)
    except (TypeError, ValueError) as error:
        raise SimError(f"{what} is plain data: {error}") from None


def _table(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not dict or not all(type(key) is str for key in value):
        raise SimError(f"{what} is a table of texts, not {value!r}")
    _value(value, what, nodes)


def _part_of(record: type[Faults | Health], name: str) -> Argument:
    """An argument that is a field of this record, and checked by it."""

    def check(value: Any, _what: str, _: set[str]) -> None:
        record(**{name: value})

    return Argument(check, required=False)


NODE, GROUPS, TEXT, COUNT = Argument(_node), Argument(_groups), Argument(_text), Argument(_count)
SECONDS, DURATION, RATE = Argument(_seconds), Argument(_duration), Argument(_rate)
SEVERAL, PAIRS, SHAPE = Argument(_several), Argument(_pairs), Argument(_shape)
VALUE, TABLE = Argument(_value), Argument(_table)
MAYBE, PERHAPS_TEXT, PERHAPS_NODE, PERHAPS_LONG, PERHAPS_SOME = (
    Argument(check, required=False) for check in (_flag, _text, _node, _duration, _some)
)


# What happens to nodes.


@action(node=NODE, power=MAYBE)
def crash(sim: Simulation, node: str, power: bool = False) -> bool:
    """The process ends without a word; with `power`, its whole host."""
    return _if_running(sim[node], lambda handle: handle.crash(power=power))


@action(node=NODE, lose_disk=MAYBE, snapshot=PERHAPS_TEXT, clone=PERHAPS_NODE)
def restart(
    sim: Simulation,
    node: str,
    lose_disk: bool = False,
    snapshot: str | None = None,
    clone: str | None = None,
) -> bool:
    """A new process, on the same disk, on an empty one, on the snapshot of this name, or on what
    the disk of another node holds now; of these, the last that is given.
    """
    disk = None if snapshot is None else sim.snapshots.get(snapshot)
    if sim[node].running or (snapshot is not None and clone is None and disk is None):
        return False
    if clone is not None:
        disk = sim[clone].snapshot()
    sim[node].restart(lose_disk=lose_disk and disk is None, disk=disk)
    return True


@action(node=NODE, name=TEXT)
def snapshot(sim: Simulation, node: str, name: str) -> bool:
    """What the disk holds is kept under this name, for a restart."""
    sim.snapshots[name] = sim[node].snapshot()
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


@action(node=NODE, rate=RATE)
def drift(sim: Simulation, node: str, rate: float) -> bool:
    """Both clocks gain so many seconds per second from now on."""
    sim[node].drift(rate)
    return True


@action(node=NODE, seconds=SECONDS, monotonic=MAYBE)
def jump(sim: Simulation, node: str, seconds: float, monotonic: bool = False) -> bool:
    """The wall clock moves; with `monotonic`, both clocks do, forward only."""
    if monotonic and seconds < 0:
        return False
    sim[node].jump(seconds, monotonic=monotonic)
    return True


@action(node=NODE, seconds=DURATION, inbox=PERHAPS_SOME)
def slow(sim: Simulation, node: str, seconds: float, inbox: int | None = None) -> bool:
    """Every event takes the process so long from now on."""
    sim[node].slow(seconds, *([] if inbox is None else [inbox]))
    return True


@action(node=NODE, forwarded=MAYBE)
def rebind(sim: Simulation, node: str, forwarded: bool = True) -> bool:
    """A NAT gives the node a new address."""
    sim[node].rebind(forwarded=forwarded)
    return True


@action(node=NODE, **{each.name: _part_of(Health, each.name) for each in fields(Health)})
def disk(sim: Simulation, node: str, **health: float) -> bool:
    """The disk is so bad from now on; what is left out is as usual."""
    sim[node].disk(**health)
    return True


@action(node=NODE, records=PERHAPS_SOME)
def rot(sim: Simulation, node: str, records: int = 1) -> bool:
    """A bit flips in so many records of the disk."""
    return sim[node].rot(records) > 0


# What happens to the network.


@action(groups=GROUPS, one_way=MAYBE)
def partition(sim: Simulation, groups: list[list[str]], one_way: bool = False) -> bool:
    """Only nodes of one group reach each other."""
    sim.partition(*groups, one_way=one_way)
    return True


@action()
def heal(sim: Simulation) -> bool:
    """Everything that cuts ends."""
    sim.heal()
    return True


@action(name=TEXT, pairs=PAIRS, flap=PERHAPS_LONG)
def cut(sim: Simulation, name: str, pairs: list[list[str]], flap: float = 0.0) -> bool:
    """The first of each pair no longer reaches the second; with `flap`, in turns of so long."""
    sim.cut([(source, destination) for source, destination in pairs], name=name, flap=flap)
    return True


@action(name=TEXT, shape=SHAPE, nodes=SEVERAL, flap=PERHAPS_LONG)
def sever(sim: Simulation, name: str, shape: str, nodes: list[str], flap: float = 0.0) -> bool:
    """A cut of a shape that has a name, over these nodes in this order."""
    sim.cut(SHAPES[shape](nodes), name=name, flap=flap)
    return True


@action(name=TEXT)
def mend(sim: Simulation, name: str) -> bool:
    """The cut of this name ends, and no other."""
    cut = sim.cuts.get(name)
    if cut is None or not cut.active:
        return False
    cut.heal()
    return True


@action(a=NODE, b=NODE, **{each.name: _part_of(Faults, each.name) for each in fields(Faults)})
def link(sim: Simulation, a: str, b: str, **faults: float) -> bool:
    """The direction from a to b is different from now on."""
    if a == b:
        return False
    sim.link(a, b, **faults)
    return True


@action(a=NODE, b=NODE, arrives=Argument(_durations, required=False))
def fate(sim: Simulation, a: str, b: str, arrives: Sequence[float] = ()) -> bool:
    """The next datagram from a to b arrives so many seconds later, once for each; with none, it is
    lost.
    """
    if a == b:
        return False
    lay_down(sim, a, b, arrives)
    return True


# What users do.

CHANGES: dict[str, tuple[str, Mapping[str, Argument]]] = {
    "increment": ("counter gcounter bounded", {"amount": COUNT}),
    "decrement": ("counter bounded", {"amount": COUNT}),
    "reset": ("counter", {}),
    "transfer": ("bounded", {"amount": COUNT, "to": NODE}),
    "enable": ("flag", {}),
    "disable": ("flag", {}),
    "assign": ("register mvregister", {"value": VALUE}),
    "add": ("set", {"element": TEXT}),
    "discard": ("set", {"element": TEXT}),
    "remove": ("set", {"element": TEXT}),
    "clear": ("set", {}),
    "put": ("map", {"key": TEXT, "value": VALUE}),
    "update": ("map", {"entries": TABLE}),
    "delete": ("map ormap", {"key": TEXT}),
}
"""Each change by a user: the types that have it, the usual one first, and what it takes beside
`node`, `name`, `type` and `path`; in the order in which its method takes it."""

PRESENT = frozenset({"remove", "delete"})
"""The changes of what has to be there."""


def place(do: str, arguments: Mapping[str, Any]) -> Place:
    """The value that a change with these arguments is about."""
    usual = CHANGES[do][0].split()[0]
    return Place(arguments.get("type", usual), arguments["name"], arguments.get("path", ""))


def _enter(do: str) -> None:
    """Make a change an action."""
    kinds, takes = CHANGES[do][0].split(), CHANGES[do][1]

    def perform(sim: Simulation, **arguments: Any) -> bool:
        given = [arguments[name] for name in takes]
        return _changed(sim, arguments["node"], place(do, arguments), do, given)

    def kind(value: Any, what: str, _: set[str]) -> None:
        if value not in kinds:
            raise SimError(f"{what} is one of {', '.join(kinds)}, not {value!r}")

    def together(given: Mapping[str, Any]) -> None:
        where = place(do, given)
        if where.path and where.kind not in NESTED:
            raise SimError(f"{do}: there is no {where.kind} within a map: leave path out")

    perform.__name__ = do
    usual = {"node": NODE, "name": TEXT, "type": Argument(kind, required=False)}
    ACTIONS[do] = Action(
        perform, {**usual, "path": PERHAPS_TEXT, **takes}, data=True, together=together
    )


for _do in CHANGES:
    _enter(_do)


def _changed(sim: Simulation, node: str, where: Place, do: str, given: list[Any]) -> bool:
    """Change a value; False when it cannot be: another type is there, or what it takes is not."""
    if not sim[node].running:
        return False
    try:
        value = where.open(sim[node])
        if do == "transfer":  # to whoever the node is now: each of its boots is another replica
            if not sim[given[1]].running:
                return False
            given = [given[0], where.open(sim[given[1]]).replica]
    except CrdtError:
        return False
    if do in PRESENT and given[0] not in value:
        return False
    try:
        getattr(value, "set" if do == "assign" else do)(*given)
    except InsufficientRights:
        return False
    return True


def _if_running(handle: Handle, act: Callable[[Handle], object]) -> bool:
    if not handle.running:
        return False
    act(handle)
    return True
