"""How patient the members of a plan are: some of the constants of `gossip.Timing`, set otherwise.

A constant that was only ever run with one value hides what depends on it. A plan names those that
it changes, in seconds where they are times; the others are as for one site (`Timing.lan()`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from gossip import Timing
from sim.agenda import finite, nanoseconds
from sim.errors import SimError

COUNTS = frozenset(
    "indirect_probes gossip_fanout retransmit_mult health_max confirmations verdicts".split()
)
"""The constants that are numbers of something, from 1."""

COUNTS_FROM_ZERO = frozenset({"witnesses", "refusals"})
"""The same, where 0 turns something off."""

FACTORS = frozenset({"suspicion_mult", "suspicion_factor"})
"""The constants that something is multiplied by; all others are times."""


def tuned(overrides: Mapping[str, Any]) -> Timing:
    """The timing with these constants set; `SimError` for what cannot be one."""
    known = [field.name for field in fields(Timing)]
    changes: dict[str, Any] = {}
    for name, value in overrides.items():
        if name not in known:
            raise SimError(f"timing: unknown constant {name!r}; known are {', '.join(known)}")
        if name == "coordinated":
            if type(value) is not bool:
                raise SimError(f"timing: {name} is true or false, not {value!r}")
            changes[name] = value
        elif name in COUNTS or name in COUNTS_FROM_ZERO:
            if type(value) is not int:
                least = 0 if name in COUNTS_FROM_ZERO else 1
                raise SimError(f"timing: {name} is a number from {least}, not {value!r}")
            changes[name] = value
        elif name in FACTORS:
            changes[name] = finite(value, f"timing: {name} is a number")
        else:
            changes[name] = nanoseconds(value, f"timing: {name}")
    try:
        return replace(Timing.lan(), **changes)
    except ValueError as error:
        raise SimError(f"timing: {error}") from None
