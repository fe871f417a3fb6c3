"""Enabling wins over a concurrent disabling, and a disabling takes what it has seen."""

from __future__ import annotations

from crdt import CausalContext, Delta, EWFlag


def test_it_is_disabled_at_first_and_can_be_set_and_taken_back() -> None:
    a = EWFlag("a")
    assert (a.value, bool(a), repr(a)) == (False, False, "EWFlag(False)")
    a.enable()
    assert (a.value, bool(a), repr(a)) == (True, True, "EWFlag(True)")
    a.enable()
    a.disable()
    assert a.value is False


def test_enabling_survives_a_concurrent_disabling() -> None:
    a = EWFlag("a")
    a.enable()
    b = a.fork("b")
    off, on = a.disable(), b.enable()
    for deltas in ([off, on], [on, off], [off.join(on)]):
        late = EWFlag("late")
        for delta in deltas:
            late.merge(delta)
        assert late.value is True
    assert a.merge(b)
    assert a.value is True


def test_a_disabling_takes_all_that_it_has_seen() -> None:
    a, b = EWFlag("a"), EWFlag("b")
    a.enable()
    b.enable()
    a.merge(b)
    assert b.merge(Delta.from_bytes(a.disable().to_bytes()))
    assert a.value is b.value is False


def test_a_disabling_that_overtakes_the_enabling_buries_it() -> None:
    a, b = EWFlag("a"), EWFlag("b")
    first, second, off = a.enable(), a.enable(), a.disable()
    for delta in (off, second, first):
        b.merge(delta)
        assert b.value is False
    assert b == a


def test_to_disable_what_is_not_enabled_is_no_change() -> None:
    a = EWFlag("a")
    assert not a.fork("b").merge(a.disable())
    assert a == EWFlag("b")


def test_it_leaves_only_the_context() -> None:
    a = EWFlag("a")
    for _ in range(100):
        a.enable()
        a.disable()
    assert a.context == CausalContext([("a", 1, 200)])
    assert a.residue == 0
    assert len(a.to_bytes()) < 32
