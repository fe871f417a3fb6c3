"""`coterie sim diff A B`: two runs, to the first event in which they differ.

It ends with 0 when they are equal, with 1 when they differ, with 2 for what cannot be meant.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from sim.canaries import planted
from sim.difference import BEFORE, around, first_difference
from sim.errors import SimError
from sim.runner import Outcome, play
from sim.seeds import Saved, add_canary, named


def add(verbs: Any) -> None:
    """Add the verb."""
    diff = verbs.add_parser("diff", help="the first event in which two runs differ")
    diff.add_argument("a", metavar="A", help="a seed, or the file of a saved plan")
    diff.add_argument("b", metavar="B", help="another one, or the same")
    add_canary(diff)
    diff.add_argument(
        "--before",
        type=int,
        default=BEFORE,
        metavar="N",
        help=f"how many events before it to show (default {BEFORE})",
    )
    diff.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play both, and compare them; a canary of the command line is planted in B alone."""
    try:
        if args.before < 0:
            raise SimError(f"--before is how many events, from 0, not {args.before}")
        a, b = named(args.a), named(args.b)
        one, other = played(a, a.canary), played(b, args.canary or b.canary)
    except SimError as error:
        print(f"coterie: {error}; try: coterie sim diff --help", file=sys.stderr)
        return 2
    place = first_difference(one.simulation.log, other.simulation.log)
    if place is None:
        print(f"equal: {len(one.simulation.log):,} events, trace hash {one.trace_hash}")
        return 0
    print(f"the runs differ from event {place:,}")
    at_last = set()
    for name, word, outcome in (("A", args.a, one), ("B", args.b, other)):
        print(f"{name}: {word}, trace hash {outcome.trace_hash}")
        lines = around(outcome.simulation.log, place, outcome.plan.seed, args.before)
        print("\n".join(lines))
        at_last.add(lines[-1])
    if len(at_last) == 1:
        print("the last events read the same, and their bytes differ")
    return 1


def played(saved: Saved, canary: str) -> Outcome:
    """One run, with its log."""
    with planted(canary):
        return play(saved.plan, keep=True)
