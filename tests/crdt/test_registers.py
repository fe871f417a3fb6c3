"""The last write wins, or all concurrent ones are kept; a write replaces what it has seen."""

from __future__ import annotations

import math
from typing import Any

import pytest

from crdt import Delta, HybridClock, LWWRegister, MVRegister, OutOfRange

Register = LWWRegister | MVRegister

both = pytest.mark.parametrize("kind", [LWWRegister, MVRegister])


def make(kind: type[Register], name: str, now: int = 1000) -> Any:
    return kind(name, clock=HybridClock(lambda: now))


def latest(register: Register) -> Any:
    """The one value of a register that nobody else writes to."""
    if isinstance(register, LWWRegister):
        return register.value
    (value,) = register.value
    return value


def test_an_unset_register_is_empty() -> None:
    assert LWWRegister("a").value is None
    assert MVRegister("a").value == []
    assert repr(LWWRegister("a")) == "LWWRegister(None)"
    assert repr(MVRegister("a")) == "MVRegister([])"


@both
def test_a_write_replaces_what_it_has_seen(kind: type[Register]) -> None:
    a = make(kind, "a")
    b = a.fork("b")
    for writer, other, value in [(a, b, 1), (b, a, "two"), (a, b, None), (b, a, [3, {"k": b""}])]:
        assert other.merge(Delta.from_bytes(writer.set(value).to_bytes()))
        assert latest(writer) == latest(other) == value


def test_the_later_stamp_wins_and_then_the_greater_name() -> None:
    early, late, tied = (make(LWWRegister, *who) for who in [("z", 1), ("a", 2), ("b", 2)])
    for register, value in [(early, "early"), (late, "late"), (tied, "tied")]:
        register.set(value)
    for order in [(early, late), (late, early)]:
        register = make(LWWRegister, "c")
        for other in order:
            register.merge(other)
        assert register.value == "late"
        register.merge(tied)
        assert register.value == "tied"


def test_concurrent_values_are_kept_until_the_next_write() -> None:
    a, b, c = (make(MVRegister, name) for name in "abc")
    for register, value in [(a, "x"), (b, "y"), (c, "x")]:
        register.set(value)
    for order in [(a, b, c), (c, b, a)]:
        late = make(MVRegister, "late")
        for other in order:
            late.merge(other)
        assert late.value == ["x", "y"]
    a.merge(b)
    assert c.merge(a.set("z"))
    assert c.value == ["x", "z"]  # a has not seen what c wrote
    c.set("end")
    a.merge(c)
    assert a.value == ["end"]


def test_equal_values_show_once_and_all_go_together() -> None:
    a, b = make(MVRegister, "a"), make(MVRegister, "b")
    a.set([1, 2])
    b.set((1, 2))
    a.merge(b)
    assert a.value == [[1, 2]]
    b.merge(a.set("next"))
    assert b.value == ["next"]


def test_values_are_told_apart_by_type_and_come_in_one_order() -> None:
    registers = []
    for name, value in zip("abcdefg", [1, 1.0, True, -0.0, 0.0, math.nan, math.nan], strict=True):
        registers.append(make(MVRegister, name))
        registers[-1].set(value)
    first, last = make(MVRegister, "x"), make(MVRegister, "y")
    for register in registers:
        first.merge(register)
    for register in reversed(registers):
        last.merge(register)
    assert len(first.value) == 6
    assert repr(first.value) == repr(last.value)
    assert first.to_bytes() == last.to_bytes()


@both
def test_values_are_detached(kind: type[Register]) -> None:
    a, mine = make(kind, "a"), {"list": [1]}
    a.set(mine)
    mine["list"].append(2)
    latest(a)["list"].append(3)
    assert latest(a) == {"list": [1]}


@both
@pytest.mark.parametrize("value", [{1}, object(), 2**64, -(2**63) - 1, {1: 1}, "\ud800"])
def test_what_cannot_be_carried_changes_nothing(kind: type[Register], value: Any) -> None:
    a = make(kind, "a")
    a.set("kept")
    before = a.to_bytes()
    for bad in (value, [value], {"k": value}):
        with pytest.raises((TypeError, ValueError)):
            a.set(bad)
    assert a.to_bytes() == before


@both
def test_depth_and_size_have_a_limit(kind: type[Register]) -> None:
    a = make(kind, "a")
    nested: Any = None
    for _ in range(64):
        nested = [nested]
    a.set(nested)
    assert latest(kind.from_bytes(a.to_bytes(), "b")) == nested
    before = a.to_bytes()
    for bad in ([nested], "x" * 2**20, b"x" * 2**20, ["x" * 2**17] * 4):
        with pytest.raises(ValueError, match=r"deeper|larger"):
            a.set(bad)
    assert a.to_bytes() == before


def test_a_clock_that_nobody_could_follow_is_refused_before_anything_changes() -> None:
    a = make(LWWRegister, "a", now=2**63)
    with pytest.raises(OutOfRange):
        a.set(1)
    assert a == LWWRegister("b")
