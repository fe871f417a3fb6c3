"""What disorder, loss and size may cost: bytes and steps are counted, not seconds."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from crdt import (
    BoundedCounter,
    CrdtError,
    Delta,
    HybridClock,
    LWWMap,
    ORMap,
    ORSet,
    OutOfRange,
    PNCounter,
)
from crdt.codec import AHEAD_SPANS_MAX
from crdt.context import MAX_COUNTER
from crdt.counter import LIMIT
from crdt.values import pack
from tests.crdt.test_hostile import body


def shuffled(size: int) -> tuple[ORSet, list[Delta]]:
    a = ORSet("a")
    deltas = [a.add(number) for number in range(size)]
    Random(1).shuffle(deltas)
    return a, deltas


def test_deltas_out_of_order_cost_each_its_own() -> None:
    sizes = []
    for size in (1000, 2000):
        a, deltas = shuffled(size)
        b = ORSet("b")
        for delta in deltas[: size // 2]:
            b.merge(delta)
        sizes.append(len(b.to_bytes()))
        assert ORSet.from_bytes(b.to_bytes(), "c") == b
        for delta in deltas:
            b.merge(delta)
        assert b == a
        assert b.residue == 0
        assert not b._kernel.extra
    assert sizes[1] < 2.5 * sizes[0]


def test_one_that_was_lost_costs_each_key_a_few_bytes_until_it_is_made_good() -> None:
    a, b = ORSet("a"), ORSet("b")
    a.add("lost")
    for number in range(1000):
        b.merge(a.add(number))
        b.merge(a.remove(number))
    assert (len(b), b.residue) == (0, 1000)
    assert len(b.to_bytes()) < 15 * 1000
    late = b.fork("late")
    assert late.collect(a.context) == 1000
    assert len(late.to_bytes()) < 40
    b.merge(a)
    assert b == a
    assert b.residue == 0


def test_one_lost_in_a_hundred_does_not_multiply_the_state() -> None:
    a, b, random = LWWMap("a"), LWWMap("b"), Random(2)
    for number in range(2000):
        delta = a.put(f"key {number}", number)
        if random.random() > 0.01:
            b.merge(delta)
    assert len(b.to_bytes()) < 4 * len(a.to_bytes())


def test_keys_that_know_much_ahead_are_refused_before_they_add_up() -> None:
    spans = 2000
    known = [number for at in range(spans) for number in (0, 2 * at + 1, 0)]
    marks = [[pack(at), [], [0, 10**6 + at, 0]] for at in range(1 + AHEAD_SPANS_MAX // spans)]
    with pytest.raises(CrdtError):
        Delta.from_bytes(body(ORSet.KIND, known, [], [], [], [], marks))
    Delta.from_bytes(body(ORSet.KIND, known, [], [], [], [], marks[:100]))


def test_a_list_in_itself_or_in_a_million_places_is_too_large() -> None:
    many: list[Any] = []
    for _ in range(60):
        many = [many, many]
    endless: list[Any] = []
    endless += [endless, endless]
    elements, entries = ORSet("a"), LWWMap("a")
    for value in (many, endless, [[0] * 1000] * 1000):
        changes: list[Callable[[Any], object]] = [
            lambda value: entries.put("k", value),
            elements.add,
            elements.discard,
        ]
        for change in changes:
            with pytest.raises(ValueError, match=r"larger|nested"):
                change(value)
        assert value not in elements
    assert (entries, elements) == (LWWMap("b"), ORSet("b"))


def test_a_read_in_order_looks_at_what_changed_and_not_at_all_that_was_deleted() -> None:
    entries = LWWMap("a")
    entries.update({f"key {number}": number for number in range(1000)})
    for key in list(entries):
        del entries[key]
    assert len(entries) == 0
    asked, order = list[bytes](), entries._kernel.order
    real = order._shown

    def watched(key: bytes) -> bool:
        asked.append(key)
        return real(key)

    order._shown = watched
    entries["key 1"] = 1
    assert len(entries) == 1
    assert len(asked) == 1


def test_parts_of_a_map_are_values_of_their_own_when_they_leave_it() -> None:
    whole = ORMap("m")
    whole.set("a").add("x")
    whole.set("b").add("y")
    part = whole.set("a").fork("s")
    assert part.value == {"x"}
    assert part.merge(whole.set("b"))
    assert part.value == {"x", "y"}
    whole.set("a").add("z")
    again = ORSet.from_bytes(whole.set("a").to_bytes(), "t")
    again.merge(part)
    assert again.value == {"x", "y", "z"}


def test_a_mapping_that_gives_a_key_twice_makes_one_event_of_it() -> None:
    class Twice(dict[str, int]):
        def items(self) -> Any:
            return [("a", 1), ("a", 2), ("b", 3)]

    a, b = LWWMap("a"), LWWMap("b")
    b.merge(a.update(Twice()))  # type: ignore[arg-type]
    assert a == b
    assert a.value == {"a": 2, "b": 3}
    for wrong in (None, [("a", 1)], 5):
        with pytest.raises(TypeError, match="mapping"):
            a.update(wrong)  # type: ignore[arg-type]


def test_a_change_of_many_keys_is_all_or_nothing_also_when_events_run_out() -> None:
    elements = ORSet("a")
    for number in range(3):
        elements.add(number)
    elements._kernel.context.add_span("a", 4, MAX_COUNTER - 2)
    before = elements.to_bytes()
    with pytest.raises(OutOfRange):
        elements.clear()
    assert elements.to_bytes() == before


def test_what_is_known_to_be_taken_is_taken_also_where_a_transfer_is_not_known() -> None:
    a, b, c = BoundedCounter("a"), BoundedCounter("b"), BoundedCounter("c")
    added, handed = a.increment(10), a.transfer(5, "b")
    b.merge(added)
    b.merge(handed)
    taken = b.decrement(5)
    c.merge(added)
    c.merge(taken)
    assert c.value == 5
    d = BoundedCounter("d")
    d.merge(taken)
    assert d.value == 0


def test_a_value_beyond_the_range_can_be_brought_back_into_it() -> None:
    a, b = PNCounter("a"), PNCounter("b")
    a.increment(LIMIT)
    b.increment(LIMIT)
    a.merge(b)
    assert a.value == 2 * LIMIT
    a.decrement(5)
    with pytest.raises(OutOfRange):
        a.increment()
    assert a.value == 2 * LIMIT - 5


def test_a_clock_gives_whole_nanoseconds() -> None:
    entries = LWWMap("a", clock=HybridClock(lambda: 1.5))  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="nanoseconds"):
        entries.put("k", 1)
    with pytest.raises(TypeError, match="HybridClock"):
        LWWMap("a", clock=5)  # type: ignore[arg-type]
    assert entries == LWWMap("b")


def test_the_same_write_from_the_future_is_counted_once() -> None:
    ahead, here = (
        LWWMap("a", clock=HybridClock(lambda: 10**18)),
        LWWMap("b", clock=HybridClock(lambda: 1)),
    )
    delta = ahead.put("k", 1)
    for _ in range(3):
        here.merge(delta)
    assert here.clock.drifted == 1
