"""Lengths of time as people type them: ``500ms``, ``2s``, ``1.5m``, ``1h``; bare seconds too."""

from __future__ import annotations

import math
import re

UNITS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
FORM = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ms|s|m|h|)")


def seconds(text: str) -> float:
    """The length in seconds; ValueError for anything else."""
    found = FORM.fullmatch(text.strip())
    value = float(found[1]) * UNITS[found[2]] if found else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a length of time like 500ms, 2s or 1m")
    return value
