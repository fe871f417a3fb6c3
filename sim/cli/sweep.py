"""`coterie sim sweep`: many random plans over many processes, until one of them breaks something.

It ends with 0 when every invariant held in every run, with 1 at the first that was broken (or after
the last seed, with `--keep-going`), with 2 for what cannot be meant and with 3 when no Dask cluster
answers. Ctrl-C ends it with what was found so far, and 130 when that is nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from contextlib import closing
from math import inf
from pathlib import Path
from textwrap import fill
from time import perf_counter
from typing import Any, TextIO

from sim.cli.run import REFRESH, say
from sim.errors import SimError
from sim.marks import missing
from sim.plan import VERSION
from sim.sweep import Row, Rows, UnreachableError, WorkersLostError, batches, here, there

PAUSE = 30.0
"""Real seconds between two lines of progress where nobody is looking at a terminal."""

SEEDS_MAX = 100_000_000
"""Seeds in one sweep: our choice, more than any can play, and their list still fits into memory."""

BEGINS = b'{"version": '
"""How each line of a file begins."""

REPLAY = "coterie sim replay --seed"


def add(verbs: Any) -> None:
    """Add the verb."""
    parser = verbs.add_parser("sweep", help="play many random plans until one breaks something")
    parser.add_argument("--seeds", required=True, metavar="A:B", help="from A up to, without, B")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one per core)"
    )
    parser.add_argument("--out", metavar="FILE", help="write what became of each, as JSON lines")
    parser.add_argument(
        "--resume", action="store_true", help="leave out the seeds that FILE has, and add the rest"
    )
    parser.add_argument("--keep-going", action="store_true", help="do not stop at a violation")
    parser.add_argument(
        "--wall-seconds",
        type=float,
        default=inf,
        metavar="N",
        help="stop with the first batch of seeds that ends after so long",
    )
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="over the workers of this Dask cluster, or of a `local` one",
    )
    parser.add_argument("-o", dest="output", default="table", choices=["table", "json"])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Play them, and tell what broke."""
    try:
        seeds, sweep = asked(args), Sweep(args.keep_going, args.wall_seconds)
        if args.out and args.resume:
            sweep.resume(Path(args.out))
        rest = [seed for seed in seeds if seed not in sweep.known]
        work = batches(rest, args.jobs)
        with opened(args) as out:
            if args.dask is not None:
                source = there(work, args.dask, args.jobs, go_on=args.keep_going)
            else:
                source = here(work, args.jobs, go_on=args.keep_going)
            sweep.follow(source, out, len(rest), tty=sys.stderr.isatty())
    except UnreachableError as error:
        print(f"coterie: {error}; try: its scheduler's address, tcp://HOST:8786", file=sys.stderr)
        return 3
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in {"dask", "distributed"}:
            raise
        print("coterie: --dask needs an extra; try: pip install 'coterie[dask]'", file=sys.stderr)
        return 2
    except SimError as error:
        print(f"coterie: {error}; try: coterie sim sweep --help", file=sys.stderr)
        return 1 if isinstance(error, WorkersLostError) else 2
    show = show_json if args.output == "json" else show_text
    show(sweep)
    if sweep.interrupted and not sweep.failures:
        return 130
    return 1 if sweep.failures else 0


def asked(args: argparse.Namespace) -> range:
    """The seeds; `SimError` for what cannot be meant."""
    match = re.fullmatch(r"(-?\d+):(-?\d+)", args.seeds)
    if match is None:
        raise SimError(f"--seeds is A:B, from A up to but without B, not {args.seeds!r}")
    seeds = range(int(match[1]), int(match[2]))
    if not seeds:
        raise SimError(f"--seeds {args.seeds}: there is none from {match[1]} up to {match[2]}")
    if seeds[-1] - seeds[0] >= SEEDS_MAX:
        raise SimError(f"--seeds {args.seeds}: these are more than {SEEDS_MAX:,}")
    if args.jobs < 1:
        raise SimError(f"--jobs is a number of processes, from 1, not {args.jobs}")
    if not args.wall_seconds > 0:
        raise SimError(f"--wall-seconds is a time to play, not {args.wall_seconds:g}")
    if args.resume and not args.out:
        raise SimError("--resume goes on with a file; --out names it")
    return seeds


def opened(args: argparse.Namespace) -> TextIO:
    """Where the lines go; nowhere, when no file was named."""
    name = args.out or os.devnull
    try:
        return Path(name).open("a" if args.resume else "w", encoding="utf-8")
    except OSError as error:
        raise SimError(f"{name}: cannot be written ({error.strerror or error})") from None


class Sweep:
    """What is known so far."""

    def __init__(self, go_on: bool, wall_max: float = inf) -> None:
        self.go_on = go_on
        self.wall_max = wall_max
        self.known: set[int] = set()
        """The seeds that were played."""
        self.failures: list[Row] = []
        self.marks: Counter[str] = Counter()
        self.interrupted = False
        self.wall = 0.0
        """Real seconds that it took, this time."""
        self.virtual = 0.0
        self._messages = 0
        self._played = 0  # this time, without what a file had

    def resume(self, path: Path) -> None:
        """Take over what a file has; `SimError` for one that is none of ours."""
        if not path.exists():
            return
        data = read(path)
        *lines, last = data.split(b"\n")
        half = is_half(last)
        for number, line in enumerate([*lines, last] if last and not half else lines, 1):
            try:
                row = json.loads(line)
                version, _, _ = row["version"], row["seed"] + 0, row["verdict"]
            except (ValueError, KeyError, TypeError):
                raise SimError(f"{path}: line {number} is not of a sweep") from None
            if version != VERSION:
                raise SimError(f"{path}: line {number} is of version {version}, this is {VERSION}")
            self.count(row)
        if half:
            os.truncate(path, len(data) - len(last))
        elif last:
            with path.open("ab") as file:
                file.write(b"\n")

    def count(self, row: Row) -> None:
        """One more."""
        self.known.add(row["seed"])
        self.marks.update(row.get("marks", {}))
        self.virtual += row.get("virtual_seconds", 0.0)
        self._messages += row.get("messages", 0)
        if row["verdict"] != "held":
            self.failures.append(row)

    def follow(self, source: Rows, out: TextIO, total: int, *, tty: bool) -> None:
        """Take what comes until there is no more, one failed, or the time is up."""
        began = shown = perf_counter()
        write = say() if tty else lambda text: print(text, file=sys.stderr)
        try:
            with closing(source):
                for rows in source:
                    for row in rows:
                        self.count(row)
                        self._played += 1
                        out.write(json.dumps(row) + "\n")
                    out.flush()
                    enough = perf_counter() - began > self.wall_max
                    if enough or (self.failures and not self.go_on):
                        break
                    if perf_counter() - shown > (REFRESH if tty else PAUSE):
                        shown = perf_counter()
                        write(self.progress(total, shown - began))
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.wall = perf_counter() - began
            if tty:
                write("")

    def progress(self, total: int, wall: float) -> str:
        """A line: how many are done, how fast, what was found, and when it will be over."""
        rate = self._played / wall
        left = (total - self._played) / rate if rate else 0.0
        found = f"{len(self.failures)} violated" if self.failures else "none violated"
        return (
            f"{self._played:,} of {total:,} seeds, {rate:.1f} a second, {found}, {left:.0f} s left"
        )

    def result(self) -> dict[str, Any]:
        """Everything there is to say, as JSON knows it."""
        return {
            "seeds": len(self.known),
            "failures": sorted(self.failures, key=lambda row: int(row["seed"])),
            "marks": dict(sorted(self.marks.items())),
            "never": missing(self.marks),
            "messages": self._messages,
            "virtual_seconds": round(self.virtual, 3),
            "wall_seconds": round(self.wall, 3),
            "seeds_per_second": round(self._played / self.wall, 1) if self.wall else 0.0,
            "interrupted": self.interrupted,
        }


def read(path: Path) -> bytes:
    """What is in a file; `SimError` when that cannot be had."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SimError(f"{path}: cannot be read ({error.strerror or error})") from None


def is_half(line: bytes) -> bool:
    """Whether this is half a line of ours: a sweep that is killed leaves one."""
    try:
        json.loads(line)
    except ValueError:
        return line[: len(BEGINS)] == BEGINS[: len(line)]
    return False


def failure(row: Row) -> str:
    """One line: what broke, where and when, what was seen, and how to see it again."""
    where = f" at {row['node']}, {row['time']:.3f} s" if "node" in row else ""
    seen = f"{row['words']}; seen: {row['detail']}"
    return f"{row['invariant']} is broken{where}: {seen}; replay: {REPLAY} {row['seed']}"


def show_json(sweep: Sweep) -> None:
    """One object on one line."""
    print(json.dumps(sweep.result()))


def show_text(sweep: Sweep) -> None:
    """A line for each failure; how much was played; and what that never met."""
    result = sweep.result()
    for row in result["failures"]:
        print(failure(row))
    ended = ", interrupted" if sweep.interrupted else ""
    print(
        f"{result['seeds']:,} seeds, {len(result['failures'])} failed{ended}: "
        f"{result['virtual_seconds'] / 3600:,.1f} virtual hours, {result['messages']:,} datagrams "
        f"in {result['wall_seconds']:,.1f} s, {result['seeds_per_second']:,.1f} seeds a second"
    )
    met = [f"{name} {count:,}" for name, count in result["marks"].items()]
    for words, names in (("met", met), ("never met", result["never"])):
        if names:
            print(fill(f"{words}: {', '.join(names)}", width=100, subsequent_indent="  "))
