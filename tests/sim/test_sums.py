"""Counters are held against what their users were told, also across resets and partitions."""

from __future__ import annotations

from typing import Any

import pytest

from sim.plan import Plan, Step
from sim.runner import Outcome, play
from tests.sim import broken_data

CUT = ("partition", {"groups": [["n0"], ["n1", "n2"]]})
HEAL: tuple[str, dict[str, Any]] = ("heal", {})

Did = tuple[str, dict[str, Any]]


def played(*steps: Did) -> Outcome:
    """A run with a step every four seconds, enough for news to go round."""
    plan = Plan(
        nodes=3,
        seconds=4.0 * len(steps) + 20.0,
        settle=30.0,
        steps=tuple(Step(4.0 * at, do, given) for at, (do, given) in enumerate(steps, 1)),
    )
    return play(plan)


def change(do: str, node: str, **given: Any) -> Did:
    return do, {"node": node, "name": "visitors", **given}


def invariants(outcome: Outcome) -> set[str]:
    return {found.invariant for found in outcome.violations}


RESET_MEANWHILE = (
    change("increment", "n0", amount=5),
    change("decrement", "n1", amount=1),
    CUT,
    change("increment", "n0", amount=2),
    change("reset", "n1"),
    change("increment", "n1", amount=7),
    HEAL,
)


def test_a_reset_takes_what_it_has_seen_and_the_sums_know_it() -> None:
    outcome = played(*RESET_MEANWHILE)
    assert invariants(outcome) == set()
    assert {node.counter("visitors").value for node in outcome.simulation.nodes} == {2 + 7}


def test_a_delete_takes_the_counters_below_it_and_the_sums_know_it() -> None:
    inside = [
        (do, {**given, "name": "map", "path": "a/b/c"} if "name" in given else given)
        for do, given in RESET_MEANWHILE
    ]
    delete = change("delete", "n1", type="ormap", key="a")
    inside[4] = (delete[0], {**delete[1], "name": "map"})
    outcome = played(*inside)
    assert invariants(outcome) == set()
    values = [node.ormap("map").value for node in outcome.simulation.nodes]
    assert values == [{"a": {"b": {"c": 9}}}] * 3


def test_a_reset_that_remembers_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_data.resets_remember_nothing(monkeypatch)
    assert "exact" in invariants(played(*RESET_MEANWHILE))


def test_a_change_of_nothing_is_no_event_and_not_counted() -> None:
    outcome = played(change("increment", "n0", amount=0), change("reset", "n0"))
    assert outcome.marks["increment"] == outcome.marks["reset"] == 1
    assert not any(outcome.simulation._world.watch.data.sums._counters.values())


STOCK = (
    change("increment", "n0", type="bounded", amount=5),
    change("transfer", "n0", amount=2, to="n1"),
    change("transfer", "n1", amount=1, to="n2"),
    CUT,
    change("decrement", "n0", type="bounded", amount=3),
    change("decrement", "n1", type="bounded", amount=1),
    change("decrement", "n2", type="bounded", amount=1),
    change("decrement", "n2", type="bounded", amount=1),
    HEAL,
)


def test_a_stock_is_never_oversold() -> None:
    outcome = played(*STOCK)
    assert invariants(outcome) == set()
    assert outcome.marks["decrement"] == 3
    assert outcome.marks["decrement (nothing to do)"] == 1
    assert {node.bounded("visitors").value for node in outcome.simulation.nodes} == {0}


def test_rights_that_are_spent_by_several_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_data.spends_the_rights_of_others(monkeypatch)
    outcome = played(*STOCK[:2], CUT, *STOCK[4:])
    assert invariants(outcome) == {"overdrawn"}
    assert "were taken from visitors, and 5 added" in str(outcome.violations[0])
