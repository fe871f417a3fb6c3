"""`coterie sim replay`: what a sweep found or a file holds, once more, with its story.

It ends with 0 when every invariant held, with 1 when one was broken, with 2 for what cannot be
meant.
"""

from __future__ import annotations

import argparse
import json
import sys
from traceback import print_exception
from typing import Any

from sim.canaries import planted
from sim.errors import InvariantViolation, SimError
from sim.runner import Outcome, play
from sim.seeds import Saved, add_source, chosen, source
from sim.story import LINES, failure, told


def add(verbs: Any) -> None:
    """Add the verb."""
    replay = verbs.add_parser("replay", help="play a seed or a saved plan again, with its story")
    add_source(replay)
    replay.add_argument(
        "--story",
        type=int,
        default=LINES,
        metavar="N",
        help=f"how many events to tell of the members concerned, 0 for all (default {LINES})",
    )
    replay.add_argument("-o", dest="output", default="table", choices=["table", "json"])
    replay.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play it, and tell what broke."""
    try:
        if args.story < 0:
            raise SimError(f"--story is how many events, from 0, not {args.story}")
        saved = chosen(args)
        with planted(saved.canary):
            outcome = play(saved.plan, keep=True)
    except SimError as error:
        print(f"coterie: {error}; try: coterie sim replay --help", file=sys.stderr)
        return 2
    command = f"coterie sim replay {source(args, saved.canary)}"
    show = show_json if args.output == "json" else show_text
    show(saved, outcome, command, args.story)
    return 1 if outcome.violations else 0


def show_json(saved: Saved, outcome: Outcome, command: str, story: int) -> None:
    """One object on one line."""
    result = {
        "trace_hash": outcome.trace_hash,
        "saved_hash": saved.trace_hash or None,
        "same": outcome.trace_hash == saved.trace_hash if saved.trace_hash else None,
        "violations": [
            {
                "invariant": violation.invariant,
                "words": violation.words,
                "detail": violation.detail,
                "node": violation.node,
                "time": violation.time,
                "story": told_of(outcome, violation, story),
            }
            for violation in outcome.violations
        ],
        "virtual_seconds": outcome.simulation.now,
        "replay": command,
    }
    print(json.dumps(result))


def show_text(saved: Saved, outcome: Outcome, command: str, story: int) -> None:
    """A line for each failure and its story, and whether it is the run that was saved."""
    for violation in outcome.violations:
        print(failure(violation, command))
        for line in told_of(outcome, violation, story):
            print(f"  {line}")
        if violation.__cause__:
            print_exception(violation.__cause__)
    if not outcome.violations:
        expected = f"; {saved.invariant} was broken when it was saved" * bool(saved.invariant)
        print(f"every invariant held, to {outcome.simulation.now:g} s{expected}")
    print(f"trace hash {outcome.trace_hash}{verdict(saved, outcome)}")


def told_of(outcome: Outcome, violation: InvariantViolation, lines: int) -> list[str]:
    """The story of a violation."""
    return told(outcome.simulation.log, outcome.plan.seed, violation, lines)


def verdict(saved: Saved, outcome: Outcome) -> str:
    """Whether it is the run that was saved, event by event."""
    if not saved.trace_hash:
        return ""
    if saved.trace_hash == outcome.trace_hash:
        return ", as saved: the same run, event by event"
    return f", saved was {saved.trace_hash}: the code, or the plan, has changed since"
