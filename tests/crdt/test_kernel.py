"""The one join, on the tiny scenarios that it was made for."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import CausalContext, Delta, Dot, HybridClock, LWWMap, ORMap, ORSet, OutOfRange
from crdt.clock import MAX_TIMESTAMP
from crdt.context import MAX_COUNTER
from crdt.fragment import Entry, Fragment, Mark
from crdt.kernel import Kernel

KEY = b"\x01k"
OTHER = b"\x01other"


def make(name: str) -> Kernel:
    return Kernel(name, HybridClock(lambda: 1000), ORSet)


def told(kernel: Kernel, key: bytes, event: tuple[Any, ...]) -> Fragment:
    """What is to be said of an event that just happened."""
    entry, counter = event[:2]
    marks = {} if entry else {key: Mark(((kernel.replica, counter, counter),))}
    return Fragment({key: entry} if entry else {}, kernel.known(key), marks)


def removed(kernel: Kernel, key: bytes) -> tuple[Any, ...]:
    """Take away what lives under a key; the event."""
    _, marks = kernel.change([], [key])
    (((_, counter, _),), _) = marks[key]
    return (), counter


def ahead(kernel: Kernel) -> dict[bytes, CausalContext]:
    """What is known of keys that the context has not caught up with."""
    return {key: extra.ahead_of(kernel.context) for key, extra in kernel.extra.items()}


def live(kernel: Kernel, key: bytes = KEY) -> list[Dot]:
    kernel.check()
    return sorted((replica, counter) for _, replica, counter, _ in kernel.entries.get(key, ()))


def test_a_dot_that_both_have_lives() -> None:
    a, b = make("a"), make("b")
    fragment = told(a, KEY, a.write(KEY, 1))
    assert b.join(fragment)
    assert not b.join(fragment)
    assert live(b) == [("a", 1)]
    assert b.entries[KEY] == ((0, "a", 1, 1),)


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
    removed(b, KEY)
    a.join(b.state())
    assert live(a) == []
    assert not a.extra
    assert a.context == CausalContext([("a", 1, 1), ("b", 1, 1)])


def test_the_greatest_write_comes_first_whatever_came_first() -> None:
    kernels = [make(name) for name in "abc"]
    for kernel, stamp in zip(kernels, [5, 9, 9], strict=True):
        kernel.write(KEY, kernel.replica, stamp)
    for kernel in kernels:
        for other in kernels:
            kernel.join(other.state())
        assert [payload for *_, payload in kernel.entries[KEY]] == ["c", "b", "a"]


def test_a_removal_that_comes_first_buries_what_comes_late() -> None:
    a, b = make("a"), make("b")
    born = told(a, KEY, a.write(KEY, 1))
    gone = told(a, KEY, removed(a, KEY))
    assert b.join(gone)
    assert ahead(b) == {KEY: CausalContext([("a", 1, 1)])}
    assert ("a", 1) not in b.context  # it may have had other effects: not before it came
    assert b.join(born)
    assert live(b) == []
    assert not b.extra
    assert b.state() == a.state()


def test_a_write_that_comes_first_buries_what_it_replaced() -> None:
    a, b = make("a"), make("b")
    first = told(a, KEY, a.write(KEY, 1))
    second = told(a, KEY, a.write(KEY, 2))
    b.join(second)
    assert b.join(first)
    assert live(b) == [("a", 2)]
    assert b.state() == a.state()


def test_a_message_speaks_for_its_own_keys_only() -> None:
    a, b = make("a"), make("b")
    a.write(KEY, 1)
    a.write(OTHER, 2)
    b.join(a.state())
    removed(a, OTHER)
    b.join(Fragment({KEY: a.entries[KEY]}, a.context.copy()))
    assert list(b.keys()) == [KEY, OTHER]
    assert b.known(KEY) == a.context
    assert b.known(OTHER) == CausalContext([("a", 1, 2)])
    b.join(a.state())
    assert list(b.keys()) == [KEY]
    assert not b.extra


def test_a_dot_ahead_of_its_event_is_remembered_for_its_key() -> None:
    a, b = make("a"), make("b")
    first = told(a, OTHER, a.write(OTHER, 1))
    a.write(KEY, 2)
    a.write(KEY, 3)
    b.join(Fragment({KEY: a.entries[KEY]}, a.context.copy()))
    assert live(b) == [("a", 3)]
    assert b.context == CausalContext([("a", 3, 3)])
    assert ahead(b) == {KEY: CausalContext([("a", 1, 2)])}
    b.join(first)
    assert b.context == CausalContext([("a", 1, 1), ("a", 3, 3)])
    b.join(Fragment({}, a.context.copy(), {KEY: Mark((("a", 2, 2),))}))
    assert live(b) == []
    assert b.context == a.context
    assert not b.extra


def test_what_goes_beyond_the_context_counts_for_its_key_alone() -> None:
    a, b = make("a"), make("b")
    a.write(KEY, 1)
    a.write(OTHER, 2)
    b.join(a.state())
    beyond = CausalContext([("a", 1, 2), ("c", 3, 3)])
    b.join(Fragment({}, marks={KEY: Mark(beyond=beyond)}))
    assert (live(b), live(b, OTHER)) == ([], [("a", 2)])
    assert ahead(b) == {KEY: CausalContext([("c", 3, 3)])}
    assert b.state().marks == {KEY: Mark(beyond=CausalContext([("c", 3, 3)]))}


def test_a_whole_state_speaks_for_the_keys_that_it_does_not_name() -> None:
    for knows_something in (True, False):
        a, b = make("a"), make("b")
        a.write(KEY, 1)
        if knows_something:
            b.write(OTHER, 1)
        b.join(a.state())
        removed(a, KEY)
        b.join(a.state())
        assert live(b) == []
        assert live(b, OTHER) == [("b", 1)] * knows_something


def test_a_state_can_be_joined_while_it_is_one_s_own() -> None:
    a = make("a")
    a.write(KEY, 1)
    assert not a.join(a.state())
    assert live(a) == [("a", 1)]


def test_a_join_of_a_state_does_not_tie_two_kernels_together() -> None:
    a, b = make("a"), make("b")
    a.write(KEY, 1)
    b.join(a.state())
    a.write(KEY, 2)
    assert live(b) == [("a", 1)]
    assert b.context == CausalContext([("a", 1, 1)])


def known(delta: Delta) -> CausalContext:
    """What a delta says that its author had seen, for its key."""
    ((_, _, mark),) = delta.fragment().leaves()
    context = delta.fragment().known.copy()
    context.merge(mark.beyond)
    return context


def test_a_delta_tells_what_was_seen_when_it_was_made() -> None:
    """And nothing of what came later, however late somebody asks."""
    a, b = ORSet("a"), ORSet("b")
    a.merge(b.add("x"))
    changes = [a.add("y"), a.add("x")]
    a.merge(b.add("y"))
    changes += [a.remove("y"), a.clear(), a.add("z")]
    assert list(map(known, changes)) == [
        CausalContext([("a", 1, 1), ("b", 1, 1)]),
        CausalContext([("a", 1, 2), ("b", 1, 1)]),
        CausalContext([("a", 1, 3), ("b", 1, 2)]),
        CausalContext([("a", 1, 4), ("b", 1, 2)]),
        CausalContext([("a", 1, 5), ("b", 1, 2)]),
    ]


def test_a_delta_tells_what_was_known_of_its_key_ahead() -> None:
    a, b = ORSet("a"), ORSet("b")
    b.add("x")
    b.add("y")
    b.add("x")
    a.merge(b.add("x"))  # so of "x" all is known, and of "y" that nothing was heard
    assert known(a.add("y")) == CausalContext([("a", 1, 1), ("b", 4, 4)])
    assert known(a.add("x")) == CausalContext([("a", 1, 2), ("b", 1, 4)])
    assert known(a.remove("x")) == CausalContext([("a", 1, 3), ("b", 1, 4)])


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
    assert list(state.entries) == [b"x"]
    assert state.complete
    b = make("b")
    b.join(state)
    assert list(b.keys()) == [b"x"]


def test_a_replica_that_is_read_again_goes_on_counting() -> None:
    """A dot that is given twice loses one of the two writes, somewhere."""
    a = ORSet("a")
    for element in "xyz":
        a.add(element)
    a.clear()
    again = ORSet.from_bytes(a.to_bytes(), "a")
    again.add("new")
    a.merge(again)
    assert a.value == {"new"}
    assert again.fork("a").context.last("a") == 7


def test_a_delete_that_saw_one_of_two_concurrent_writes_leaves_the_other() -> None:
    """Whoever drops the loser at the merge has nothing left when the winner is deleted."""
    early, late = ORMap("a", clock=HybridClock(lambda: 1)), ORMap("b", clock=HybridClock(lambda: 2))
    early.register("k").set("early")
    late.register("k").set("late")
    gone = late.fork("c")
    gone.delete("k")
    for order in [(early, late, gone), (gone, late, early), (late, gone, early)]:
        reader = ORMap("x")
        for other in order:
            reader.merge(other)
        assert reader.value == {"k": "early"}


def test_no_event_beyond_the_greatest_counter() -> None:
    a = make("a")
    a.context.add_span("a", 1, MAX_COUNTER - 1)
    a.write(KEY, 1)
    with pytest.raises(OutOfRange):
        a.write(KEY, 2)
    assert a.entries[KEY] == ((0, "a", MAX_COUNTER, 1),)
    with pytest.raises(OutOfRange):
        removed(a, KEY)
    assert live(a) == [("a", MAX_COUNTER)]


def test_what_is_deleted_and_known_to_all_can_be_dropped() -> None:
    a = LWWMap("a", clock=HybridClock(lambda: 1000))
    a.update({"k": 1, "l": 2, "m": 3})
    a.delete("k")
    stable = a.context
    a.delete("l")
    assert (a.residue, len(a)) == (2, 1)
    before = a.context
    assert a.collect(stable) == 1
    assert (a.residue, a.value, a.context) == (1, {"m": 3}, before)
    a._kernel.check()


def test_check_notices_broken_invariants() -> None:
    unseen, empty, twice, order, extra = (make("a") for _ in range(5))
    unseen.entries[KEY] = ((0, "b", 1, None),)
    empty.entries[KEY] = ()
    twice.write(KEY, 1)
    twice.entries[OTHER] = twice.entries[KEY]
    siblings: Entry = ((0, "a", 1, None), (MAX_TIMESTAMP, "b", 1, None))
    order.entries[KEY] = siblings
    order.context.merge(CausalContext([("a", 1, 1), ("b", 1, 1)]))
    extra.extra[KEY] = CausalContext()
    for broken in (unseen, empty, twice, order, extra):
        with pytest.raises(AssertionError):
            broken.check()
