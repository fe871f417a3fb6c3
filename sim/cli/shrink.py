"""`coterie sim shrink`: the smallest plan that still breaks the same invariant, in a file.

It ends with 0 when there is one, with 1 when the plan breaks nothing, with 2 for what cannot be
meant.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from sim.canaries import planted
from sim.cli.run import REFRESH
from sim.errors import SimError
from sim.runner import play
from sim.seeds import FOLDER, Saved, add_source, chosen, toml
from sim.shrink import BUDGET, Failure, Shrinker, judge
from sim.story import failure as in_words

WIDTH = 20
"""Characters of the progress bar."""


def add(verbs: Any) -> None:
    """Add the verb."""
    shrink = verbs.add_parser("shrink", help="find the smallest plan that fails in the same way")
    add_source(shrink)
    shrink.add_argument(
        "--budget",
        type=float,
        default=BUDGET,
        metavar="SECONDS",
        help=f"real seconds that it may take (default {BUDGET:g})",
    )
    shrink.add_argument("--out", metavar="FILE", help=f"where to save it (default in {FOLDER}/)")
    shrink.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make it smaller, save it, and show it."""
    try:
        if not args.budget > 0:
            raise SimError(f"--budget is a number of seconds above 0, not {args.budget}")
        if args.out and Path(args.out).is_dir():
            raise SimError(f"{args.out} cannot be written: it is a folder")
        saved = chosen(args)
        with planted(saved.canary):
            failure = judge(saved.invariant)(saved.plan)
            if failure is None:
                what = saved.invariant or "every invariant"
                print(f"coterie: {what} held: there is nothing to shrink", file=sys.stderr)
                return 1
            shrinker = shrunk(saved, failure, args.budget, Bar() if sys.stderr.isatty() else None)
            result = Saved(
                shrinker.plan, failure.invariant, shrinker.failure.trace_hash, saved.canary
            )
            path = Path(args.out) if args.out else FOLDER / file_name(result)
            trouble = kept(result, path)  # first: whoever reads what follows may have enough of it
            show(saved, shrinker, result, path)
            if trouble:
                raise SimError(trouble)
    except SimError as error:
        print(f"coterie: {error}; try: coterie sim shrink --help", file=sys.stderr)
        return 2
    return 0


def kept(result: Saved, path: Path) -> str:
    """Save it; why that cannot be done, if it cannot."""
    try:
        result.save(path)
    except OSError as error:
        return f"{path}: cannot be written ({error.strerror or error}); the plan is printed above"
    return ""


def shrunk(saved: Saved, failure: Failure, budget: float, bar: Bar | None) -> Shrinker:
    """The shrinker when it is done."""
    say = None if bar is None else bar.say
    shrinker = Shrinker(saved.plan, failure, judge(failure.invariant), budget=budget, say=say)
    shrinker.shrink()
    if bar is not None:
        bar.clear()
    return shrinker


def file_name(result: Saved) -> str:
    """Its invariant and its seed; and its canary, which makes it another bug."""
    invariant = re.sub(r"[^\w.-]+", "-", result.invariant).strip("-")  # a crash says where it was
    parts = [result.canary, invariant, str(result.plan.seed)]
    return "-".join(part for part in parts if part) + ".json"


def show(saved: Saved, shrinker: Shrinker, result: Saved, path: Path) -> None:
    """What is left, how it fails, and how to see it again."""
    before, after = len(saved.plan.steps), len(result.plan.steps)
    rest = "" if shrinker.complete else "; the time was over before everything was tried"
    print(
        f"# {before} steps became {after}, {saved.plan.nodes} nodes {result.plan.nodes}, "
        f"in {shrinker.tries} tries and {shrinker.seconds:.1f} s{rest}"
    )
    print(toml(result.to_data()), end="")
    outcome = play(result.plan)
    for violation in outcome.violations:
        if violation.invariant == result.invariant:
            print(f"# {in_words(violation, f'coterie sim replay {path}')}")
            break


class Bar:
    """A line on a terminal: how much of the time is over, how small it is, after how many tries."""

    def __init__(self) -> None:
        self._shown = 0.0

    def say(self, shrinker: Shrinker) -> None:
        """Write the line anew, now and then."""
        if perf_counter() - self._shown < REFRESH:
            return
        self._shown = perf_counter()
        done = min(WIDTH, int(WIDTH * shrinker.seconds / shrinker.budget))
        text = (
            f"[{'#' * done}{'.' * (WIDTH - done)}] {shrinker.seconds:.0f} of "
            f"{shrinker.budget:g} s, {len(shrinker.plan.steps)} steps, {shrinker.plan.nodes} "
            f"nodes, {shrinker.plan.seconds:g} virtual s, {shrinker.tries} tries"
        )
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave an empty line."""
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
