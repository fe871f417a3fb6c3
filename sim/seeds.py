"""Saved plans: a run in a file, with what was found in it.

A file is a plan, in JSON or TOML, and may say in a table `found` which invariant the plan broke,
with which canary, and what the hash of that run was. `tests/seeds/` holds the smallest plan of each
bug that was ever found; a test plays them for ever.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import SimError
from sim.plan import Plan, PlanError, table
from sim.swarm import draw

FOLDER = Path("tests/seeds")
"""Where `coterie sim shrink` puts what it found, below the folder it is called in."""

FILE_BYTES_MAX = 16 * 1024 * 1024
"""No plan is larger; what is larger was named by mistake."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A plan, and what is known of its run; "" for what is not."""

    plan: Plan
    invariant: str = ""
    """The name of the invariant that it broke."""
    trace_hash: str = ""
    """The hash of the run in which it did."""
    canary: str = ""
    """The defect that was planted for it."""

    def to_data(self) -> dict[str, Any]:
        """Plain data: the plan's, and the table `found`."""
        found = {
            name: value
            for name in ("invariant", "trace_hash", "canary")
            if (value := getattr(self, name))
        }
        data = self.plan.to_data()
        return {"version": data.pop("version"), **({"found": found} if found else {}), **data}

    @classmethod
    def from_data(cls, data: Any) -> Saved:
        """What is behind `to_data`, or a bare plan. `PlanError` for anything else."""
        if type(data) is not dict:
            raise PlanError(f"a plan is a table, not {data!r}")
        found = data.get("found", {})
        table(found, "found", {"invariant", "trace_hash", "canary"})
        if not all(type(value) is str for value in found.values()):
            raise PlanError(f"found holds text, not {found!r}")
        plan = Plan.from_data({key: value for key, value in data.items() if key != "found"})
        return cls(plan, **found)

    def save(self, path: Path) -> None:
        """Write it to a file, for `load`: TOML when its name says so, JSON otherwise."""
        data = self.to_data()
        text = toml(data) if path.suffix == ".toml" else json.dumps(data, indent=1) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def load(path: Path) -> Saved:
    """The plan in a file. `PlanError`, with the name of the file, when there is none."""
    try:
        with path.open("rb") as file:  # a device has no size, and no end
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise SimError(f"larger than {FILE_BYTES_MAX} bytes: this is no plan")
        text = content.decode()
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        return Saved.from_data(data)
    except OSError as error:
        raise PlanError(f"{path}: cannot be read ({error.strerror or error})") from None
    except SimError as error:
        raise PlanError(f"{path}: {error}") from None
    except (ValueError, RecursionError) as error:  # not text, no such format, too many digits
        raise PlanError(f"{path}: neither JSON nor (as .toml) TOML: {error}") from None


# What the verbs take: a seed or a file.


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name one run."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("file", nargs="?", metavar="FILE", help="a saved plan, JSON or TOML")
    which.add_argument("--seed", type=int, metavar="K", help="the plan that sweep draws from K")
    add_canary(parser)


def add_canary(parser: argparse.ArgumentParser) -> None:
    """Add the argument that plants a defect."""
    parser.add_argument("--canary", default="", metavar="NAME", help="plant this defect first")


def chosen(args: argparse.Namespace) -> Saved:
    """The run that the arguments name; a canary of the command line wins over the file's."""
    saved = load(Path(args.file)) if args.seed is None else Saved(draw(args.seed))
    if not args.canary:
        return saved
    known = saved if saved.canary == args.canary else Saved(saved.plan)
    return Saved(saved.plan, known.invariant, known.trace_hash, args.canary)


def named(word: str) -> Saved:
    """The run that one word names: a number is a seed, and everything else a file."""
    return Saved(draw(int(word))) if re.fullmatch(r"-?\d+", word) else load(Path(word))


def source(args: argparse.Namespace, canary: str) -> str:
    """The arguments that name the same run again."""
    which = args.file if args.seed is None else f"--seed {args.seed}"
    return f"{which} --canary {canary}" if canary and args.seed is not None else str(which)


# Text.


def toml(data: Mapping[str, Any]) -> str:
    """Plain data as TOML: a line for each key, and one for each step."""
    lines = []
    for key, value in data.items():
        if type(value) is list and value and type(value[0]) is dict:
            lines += [f"{_key(key)} = [", *(f"  {_value(entry)}," for entry in value), "]"]
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(text: str) -> str:
    """A TOML string: JSON's, which leaves one control character as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
