"""What users were told of a change has to be there: a lie of any type is noticed by its user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crdt import BoundedCounter, EWFlag, GCounter, LWWMap, LWWRegister, MVRegister, ORMap, ORSet
from crdt.counter import PNCounter
from sim.actions import CHANGES
from sim.plan import Plan, Step
from sim.runner import play
from sim.users import AFTER
from tests.sim.test_actions import GOOD

LIES: list[tuple[type, str, str, dict[str, Any]]] = [
    (PNCounter, "reset", "reset", {"name": "c"}),
    (GCounter, "increment", "increment", {"name": "g", "type": "gcounter", "amount": 2}),
    (BoundedCounter, "increment", "increment", {"name": "b", "type": "bounded", "amount": 2}),
    (BoundedCounter, "decrement", "decrement", {"name": "b", "type": "bounded", "amount": 2}),
    (BoundedCounter, "transfer", "transfer", {"name": "b", "amount": 2, "to": "n1"}),
    (EWFlag, "enable", "enable", {"name": "f"}),
    (EWFlag, "disable", "disable", {"name": "on"}),
    (LWWRegister, "set", "assign", {"name": "r", "value": 2}),
    (MVRegister, "set", "assign", {"name": "v", "type": "mvregister", "value": 2}),
    (ORSet, "add", "add", {"name": "s", "element": "y"}),
    (ORSet, "remove", "remove", {"name": "s", "element": "x"}),
    (ORSet, "clear", "clear", {"name": "s"}),
    (LWWMap, "update", "update", {"name": "m", "entries": {"k": 5}}),
    (ORMap, "delete", "delete", {"name": "o", "type": "ormap", "key": "a"}),
]
"""A method that does nothing when it is called, and the change that it is called for."""

BEFORE = (
    ("increment", {"name": "c", "amount": 3}),
    ("increment", {"name": "b", "type": "bounded", "amount": 3}),
    ("enable", {"name": "on"}),
    ("add", {"name": "s", "element": "x"}),
    ("put", {"name": "m", "key": "k", "value": 1}),
    ("increment", {"name": "o", "path": "a/b", "amount": 3}),
)


def broken(*changes: tuple[str, dict[str, Any]]) -> set[str]:
    """What a run with these changes at one node, one after the other, breaks."""
    steps = (
        Step(float(at), do, {"node": "n0"} | given) for at, (do, given) in enumerate(changes, 1)
    )
    plan = Plan(nodes=2, seconds=len(changes) + 1.0, steps=tuple(steps))
    return {found.invariant for found in play(plan).violations}


@pytest.mark.parametrize(("kind", "method", "do", "given"), LIES)
def test_a_change_that_does_nothing_is_noticed(
    kind: type, method: str, do: str, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert broken(*BEFORE, (do, given)) == set()
    honest: Callable[..., Any] = vars(kind)[method]
    change = [value for name, value in given.items() if name not in {"name", "type"}]

    def idle(self: Any, *told: Any) -> Any:
        return None if [*told][:1] == change[:1] else honest(self, *told)

    monkeypatch.setattr(kind, method, idle)
    assert "own-write" in broken(*BEFORE, (do, given))


def test_nobody_is_accused_whatever_is_changed() -> None:
    assert broken(*((do, given) for do, given in GOOD if do in CHANGES)) == set()


def test_users_know_what_each_change_does() -> None:
    assert AFTER.keys() == CHANGES.keys()


def test_a_value_that_does_not_equal_itself_is_no_lie() -> None:
    nan = float("nan")
    assert broken(("assign", {"name": "r", "value": nan})) == set()
    assert broken(("put", {"name": "m", "key": "k", "value": [nan]})) == set()
