"""Marks: what a run met, told from its story."""

from __future__ import annotations

import pytest

from sim.faults import Faults
from sim.marks import CAUGHT_UP, DIFFERED, REFUTED, REJOINED, RETURNED, SOMETIMES, Marks, missing
from sim.plan import Plan, Step
from sim.runner import play

CUT = {"name": "c", "shape": "isolate", "nodes": ["n2", "n0", "n1"]}
MEND = Step(25.0, "mend", {"name": "c"})
WRITE = Step(15.0, "increment", {"node": "n0", "name": "visits", "amount": 1})


def marks(*steps: Step, seconds: float = 40.0, loss: float = 0.0) -> dict[str, int]:
    plan = Plan(nodes=3, seconds=seconds, steps=steps, settle=30.0, faults=Faults(loss=loss))
    watched = Marks(plan)
    outcome = play(plan, begin=watched.begin)
    assert outcome.trace_hash == play(plan).trace_hash  # looking leaves no trace
    return watched.of(outcome)


def test_a_calm_run_has_few() -> None:
    seen = marks(WRITE)
    assert seen == {"did increment": 1, "nothing went wrong": 1, "settled": 1} | {
        name: count for name, count in seen.items() if name == "cut"
    }


def test_a_partition_that_was_written_to_is_caught_up_with() -> None:
    seen = marks(Step(10.0, "sever", CUT), WRITE, MEND)
    assert seen[DIFFERED] == seen[CAUGHT_UP] == 1
    assert seen["cut"] > 0
    assert seen[RETURNED] > 0
    assert "nothing went wrong" not in seen


def test_a_partition_without_writes_does_not_count() -> None:
    assert DIFFERED not in marks(Step(10.0, "sever", CUT), MEND)


def test_mending_what_is_not_cut_does_not_count() -> None:
    assert DIFFERED not in marks(WRITE, MEND)


@pytest.mark.parametrize(
    ("begin", "end", "mark"),
    [("crash", "restart", RETURNED), ("leave", "restart", REJOINED)],
)
def test_who_comes_back_is_counted(begin: str, end: str, mark: str) -> None:
    steps = Step(10.0, begin, {"node": "n2"}), Step(25.0, end, {"node": "n2"})
    assert marks(*steps)[mark] > 0


def test_refutations_are_counted() -> None:
    assert marks(loss=0.4)[REFUTED] > 0


def test_what_was_never_met_is_missing() -> None:
    assert missing({}) == list(SOMETIMES)
    assert missing(dict.fromkeys(SOMETIMES, 1)) == []
    assert missing(dict.fromkeys(SOMETIMES, 0)) == list(SOMETIMES)
