"""`coterie bench [TOPIC] [-o json]`: takes the figures and prints them; judges none of them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.measure import Beside, Figure, Progress

if TYPE_CHECKING:
    # What argparse calls the object that `add_subparsers` returns.
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

TOPICS = {
    "crdt": "values: writing, reading, exchanging, bytes; with other libraries beside",
    "channel": "sealing, opening and answering datagrams, without sockets",
    "node": "sealed datagrams through a real node on loopback, and their CPU time",
    "sim": "how much faster than real time 10, 100 and 1,000 members are simulated",
    "membership": "how soon a simulated cluster finds out, how rarely it is wrong, and its traffic",
    "cluster": "real agents: until all know of a crash, a leave, an event; cold starts and stops",
    "idle": "CPU, wake-ups and memory of an agent that has nothing to do",
}

OPTIONS = {"membership": ("full", "only", "jobs", "plots"), "cluster": ("full", "only")}
"""The options of topics that have some."""


def add(subparsers: Subparsers) -> None:
    """Add the verb to the command; the entry-point group `coterie.verbs` leads here."""
    listed = "\n".join(f"  {topic:10} {what}" for topic, what in TOPICS.items())
    parser = subparsers.add_parser(
        "bench",
        help="what coterie costs on this machine",
        description="Measure on this machine, one topic or all:\n\n" + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("topic", nargs="?", default="all", choices=["all", *TOPICS])
    parser.add_argument("-o", dest="output", default="table", choices=["table", "json"])
    trials = parser.add_argument_group("membership and cluster", "The figures of the protocol:")
    trials.add_argument("--full", action="store_true", help="as many trials as they ask for")
    trials.add_argument("--only", default="", metavar="TEXT", help="what has it in its name")
    campaign = parser.add_argument_group("membership")
    campaign.add_argument("--jobs", type=int, default=0, help="processes; one for each core")
    campaign.add_argument("--plots", type=Path, metavar="DIR", help="curves and samples go there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure the topics asked for, in order; progress goes to stderr and figures to stdout."""
    topics = list(TOPICS) if args.topic == "all" else [args.topic]
    options = {
        topic: {name: getattr(args, name) for name in names} for topic, names in OPTIONS.items()
    }
    figures = list(measure(topics, lambda text: print(text, file=sys.stderr, flush=True), options))
    if args.output == "json":
        print(json.dumps({"machine": machine(), "figures": [asdict(each) for each in figures]}))
    else:
        show(figures)
    return 0


def measure(
    topics: Sequence[str], say: Progress, options: Mapping[str, Mapping[str, object]]
) -> Iterator[Figure]:
    """The figures of each topic's module, imported when its turn comes."""
    for topic in topics:
        module = import_module(f"bench.{topic}")
        measured: Callable[..., Iterator[Figure]] = module.measure

        def say_topic(text: str, topic: str = topic) -> None:
            say(f"{topic}: {text}")

        yield from measured(say_topic, **options.get(topic, {}))


def machine() -> dict[str, object]:
    """What a figure means nothing without."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
    }


HEADINGS = ("topic", "what", "median", "lowest", "highest", "unit")
NUMBERS = range(2, 5)
"""The columns of numbers, which end at the same place."""


def show(figures: Sequence[Figure]) -> None:
    """A drawn table on a terminal where rich is installed, plain aligned columns anywhere else."""
    rows = table(figures)
    if sys.stdout.isatty() and find_spec("rich"):
        draw(rows)
    else:
        print(aligned(rows))


def table(figures: Sequence[Figure]) -> list[list[str]]:
    """The headings, and a row for each figure; columns that none of them needs are left out."""
    peers = list(dict.fromkeys(beside.peer for figure in figures for beside in figure.beside))
    bars = any(figure.bar for figure in figures)
    rows = [[*HEADINGS, *peers, *(["bar"] if bars else [])]]
    for f in figures:
        row = [f.topic, f.what, rounded(f.value), rounded(f.low), rounded(f.high), f.unit]
        theirs = {beside.peer: compared(beside) for beside in f.beside}
        row += [theirs.get(peer, "") for peer in peers]
        rows.append([*row, f.bar] if bars else row)
    return rows


def compared(beside: Beside) -> str:
    """What another library has, and ours divided by it."""
    if beside.value is None or beside.ratio is None:
        return "not installed"
    return f"{rounded(beside.value)} ({rounded(beside.ratio)}×)"


def draw(rows: Sequence[Sequence[str]]) -> None:
    """The table as rich draws it, folded to the width of the terminal."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table()
    headings, *others = rows
    for column, heading in enumerate(headings):
        drawn.add_column(heading, justify="right" if column in NUMBERS else "left")
    for row in others:
        drawn.add_row(*row)
    Console().print(drawn)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """The table as text that survives a pipe and a mail."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in NUMBERS else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def rounded(number: float) -> str:
    """Three significant digits; more would be noise."""
    if abs(number) < 100:
        return f"{number:.3g}"
    digits = len(str(int(abs(number)))) - 3
    return f"{round(number, -digits):,.0f}"
