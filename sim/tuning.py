"""How patient the members of a plan are: some of the constants of `gossip.Timing`, set otherwise.

A constant that was only ever run with one value hides what depends on it. A plan names those that
it changes, in seconds where they are times; the others are as for one site (`Timing.lan()`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from gossip import Timing
from sim.agenda import nanoseconds
from sim.errors import SimError

COUNTS = frozenset({"indirect_probes", "suspicion_mult", "gossip_fanout", "retransmit_mult"})
"""The constants that are numbers of something; all others are times."""


def tuned(overrides: Mapping[str, Any]) -> Timing:
    """The timing with these constants set; `SimError` for what cannot be one."""
    known = [field.name for field in fields(Timing)]
    changes: dict[str, int] = {}
    for name, value in overrides.items():
        if name not in known:
            raise SimError(f"timing: unknown constant {name!r}; known are {', '.join(known)}")
        if name in COUNTS:
            if type(value) is not int:
                raise SimError(f"timing: {name} is a number from 1, not {value!r}")
            changes[name] = value
        else:
            changes[name] = nanoseconds(value, f"timing: {name}")
    try:
        return replace(Timing.lan(), **changes)
    except ValueError as error:
        raise SimError(f"timing: {error}") from None
