"""`coterie sim VERB`: whole clusters in virtual time, from one integer."""

from __future__ import annotations

from typing import Any

from sim.cli import diff, replay, report, run, shrink, sweep

VERBS = (run, sweep, replay, shrink, diff, report)
"""The modules of the verbs, in the order of the help."""


def add(subparsers: Any) -> None:
    """Add the verb to the command; the entry-point group `coterie.verbs` leads here."""
    sim = subparsers.add_parser("sim", help="whole clusters in virtual time, from one integer")
    verbs = sim.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        verb.add(verbs)
