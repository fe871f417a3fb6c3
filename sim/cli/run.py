"""`coterie sim run`: a cluster left to itself for a while, and what became of it.

It ends with 0 when every invariant held, with 1 when one was broken, with 2 for what cannot be
meant.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import fields
from time import perf_counter
from typing import Any

from sim.errors import InvariantViolation, SimError
from sim.network import Faults
from sim.simulation import Simulation
from sim.workload import Workload

SLICE = 0.1
"""Virtual seconds between two looks at the progress. Splitting a run changes nothing in it."""

REFRESH = 0.2
"""Real seconds between two lines of progress."""

Say = Callable[[str], None]


def add(verbs: Any) -> None:
    """Add the verb."""
    run_parser = verbs.add_parser("run", help="let a cluster run for a while")
    run_parser.add_argument("--nodes", type=int, default=5, help="how many members (default 5)")
    run_parser.add_argument(
        "--seconds", type=float, default=60.0, help="virtual seconds (default 60)"
    )
    run_parser.add_argument("--seed", type=int, default=0, help="all of its chance (default 0)")
    run_parser.add_argument(
        "--workload", action="store_true", help="change data at random nodes all the while"
    )
    for field in fields(Faults):
        metavar = "SECONDS" if field.name == "delay" else "P"
        run_parser.add_argument(
            f"--{field.name}",
            type=float,
            default=field.default,
            metavar=metavar,
            help=f"of the network, {metavar.lower()} (default {field.default:g})",
        )
    run_parser.add_argument("-o", dest="output", default="table", choices=["table", "json"])
    run_parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the cluster that was asked for and print what became of it."""
    started = perf_counter()
    try:
        sim = built(args)
        violations = played(sim, args.seconds, say() if sys.stderr.isatty() else None)
    except SimError as error:
        print(f"coterie: {error}; try: coterie sim run --help", file=sys.stderr)
        return 2
    show = show_json if args.output == "json" else show_table
    show(outcome(sim, violations, perf_counter() - started))
    return 1 if violations else 0


def built(args: argparse.Namespace) -> Simulation:
    """The cluster at its start, with the command that brings it back."""
    faults = Faults(**{field.name: getattr(args, field.name) for field in fields(Faults)})
    sim = Simulation(nodes=args.nodes, seed=args.seed, faults=faults)
    if args.workload:
        Workload(sim)
    sim.replay = " ".join(
        [sim.command(args.seconds)] + ["--workload"] * args.workload,
    )
    return sim


def played(sim: Simulation, seconds: float, say: Say | None) -> list[InvariantViolation]:
    """Let it run, with a line of progress now and then, and check every invariant at the end."""
    started = shown = perf_counter()
    try:
        while say is not None and sim.now + SLICE < seconds:
            sim.run(SLICE)
            if perf_counter() - shown > REFRESH:
                shown = perf_counter()
                speed = sim.now / (shown - started)
                say(f"{sim.now:.1f} of {seconds:g} virtual seconds, {speed:,.1f} x real time")
        sim.run(seconds - sim.now)
    except InvariantViolation as violation:
        return [violation]
    finally:
        if say is not None:
            say("")
    return sim.violations()


def say() -> Say:
    """Something that writes over the last line of a terminal."""
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def outcome(sim: Simulation, violations: list[InvariantViolation], wall: float) -> dict[str, Any]:
    """Everything there is to say, as JSON knows it."""
    return {
        "trace_hash": sim.trace_hash,
        "violations": [
            {
                "invariant": violation.invariant,
                "words": violation.words,
                "detail": violation.detail,
                "node": violation.node,
                "time": violation.time,
            }
            for violation in violations
        ],
        "messages": sim.messages,
        "virtual_seconds": sim.now,
        "wall_seconds": round(wall, 3),
        "speed_up": round(sim.now / wall, 1),
        "nodes": len(sim.nodes),
        "seed": sim.seed,
        "converged": sim.converged(),
        "events": len(sim.events),
        "replay": sim.replay,
    }


def show_json(result: dict[str, Any]) -> None:
    """One object on one line."""
    print(json.dumps(result))


def show_table(result: dict[str, Any]) -> None:
    """The same for eyes."""
    agreed = "all members see each other and hold the same data"
    rows = [
        ("members", f"{result['nodes']:,}"),
        ("converged", f"yes: {agreed}" if result["converged"] else f"no: not {agreed}"),
        ("events", f"{result['events']:,} membership events at all members together"),
        ("datagrams", f"{result['messages']:,}"),
        ("virtual time", f"{result['virtual_seconds']:g} s"),
        ("wall time", f"{result['wall_seconds']:g} s, {result['speed_up']:,} x real time"),
        ("trace hash", result["trace_hash"]),
        ("violations", str(len(result["violations"]) or "none")),
    ]
    for violation in result["violations"]:
        rows.append((f"  {violation['time']:.3f} s", f"{violation['node']}: {violation['words']}"))
        rows.append(("", f"seen: {violation['detail']}"))
    if result["violations"]:
        rows.append(("replay", result["replay"]))
    for label, text in rows:
        print(f"{label:14}{text}".rstrip())
