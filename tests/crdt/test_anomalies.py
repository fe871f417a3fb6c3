"""What other libraries got wrong, each as a story of its own.

The laws (`test_replicated.py`) and the machine (`test_machine.py`) would find most of these in
time; here they have names. What is about bounds, clocks and growth is in `test_limits.py`.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from crdt import (
    BoundedCounter,
    Delta,
    LWWMap,
    LWWRegister,
    MVRegister,
    ORMap,
    ORSet,
    PNCounter,
)
from tests.crdt.laws import SUBJECTS, Subject, agree, change, still

every_type = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
every_order = pytest.mark.parametrize("order", list(permutations(range(3))))


# Counters.


def test_a_reset_does_not_take_the_increment_that_it_has_not_seen() -> None:
    a = PNCounter("a")
    a.increment(5)
    b = a.fork("b")
    b.reset()
    a.increment(2)
    a.decrement(1)
    assert agree(a, b) == 1


def test_two_resets_at_once_subtract_nothing_twice() -> None:
    a = PNCounter("a")
    a.increment(5)
    b, c = a.fork("b"), a.fork("c")
    b.reset()
    c.increment(1)
    c.reset()
    a.increment(3)
    assert agree(a, b, c) == 3
    b.reset()
    assert agree(a, b, c) == 0


@every_order
def test_what_was_reset_does_not_come_back(order: tuple[int, ...]) -> None:
    a, b = PNCounter("a"), PNCounter("b")
    deltas = [a.increment(5), a.increment(6), a.reset()]
    for at in order:
        b.merge(deltas[at])
    assert b.value == 0
    b.increment(1)
    for delta in deltas:
        b.merge(delta)
    assert agree(a, b) == 1


@every_order
def test_a_counter_that_was_deleted_begins_anew(order: tuple[int, ...]) -> None:
    a, b = ORMap("a"), ORMap("b")
    deltas = [a.counter("k").increment(5), a.delete("k"), a.counter("k").increment(2)]
    for at in order:
        b.merge(deltas[at])
    assert b.value == {"k": 2}
    assert b.counter("k").value == 2
    b.counter("k").increment(1)
    assert agree(a, b) == {"k": 3}


# Sets.


def test_an_add_survives_a_remove_that_has_not_seen_it() -> None:
    a = ORSet("a")
    a.add("x")
    b = a.fork("b")
    a.remove("x")
    b.add("x")
    assert agree(a, b) == {"x"}


def test_an_element_can_be_added_again_after_it_was_removed() -> None:
    a, b = ORSet("a"), ORSet("b")
    for _ in range(3):
        a.add("x")
        assert agree(a, b) == {"x"}
        b.remove("x")
        assert agree(a, b) == frozenset()


@every_order
def test_a_remove_buries_the_add_before_the_lost_one(order: tuple[int, ...]) -> None:
    a, b = ORSet("a"), ORSet("b")
    deltas = [a.add("x"), a.add("x"), a.remove("x")]
    lost = order[0]
    for at in order[1:]:
        b.merge(deltas[at])
    assert ("x" in b) is (lost == 2)
    b.merge(deltas[lost])
    assert b.value == frozenset()
    assert b == a


def test_a_remove_of_one_does_not_take_the_other_add_of_one_update() -> None:
    a = LWWMap("a", clock=still())
    b = a.fork("b")
    b.merge(a.update({"x": 1, "y": 2}))
    b.delete("x")
    assert agree(a, b) == {"y": 2}


def test_a_peer_that_was_away_does_not_bring_removed_elements_back() -> None:
    a = ORSet("a")
    for element in range(10):
        a.add(element)
    away = a.fork("away")
    away.add("mine")
    for element in range(9):
        a.remove(element)
    assert agree(a, away) == {9, "mine"}


def test_one_and_true_are_not_one() -> None:
    a, b, c = ORSet("a"), ORSet("b"), ORSet("c")
    a.add(1)
    b.add(1.0)
    c.add(True)
    agree(a, b, c)
    assert sorted(map(repr, a)) == ["1", "1.0", "True"]
    b.remove(1)
    agree(a, b, c)
    assert sorted(map(repr, a)) == ["1.0", "True"]
    values = MVRegister("v"), MVRegister("w")
    values[0].set(1)
    values[1].set(True)
    assert len(agree(*values)) == 2


# Maps.

LEAVES: dict[str, tuple[tuple[str, Any], tuple[str, Any], Any]] = {
    "counter": (("increment", 5), ("increment", 2), 2),
    "set": (("add", "old"), ("add", "new"), {"new"}),
    "register": (("set", "old"), ("set", "new"), "new"),
    "mvregister": (("set", "old"), ("set", "new"), ["new"]),
}


@pytest.mark.parametrize("accessor", LEAVES)
@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("by_its_maker", [True, False])
def test_a_delete_leaves_just_the_concurrent_part(
    accessor: str, depth: int, by_its_maker: bool
) -> None:
    old, new, kept = LEAVES[accessor]

    def leaf(mapping: ORMap) -> Any:
        for _ in range(depth):
            mapping = mapping.map("m")
        return getattr(mapping, accessor)("k")

    a = ORMap("a", clock=still())
    getattr(leaf(a), old[0])(old[1])
    b = a.fork("b", clock=still())
    one, other = (a, b) if by_its_maker else (b, a)
    (top,) = a
    one.delete(top)
    getattr(leaf(other), new[0])(new[1])
    agree(a, b)
    assert leaf(a).value == kept


def test_a_map_made_anew_after_its_delete_is_empty() -> None:
    a, b = ORMap("a"), ORMap("b")
    a.map("m").counter("n").increment(7)
    a.map("m").set("s").add("old")
    agree(a, b)
    b.delete("m")
    b.map("m").set("s").add("new")
    assert agree(a, b) == {"m": {"s": {"new"}}}


def test_two_deletes_at_once_and_an_update_of_a_third() -> None:
    a, b, c = ORMap("a"), ORMap("b"), ORMap("c")
    a.map("m").counter("n").increment(7)
    agree(a, b, c)
    a.delete("m")
    b.map("m").delete("n")
    c.map("m").counter("n").decrement(1)
    assert agree(a, b, c) == {"m": {"n": -1}}


@every_order
def test_a_key_with_two_types_is_the_same_for_all(order: tuple[int, ...]) -> None:
    a, b, c = ORMap("a"), ORMap("b"), ORMap("c")
    deltas = [a.counter("k").increment(), b.set("k").add(1), c.map("k").flag("f").enable()]
    late = ORMap("late")
    for at in order:
        late.merge(deltas[at])
    agree(a, b, c)
    assert late == a
    assert late.value == a.value
    assert (late.counter("k").value, *late.set("k")) == (1, 1)
    assert late.map("k").value == {"f": True}


def test_equal_time_stamps_have_the_same_winner_everywhere() -> None:
    maps = [LWWMap(name, clock=still()) for name in "abc"]
    for mapping in maps:
        mapping["k"] = mapping.replica
    assert agree(*maps) == {"k": "c"}
    registers = [LWWRegister(name, clock=still()) for name in "cab"]
    for register in registers:
        register.set(register.replica)
    assert agree(*registers) == "c"


def test_the_winner_does_not_depend_on_the_order_of_merges() -> None:
    """Dropping the loser at the merge would: a delete of the winner has to show the other."""
    a, b = ORMap("a", clock=still()), ORMap("b", clock=still())
    low, high = a.register("k").set("low"), b.register("k").set("high")
    gone = b.delete("k")
    for order in permutations([low, high, gone]):
        late = ORMap("late")
        for delta in order:
            late.merge(delta)
        assert late.value == {"k": "low"}


# The network.


@every_type
def test_deltas_that_come_backwards_with_gaps_and_twice(subject: Subject) -> None:
    x = subject.new("x")
    deltas = [change(x, subject.sample) for _ in range(6)]
    late = subject.new("late")
    for delta in [*deltas[::-2], *deltas[1::2], *deltas]:
        assert delta is not None
        late.merge(Delta.from_bytes(delta.to_bytes()))
        late._kernel.check()
    assert late == x
    assert late.to_bytes() == x.to_bytes()


@every_type
def test_a_fork_goes_on_beside_its_original(subject: Subject) -> None:
    x = subject.new("x")
    change(x, subject.sample)
    fork = x.fork("fork")
    for value in (x, fork, x, fork):
        delta = change(value, subject.sample)
        assert delta is not None
    heard = x.fork("heard")
    assert heard.merge(fork)
    assert fork.merge(x)
    assert heard == fork
    assert not x.context.covers(fork.context)


@every_type
def test_a_copy_from_bytes_never_gives_a_dot_again(subject: Subject) -> None:
    x = subject.new("x")
    change(x, subject.sample)
    again = subject.type.from_bytes(x.to_bytes(), "x", clock=still())  # the same replica, restarted
    delta = change(again, subject.sample)
    assert delta is not None
    assert again.context.last("x") == x.context.last("x") + 1
    assert x.merge(delta)
    assert x == again


# Rights.


@every_order
def test_rights_that_are_heard_of_out_of_order_never_show_a_negative_value(
    order: tuple[int, ...],
) -> None:
    a = BoundedCounter("a")
    made = a.increment(5)
    b = a.fork("b")
    handed = a.transfer(5, "b")
    b.merge(handed)
    deltas = [made, handed, b.decrement(5)]
    late = BoundedCounter("late")
    for at in order:
        late.merge(deltas[at])
        assert late.value >= late.rights >= 0
    assert late.value == agree(a, b) == 0
