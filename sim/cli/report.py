"""`coterie sim report`: a run as one HTML page, to be looked at in any browser.

It takes what the other verbs take: a saved plan, the seed of a drawn one, or the flags of `coterie
sim run` for a cluster that is left to itself. It ends with 0 when every invariant held, with 1 when
one was broken (the page is there all the same), with 2 for what cannot be meant.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sim.cli.run import flags
from sim.errors import SimError
from sim.faults import Faults
from sim.plan import Plan

NODES, SECONDS = 5, 60.0
"""Of a run of which only faults or data are asked for: as in `coterie sim run`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A run to be shown."""

    plan: Plan
    workload: bool = False
    canary: str = ""


def add(verbs: Any) -> None:
    """Add the verb."""
    parser = verbs.add_parser("report", help="a run as one HTML page: who sent what to whom")
    parser.add_argument("file", nargs="?", metavar="FILE", help="a saved plan, JSON or TOML")
    parser.add_argument("--scenario", metavar="FILE", help="the same")
    parser.add_argument(
        "--seed",
        type=int,
        metavar="K",
        help="the plan that sweep draws from K; with any flag below, the run of `sim run --seed K`",
    )
    parser.add_argument("--nodes", type=int, metavar="N", help=f"how many members ({NODES})")
    parser.add_argument("--seconds", type=float, metavar="S", help=f"virtual seconds ({SECONDS:g})")
    parser.add_argument("--workload", action="store_true", help="change data all the while")
    for each in fields(Faults):
        words = "of the network, as in `sim run`"
        parser.add_argument(*flags(each.name), type=float, metavar="X", help=words)
    parser.add_argument("--canary", default="", metavar="NAME", help="plant this defect first")
    parser.add_argument(
        "-o",
        dest="output",
        default="report.html",
        metavar="PAGE",
        help="where the page goes (default report.html)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play what was asked for, write the page and print where it is."""
    from sim.canaries import planted
    from sim.report import report

    output = Path(args.output)
    try:
        asked = chosen(args)
        if output.is_dir() or not output.absolute().parent.is_dir():
            raise SimError(f"{output} cannot be written: it is, or lies in, no such folder")
        with planted(asked.canary):
            outcome, page = report(asked.plan, command(args), workload=asked.workload)
    except SimError as error:
        print(f"coterie: {error}; try: coterie sim report --help", file=sys.stderr)
        return 2
    try:
        output.write_text(page, "utf-8")
    except OSError as error:
        print(
            f"coterie: {output} cannot be written ({error.strerror or error}); try: another -o",
            file=sys.stderr,
        )
        return 2
    print(output)
    for violation in outcome.violations:
        print(f"coterie: {violation}", file=sys.stderr)
    return 1 if outcome.violations else 0


def chosen(args: argparse.Namespace) -> Asked:
    """The run that the arguments name; `SimError` when they name none, or two."""
    given = {
        each.name: value
        for each in fields(Faults)
        if (value := getattr(args, each.name)) is not None
    }
    plain = bool(given) or args.workload or args.nodes is not None or args.seconds is not None
    saved = [name for name in (args.file, args.scenario) if name is not None]
    if len(saved) > 1 or (saved and (plain or args.seed is not None)):
        raise SimError("a plan in a file is a whole run: name one, and neither seed nor flags")
    if saved:
        from sim.seeds import load

        found = load(Path(saved[0]))
        return Asked(found.plan, canary=args.canary or found.canary)
    if args.seed is not None and not plain:
        from sim.swarm import draw

        return Asked(draw(args.seed), canary=args.canary)
    return _left_to_itself(args, given)


def _left_to_itself(args: argparse.Namespace, given: dict[str, Any]) -> Asked:
    """The run that `coterie sim run` makes of the same flags."""
    from sim.canaries import canary

    bird = canary(args.canary) if args.canary else None
    if bird is not None and bird.leak:
        raise SimError(f"{bird.name} shows in no run alone: coterie sim run --canary {bird.name}")
    plan = Plan(
        nodes=NODES if args.nodes is None else args.nodes,
        seconds=SECONDS if args.seconds is None else args.seconds,
        seed=args.seed or 0,
        faults=Faults(**given),
        steps=bird.steps if bird is not None else (),
    )
    return Asked(plan, args.workload or (bird is not None and bird.workload), args.canary)


def command(args: argparse.Namespace) -> str:
    """What was typed, to be typed again."""
    words = ["coterie", "sim", "report", *([args.file] if args.file else [])]
    for name in ("scenario", "seed", "nodes", "seconds", *(each.name for each in fields(Faults))):
        value = getattr(args, name)
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    words += ["--workload"] * args.workload
    words += ["--canary", args.canary] * bool(args.canary)
    return shlex.join(words)
