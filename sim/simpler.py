"""Plans that are simpler than a given one: what `shrink` tries, in the order in which it is tried.

Each function is given a plan and yields candidates, those that gain most first. Nothing here knows
whether a candidate still fails; one that cannot be meant is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from math import ceil, floor
from typing import Any

from sim.actions import ACTIONS
from sim.arguments import WORDS
from sim.errors import SimError
from sim.faults import Faults
from sim.plan import Plan, Step

Rename = Callable[[str], str | None]
"""A new name for a node; None when it is gone."""

ENDS = {
    "restart": ("crash", "leave"),
    "resume": ("pause",),
    "heal": ("partition", "cut", "sever"),
    "mend": ("cut", "sever"),
    "slow": ("slow",),
    "drift": ("drift",),
    "disk": ("disk",),
    "link": ("link",),
}
"""Which actions undo which. Taken away apart, a start without its end is another, longer fault."""

KEPT = frozenset({"nodes", "seconds", "seed", "steps", "faults"})
"""What is not simply put back to what is usual."""


def changed(plan: Plan, **values: Any) -> Iterator[Plan]:
    """The plan with other values, if that can be meant and is another plan."""
    try:
        candidate = replace(plan, **values)
    except SimError:
        return
    if candidate != plan:
        yield candidate


# Less of it.


def cut(plan: Plan, time: float) -> Iterator[Plan]:
    """Nothing after the failure."""
    end = min(plan.seconds, float(ceil(time)))
    before = tuple(step for step in plan.in_order() if step.at <= time)
    settle = plan.settle if time > plan.seconds else 0.0
    yield from changed(plan, seconds=end, steps=before, settle=settle)


def without_classes(plan: Plan) -> Iterator[Plan]:
    """One whole class of faults less, or one setting as it usually is."""
    yield from changed(plan, faults=Faults())
    for sort in ("fault", "data", "speech"):
        kept = tuple(step for step in plan.steps if getattr(step.action(), sort))
        yield from changed(plan, steps=kept)
    for sort in ("data", "speech"):
        kept = tuple(step for step in plan.steps if not getattr(step.action(), sort))
        yield from changed(plan, steps=kept)
    for each in fields(Plan):
        if each.name not in KEPT:
            yield from changed(plan, **{each.name: getattr(Plan(), each.name)})
            yield from _without_keys(plan, each.name)
    for each in fields(Faults):
        usual = getattr(Faults(), each.name)
        yield from changed(plan, faults=replace(plan.faults, **{each.name: usual}))
    for name in dict.fromkeys(step.do for step in plan.steps):
        kept = tuple(step for step in plan.steps if step.do != name)
        yield from changed(plan, steps=kept)


def _without_keys(plan: Plan, name: str) -> Iterator[Plan]:
    """A setting that is a table with one entry less."""
    table = getattr(plan, name)
    for gone in table if isinstance(table, Mapping) else ():
        yield from changed(plan, **{name: {k: v for k, v in table.items() if k != gone}})


def fewer_nodes(plan: Plan) -> Iterator[Plan]:
    """One node less, with the steps that are its own; several at first, when none names them."""
    named = [int(name[1:]) for step in plan.steps for name in _names(step, plan)]
    for count in dict.fromkeys((2, 3, 1 + max(named, default=0))):
        if count < plan.nodes and count > max(named, default=0):
            yield from changed(plan, nodes=count)
    for gone in range(plan.nodes - 1, -1, -1):
        yield from _renamed(plan, _closing_up(gone), plan.nodes - 1)


def units(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """The steps with the start and the end of a fault as one, in order of their starts."""
    made: list[list[Step]] = []
    for step in steps:
        started = ENDS.get(step.do, ())
        for unit in reversed(made):
            if len(unit) == 1 and unit[0].do in started and _concerns(step, unit[0]):
                unit.append(step)
                break
        else:
            made.append([step])
    return [tuple(unit) for unit in made]


# Simpler values.


def simpler_values(plan: Plan) -> Iterator[Plan]:
    """One value simpler: a time, an argument, a length, an intensity, the number of a node."""
    yield from _shorter(plan)
    for place, step in enumerate(plan.steps):
        for at in _rounder(step.at):
            yield from _with_step(plan, place, replace(step, at=at))
        for key, value in step.arguments.items():
            less = {k: v for k, v in step.arguments.items() if k != key}
            yield from _with_step(plan, place, replace(step, arguments=less))
            for other in _smaller(value):
                yield from _with_step(
                    plan, place, replace(step, arguments={**step.arguments, key: other})
                )
    for each in fields(Faults):
        given = getattr(plan.faults, each.name)
        for value in _smaller(given) if given != getattr(Faults(), each.name) else ():
            try:
                faults = replace(plan.faults, **{each.name: value})
            except SimError:
                continue
            yield from changed(plan, faults=faults)
    yield from _lower_numbers(plan)


def _shorter(plan: Plan) -> Iterator[Plan]:
    """Less time between two steps, and after the last one. Not less to settle: what does not come
    to rest in so short a time is no failure.
    """
    steps = tuple(plan.in_order())
    moments = [0.0, *(step.at for step in steps), plan.seconds]
    for place in range(1, len(moments)):
        gap = moments[place] - moments[place - 1]
        for surplus in (floor(gap), floor(gap - 1), floor(gap / 2)):
            if surplus > 0:
                later = tuple(
                    step if index < place - 1 else replace(step, at=round(step.at - surplus, 9))
                    for index, step in enumerate(steps)
                )
                yield from changed(plan, steps=later, seconds=round(plan.seconds - surplus, 9))


def _with_step(plan: Plan, place: int, step: Step) -> Iterator[Plan]:
    steps = (*plan.steps[:place], step, *plan.steps[place + 1 :])
    yield from changed(plan, steps=tuple(sorted(steps, key=lambda each: each.at)))


def _rounder(value: float) -> Iterator[float]:
    """The value as whole seconds, or at least with fewer digits; nothing for one that is whole."""
    if value != int(value):
        yield from dict.fromkeys((float(round(value)), float(floor(value)), float(ceil(value))))
        yield from (each for each in (round(value, 1), round(value, 2)) if each != value)


def _smaller(value: Any) -> Iterator[Any]:
    """Numbers of less size and fewer digits, and lists with one entry less."""
    if isinstance(value, list):
        for place, entry in enumerate(value):
            yield [*value[:place], *value[place + 1 :]]
            for other in _smaller(entry) if isinstance(entry, list) else ():
                yield [*value[:place], other, *value[place + 1 :]]
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not value:
        return
    if isinstance(value, int):
        yield from dict.fromkeys(less for less in (0, 1, value // 2) if abs(less) < abs(value))
        return
    yield 0.0
    yield from _rounder(value)
    rough = float(f"{value:.1g}")
    yield from dict.fromkeys(less for less in (rough, rough / 2) if abs(less) < abs(value))


# The names of nodes.


def _lower_numbers(plan: Plan) -> Iterator[Plan]:
    """A node that is named trades places with a lower one that is not."""
    named = {name for step in plan.steps for name in _names(step, plan)}
    for high in range(plan.nodes - 1, 0, -1):
        for low in range(high):
            if f"n{high}" in named and f"n{low}" not in named:
                yield from _renamed(plan, _trading(f"n{high}", f"n{low}"), plan.nodes)


def _trading(a: str, b: str) -> Rename:
    """Two nodes trade places."""
    places = {a: b, b: a}
    return lambda name: places.get(name, name)


def _closing_up(gone: int) -> Rename:
    """One node is gone, and those above it move down."""

    def rename(name: str) -> str | None:
        index = int(name[1:])
        return None if index == gone else f"n{index - (index > gone)}"

    return rename


def _renamed(plan: Plan, rename: Rename, nodes: int) -> Iterator[Plan]:
    """The plan with other names; a step that has no meaning without a node is gone with it."""
    names = {f"n{index}" for index in range(nodes)}
    steps = []
    for step in plan.steps:
        try:
            arguments = {
                key: value if _is_text(step, key) else _rename(value, rename, plan)
                for key, value in step.arguments.items()
            }
            step.action().check(arguments, names)
        except (KeyError, SimError):
            continue
        steps.append(replace(step, arguments=arguments))
    if nodes:
        yield from changed(plan, steps=tuple(steps), nodes=nodes)


def _rename(value: Any, rename: Rename, plan: Plan) -> Any:
    """A value with its nodes renamed; in a list, those that are gone are left out; `KeyError` when
    the value itself is one.
    """
    if isinstance(value, list):
        kept = (each for each in value if not _is_node(each, plan) or rename(each) is not None)
        return [_rename(each, rename, plan) for each in kept]
    if not _is_node(value, plan):
        return value
    name = rename(value)
    if name is None:
        raise KeyError(value)
    return name


def _names(step: Step, plan: Plan) -> Iterator[str]:
    """The nodes that a step names."""
    for key, value in step.arguments.items():
        if not _is_text(step, key):
            yield from _nodes_in(value, plan)


def _nodes_in(value: Any, plan: Plan) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _nodes_in(each, plan)
    elif _is_node(value, plan):
        yield value


def _is_node(value: Any, plan: Plan) -> bool:
    digits = value[1:] if isinstance(value, str) and value[:1] == "n" else ""
    return digits.isdecimal() and int(digits) < plan.nodes


def _is_text(step: Step, key: str) -> bool:
    """Whether an argument is a user's text, where "n1" names no node."""
    return ACTIONS[step.do].arguments[key].check in WORDS


def _concerns(end: Step, start: Step) -> bool:
    """Whether one step is about what another is about; one that names nothing is about all."""
    return _subject(end) in {(), _subject(start)}


def _subject(step: Step) -> tuple[Any, ...]:
    return tuple(step.arguments[key] for key in ("node", "a", "b", "name") if key in step.arguments)
