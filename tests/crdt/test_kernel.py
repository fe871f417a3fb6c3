"""The one join, on the tiny scenarios that it was made for."""

from __future__ import annotations

import pytest

from crdt import CausalContext, HybridClock, OutOfRange
from crdt.context import MAX_COUNTER
from crdt.kernel import NOTHING, Fragment, Kernel, Leaf

KEY = b"k"


def make(name: str) -> Kernel:
    return Kernel(name, HybridClock(lambda: 1000))


def delta(leaf: Leaf) -> Fragment:
    return Fragment({KEY: leaf})


def live(kernel: Kernel) -> list[tuple[str, int]]:
    kernel.check()
    return sorted(kernel.entries.get(KEY, {}))


def test_a_dot_that_both_have_lives() -> None:
    a, b = make("a"), make("b")
    leaf = a.write(KEY, 1)
    assert b.join(delta(leaf))
    assert not b.join(delta(leaf))
    assert live(b) == [("a", 1)]
    assert b.entries[KEY] == {("a", 1): 1}


def test_a_dot_that_the_other_has_not_seen_lives() -> None:
    a, b = make("a"), make("b")
    a.write(KEY, 1)
    b.write(KEY, 2)
    a.join(b.state())
    assert live(a) == [("a", 1), ("b", 1)]


def test_a_dot_that_the_other_has_seen_and_dropped_is_gone() -> None:
    a, b = make("a"), make("b")
    a.write(KEY, 1)
    b.join(a.state())
    b.remove(KEY)
    a.join(b.state())
    assert live(a) == []
    assert not a.extra
    assert a.context == CausalContext([("a", 1, 1), ("b", 1, 1)])


def test_a_removal_that_comes_first_buries_what_comes_late() -> None:
    a, b = make("a"), make("b")
    born, gone = a.write(KEY, 1), a.remove(KEY)
    assert b.join(delta(gone))
    assert b.extra == {KEY: CausalContext([("a", 1, 1)])}
    assert ("a", 1) not in b.context  # it may have had other effects: not before it came
    assert b.join(delta(born))
    assert live(b) == []
    assert not b.extra
    assert b.state() == a.state()


def test_a_message_speaks_for_its_own_keys_only() -> None:
    a, b = make("a"), make("b")
    a.write(KEY, 1)
    a.write(b"other", 2)
    b.join(a.state())
    a.remove(b"other")
    leaf = Leaf(a.entries[KEY], NOTHING, ())
    b.join(Fragment({KEY: leaf}, a.context.copy()))
    assert list(b.keys()) == [KEY, b"other"]
    assert b.known(KEY) == a.context
    assert b.known(b"other") == CausalContext([("a", 1, 2)])
    b.join(a.state())
    assert list(b.keys()) == [KEY]
    assert not b.extra


def test_a_dot_ahead_of_its_slot_is_remembered_for_its_key() -> None:
    a, b = make("a"), make("b")
    first = a.write(b"first", 1)
    a.write(KEY, 2)
    b.join(Fragment({KEY: Leaf(a.entries[KEY], NOTHING, ())}, a.context.copy()))
    assert live(b) == [("a", 2)]
    assert not b.context
    b.join(Fragment({b"first": first}))
    assert b.context == CausalContext([("a", 1, 1)])
    b.join(delta(Leaf({}, CausalContext([("a", 2, 2)]), (("a", 3, 3),))))
    assert live(b) == []


def test_keys_and_counts_by_prefix() -> None:
    a = make("a")
    for key in [b"a", b"ab", b"b", b"a\xff", b"\xff", b"\xff\xff"]:
        a.write(key, 1)
    for prefix in [b"", b"a", b"ab", b"\xff", b"\xff\xff", b"c"]:
        assert list(a.keys(prefix)) == sorted(k for k in a.entries if k.startswith(prefix))
        assert a.count(prefix) == len(list(a.keys(prefix)))


def test_a_section_is_a_state_of_its_own() -> None:
    a = make("a")
    a.write(b"one/x", 1)
    a.write(b"two/y", 2)
    state = a.state(b"one/")
    assert list(state.leaves) == [b"x"]
    assert state.complete
    b = make("b")
    b.join(state)
    assert list(b.keys()) == [b"x"]


def test_no_event_beyond_the_greatest_counter() -> None:
    a = make("a")
    a.context.add_span("a", 1, MAX_COUNTER - 1)
    a.write(KEY, 1)
    with pytest.raises(OutOfRange):
        a.write(KEY, 2)
    assert a.entries[KEY] == {("a", MAX_COUNTER): 1}
    with pytest.raises(OutOfRange):
        a.remove(KEY)
    assert live(a) == [("a", MAX_COUNTER)]


def test_check_notices_broken_invariants() -> None:
    unseen, empty, twice = make("a"), make("a"), make("a")
    unseen.entries[KEY] = {("b", 1): None}
    empty.entries[KEY] = {}
    twice.write(KEY, 1)
    twice.entries[b"other"] = dict(twice.entries[KEY])
    for broken in (unseen, empty, twice):
        with pytest.raises(AssertionError):
            broken.check()
