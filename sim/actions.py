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

from crdt import CrdtError, InsufficientRights, OutOfRange
from sim.arguments import (
    COUNT,
    DURATION,
    GROUPS,
    LIE,
    MAYBE,
    NODE,
    PAIRS,
    PAYLOAD,
    PERHAPS_DURATIONS,
    PERHAPS_LONG,
    PERHAPS_NODE,
    PERHAPS_NODES,
    PERHAPS_RELAYS,
    PERHAPS_SOME,
    PERHAPS_TEXT,
    PERHAPS_TIMES,
    RATE,
    SECONDS,
    SEVERAL,
    SHAPE,
    TABLE,
    TAGS,
    TEXT,
    TIMEOUT,
    TOPIC,
    VALUE,
    Argument,
    part_of,
)
from sim.disk import Health
from sim.errors import SimError
from sim.fates import lay_down
from sim.faults import Faults
from sim.handle import Handle
from sim.partitions import SHAPES
from sim.simulation import Simulation
from sim.values import NESTED, Place

Together = Callable[[Mapping[str, Any]], None]
"""Refuses arguments that do not fit each other with a `SimError`."""


@dataclass(frozen=True, slots=True)
class Action:
    """What can happen: `perform(sim, **arguments)`, False when it had no effect."""

    perform: Callable[..., bool]
    arguments: Mapping[str, Argument]
    data: bool = False
    """Whether it is a change of data by a user."""
    speech: bool = False
    """Whether it is what a user or an operator has a member say, and no fault either."""
    together: Together = lambda _: None

    @property
    def fault(self) -> bool:
        """Whether it is nothing that anybody wants."""
        return not (self.data or self.speech)

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


Enter = Callable[[Callable[..., bool]], Callable[..., bool]]


def action(together: Together = lambda _: None, /, **arguments: Argument) -> Enter:
    """Make a function an action, which is a fault; `together` as in `Action`."""

    def enter(perform: Callable[..., bool]) -> Callable[..., bool]:
        ACTIONS[perform.__name__] = Action(perform, arguments, together=together)
        return perform

    return enter


def speech(**arguments: Argument) -> Enter:
    """Make a function an action of users or operators, which changes no data."""

    def enter(perform: Callable[..., bool]) -> Callable[..., bool]:
        ACTIONS[perform.__name__] = Action(perform, arguments, speech=True)
        return perform

    return enter


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


def _forward(given: Mapping[str, Any]) -> None:
    if given.get("monotonic") and given["seconds"] < 0:
        raise SimError("jump: the monotonic clock only moves forward: seconds is a number from 0")


@action(_forward, node=NODE, seconds=SECONDS, monotonic=MAYBE)
def jump(sim: Simulation, node: str, seconds: float, monotonic: bool = False) -> bool:
    """The wall clock moves; with `monotonic`, both clocks do, forward only."""
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


@action(node=NODE, **{each.name: part_of(Health, each.name) for each in fields(Health)})
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


def _two(given: Mapping[str, Any]) -> None:
    if given["a"] == given["b"]:
        raise SimError(f"a and b are two nodes, not {given['a']} twice")


_FAULTS = {each.name: part_of(Faults, each.name) for each in fields(Faults)}


@action(_two, a=NODE, b=NODE, **_FAULTS)
def link(sim: Simulation, a: str, b: str, **faults: float) -> bool:
    """The direction from a to b is different from now on."""
    sim.link(a, b, **faults)
    return True


@action(_two, a=NODE, b=NODE, arrives=PERHAPS_DURATIONS)
def fate(sim: Simulation, a: str, b: str, arrives: Sequence[float] = ()) -> bool:
    """The next datagram from a to b arrives so many seconds later, once for each; with none, it is
    lost.
    """
    lay_down(sim, a, b, arrives)
    return True


@action(node=NODE, what=LIE, about=NODE, accuser=PERHAPS_NODE)
def lie(sim: Simulation, node: str, what: str, about: str, accuser: str | None = None) -> bool:
    """A member says of another what is not so, to all; in the name of a third one, where that is
    the lie.
    """
    return _possible(lambda: sim[node].lie(what, about, accuser or node))


# What users and operators have members say.


@speech(node=NODE, topic=TOPIC, payload=PAYLOAD, times=PERHAPS_TIMES)
def broadcast(
    sim: Simulation, node: str, topic: str, payload: object = None, times: int = 1
) -> bool:
    """A user tells something to those of all nodes; so many times, as far as there is room."""
    said = [_possible(lambda: sim[node].broadcast(topic, payload) > 0) for _ in range(times)]
    return any(said)


@speech(
    node=NODE, topic=TOPIC, payload=PAYLOAD, timeout=TIMEOUT, only=PERHAPS_NODES,
    relays=PERHAPS_RELAYS, think=PERHAPS_LONG, decline=MAYBE,
)  # fmt: skip
def query(sim: Simulation, node: str, topic: str, timeout: float, **options: Any) -> bool:
    """A user asks those of all nodes, or `only` of some; these think for so long and then answer,
    or decline to.
    """
    return _possible(lambda: sim[node].query(topic, timeout=timeout, **options) > 0)


@speech(node=NODE, tags=TAGS)
def set_tags(sim: Simulation, node: str, tags: dict[str, str]) -> bool:
    """A member has these tags and no others from now on."""
    return _possible(lambda: sim[node].set_tags(tags))


@speech(node=NODE, who=NODE)
def force_leave(sim: Simulation, node: str, who: str) -> bool:
    """An operator has a member that is suspected or has failed taken for gone."""
    return _possible(lambda: sim[node].force_leave(who))


def _possible(say: Callable[[], bool]) -> bool:
    """What became of it; False too when it cannot be said: the node is down, stopped or full."""
    try:
        return say()
    except SimError:
        return False


# What users do to data.

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
    except (InsufficientRights, OutOfRange):
        return False
    return True


def _if_running(handle: Handle, act: Callable[[Handle], object]) -> bool:
    if not handle.running:
        return False
    act(handle)
    return True
