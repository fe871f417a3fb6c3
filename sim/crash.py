"""An exception out of our own code: one more promise that a run can break.

Two crashes are the same failure when the same type of exception is raised in the same function, so
that is the name of what was broken: a plan shrinks to the smallest one with this crash, and a saved
one says which it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten
from traceback import walk_tb
from types import FrameType

from sim.errors import InvariantViolation, SimError
from sim.handle import Handle
from sim.host import Host
from sim.invariants import Broken, Invariant
from sim.plan import Step
from sim.simulation import Simulation

NO_CRASH = Invariant("no-crash", "nothing raises")

OURS = frozenset({"crdt", "gossip", "node", "sim"})
"""Whose functions name a crash: a library that raises was called by one of them."""

DETAIL_MAX = 300
"""Characters that are told of an exception; it may carry a whole state."""


@contextmanager
def nothing_raises(sim: Simulation) -> Iterator[None]:
    """While the block runs, an exception out of our own code is raised as the `InvariantViolation`
    that it caused.
    """
    try:
        yield
    except SimError:
        raise
    except Exception as error:
        raise _crash(sim, error) from error


def _crash(sim: Simulation, error: Exception) -> InvariantViolation:
    frames = [
        (frame, line)
        for frame, line in walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] in OURS
    ]
    nodes = (name for frame, _ in frames for name in _nodes(frame))
    last, line = frames[-1]
    kind, module = type(error).__name__, last.f_globals["__name__"]
    name = f"{NO_CRASH.name} ({kind} in {module}.{last.f_code.co_qualname})"
    seen = shorten(f"{kind}: {error}", DETAIL_MAX, placeholder=" …")
    return sim._violation(
        Broken(
            Invariant(name, NO_CRASH.words),
            next(nodes, "no node"),  # the outermost is the one whose turn it was
            sim._world.agenda.now,
            f"{seen} ({module}, line {line})",
        )
    )


def _nodes(frame: FrameType) -> Iterator[str]:
    """The nodes that a function is at."""
    for value in frame.f_locals.values():
        match value:
            case Host(name=name) | Handle(name=name) | Step(arguments={"node": str(name)}):
                yield name
