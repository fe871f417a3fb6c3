"""Where others lost data at the edges: what can be carried, clocks that are wrong, and growth."""

from __future__ import annotations

import math
from typing import Any

import pytest

from crdt import (
    Delta,
    HybridClock,
    LWWMap,
    LWWRegister,
    MVRegister,
    ORMap,
    ORSet,
    PNCounter,
    Replicated,
)
from crdt.clock import MAX_TIMESTAMP, MAX_WALL
from tests.crdt.laws import agree, still

# Bounds of what can be carried.


@pytest.mark.parametrize(
    "value",
    ["", b"", [], {}, "x" * 200_000, b"\xff" * 200_000, ["ü"] * 50_000, -(2**63), 2**64 - 1],
)
def test_empty_and_huge_values(value: Any) -> None:
    a = LWWMap("a")
    a["k"] = value
    b = LWWMap.from_bytes(a.to_bytes(), "b")
    assert b["k"] == value
    assert a == b
    register = LWWRegister("r")
    copy = LWWRegister("c")
    copy.merge(Delta.from_bytes(register.set(value).to_bytes()))
    assert copy.value == value


NAMES = ["", "\0", "\0\0", "a", "a\0", "a\0\xff", "a\xff", "é", "e\u0301", "\uffff", "\U0010ffff"]
BYTES = [b"", b"\0", b"\0\xff", b"a", b"a\0", b"a\0\xff", b"a\xff", b"\xff", b"\xff\xff"]


def test_keys_with_zeros_and_ones_and_beyond_the_basic_plane() -> None:
    a = LWWMap("a")
    keys: list[str | bytes] = [*NAMES, *BYTES]
    a.update({key: at for at, key in reversed(list(enumerate(keys)))})
    b = LWWMap.from_bytes(a.to_bytes(), "b")
    assert list(b) == [*sorted(NAMES), *sorted(BYTES)]
    assert [key for key, _ in b.prefix(b"a\0")] == [b"a\0", b"a\0\xff"]
    assert [key for key, _ in b.range("a\0", b"\0")] == [
        *(name for name in sorted(NAMES) if name >= "a\0"), b""
    ]  # fmt: skip
    assert [key for key, _ in b.prefix(b"\xff")] == [b"\xff", b"\xff\xff"]
    nested = ORMap("n")
    for key in keys:
        nested.map(key).set(key).add(key)
    assert list(nested) == list(b)
    assert nested.value == {key: {key: {key}} for key in keys}


@pytest.mark.parametrize("edge", [2**63 - 1, 2**63, 2**64 - 1, -(2**63), 2**31, 2**32, -1, 0])
def test_sixty_four_bits(edge: int) -> None:
    a = ORSet("a")
    a.add(edge)
    assert list(ORSet.from_bytes(a.to_bytes(), "b")) == [edge]
    for beyond in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="integer"):
            a.add(beyond)


def test_floats_come_back_as_they_were() -> None:
    a = MVRegister("a")
    for value in (math.inf, -0.0, math.nan, 5e-324):
        a.set(value)
        assert repr(MVRegister.from_bytes(a.to_bytes(), "b").value) == repr([value])


# Clocks.


def test_a_clock_that_jumps_to_and_fro_never_locks_a_key() -> None:
    now = {"a": 10**18, "b": 10**18}
    a = LWWMap("a", clock=HybridClock(lambda: now["a"]))
    b = LWWMap("b", clock=HybridClock(lambda: now["b"]))
    jumps = [-(10**17), 10**17, -(10**18), 3 * 10**18, -(3 * 10**18), 10**9]
    for at, jump in enumerate(jumps):
        now["ab"[at % 2]] = max(0, now["ab"[at % 2]] + jump)
        for writer, other in ((a, b), (b, a)):
            other.merge(writer.put("k", (jump, writer.replica)))
            assert writer["k"] == other["k"] == [jump, writer.replica]
            other.merge(writer.delete("k"))
            assert "k" not in other
            assert "k" not in writer


@pytest.mark.parametrize("far", [10**18, MAX_WALL])
def test_a_stamp_from_the_far_future_converges_and_whoever_has_seen_it_wins(far: int) -> None:
    a, b, wrong = (
        LWWMap(name, clock=still(now)) for name, now in zip("abw", [5, 6, far], strict=True)
    )
    wrong["k"] = "from the future"
    assert a.merge(wrong)
    assert (a.clock.drifted, wrong.clock.drifted) == (1, 0)
    assert agree(a, b, wrong) == {"k": "from the future"}
    for writer in (a, b, wrong, a):
        writer["k"] = writer.replica
        assert agree(a, b, wrong) == {"k": writer.replica}
        del writer["k"]
        assert agree(a, b, wrong) == {}
    a["other"] = 1
    assert a.clock.tick() < 1000  # it spoils no other key


def test_a_stamp_with_no_successor_locks_nothing() -> None:
    a, b = LWWRegister("a", clock=still()), LWWRegister("b", clock=still())
    boundless = HybridClock(lambda: MAX_WALL, max_drift_ns=MAX_TIMESTAMP)
    boundless.observe([MAX_TIMESTAMP - 1])
    wrong = LWWRegister("wrong", clock=boundless)
    wrong.set("last")
    assert agree(a, b, wrong) == "last"
    for writer in (a, b, a):
        writer.set(writer.replica)
        assert agree(a, b, wrong) == writer.replica


# Growth.


def test_ten_thousand_changes_leave_no_trace_but_a_number() -> None:
    elements, counter, register = ORSet("a"), PNCounter("a"), LWWRegister("a")
    for at in range(10_000):
        elements.add("x")
        elements.remove("x")
        counter.increment()
        counter.reset()
        register.set(at)
    grown: list[Replicated] = [elements, counter, register]
    assert all(len(value.to_bytes()) < 64 for value in grown)
    assert elements.residue == 0
    assert len(elements._kernel.entries) == 0


def test_deleted_entries_can_be_collected_and_stay_away() -> None:
    a = LWWMap("a", clock=still())
    b = a.fork("b")
    told = [a.put(f"k{at}", at) for at in range(1000)]
    told += [a.delete(f"k{at}") for at in range(999)]
    agree(a, b)
    assert a.residue == b.residue == 999
    assert [each.collect(each.context) for each in (a, b)] == [999, 999]
    assert [each.collect(each.context) for each in (a, b)] == [0, 0]
    assert len(a.to_bytes()) < 64
    for delta in told:  # they come once more
        assert not b.merge(delta)
    assert agree(a, b) == {"k999": 999}
    b["k0"] = "new"
    assert agree(a, b) == {"k0": "new", "k999": 999}


def test_counters_in_a_map_can_be_collected_and_begin_anew() -> None:
    a, b = ORMap("a"), ORMap("b")
    told = []
    for at in range(100):
        told += [a.map("m").counter(f"k{at}").increment(3), a.map("m").delete(f"k{at}")]
    agree(a, b)
    assert a.residue == 100
    assert [each.collect(each.context) for each in (a, b)] == [100, 100]
    assert len(a.to_bytes()) < 32
    b.map("m").counter("k1").increment(2)
    a.map("m").counter("k1").increment(1)
    for delta in told:
        a.merge(delta)
    assert agree(a, b) == {"m": {"k1": 3}}


def test_what_is_not_stable_is_not_collected() -> None:
    a = LWWMap("a", clock=still())
    b = a.fork("b")
    a["k"] = a["l"] = 1
    b.merge(a)
    b.delete("k")
    assert b.collect(a.context) == 0
    assert agree(a, b) == {"l": 1}
    assert a.collect(a.context) == b.collect(b.context) == 1
    assert agree(a, b) == {"l": 1}
