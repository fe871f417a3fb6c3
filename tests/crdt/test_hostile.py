"""A few bytes cannot ask for much: neither memory, nor work that does not end.

What a reader allocates is at most a few hundred times what it was given: the objects of Python, for
columns that take one byte a write. Without the bound a length in nine bytes could ask for 2**62 of
anything, and these tests would not end.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from crdt import CausalContext, CrdtError, Delta, EWFlag, LWWMap, ORMap, ORSet
from crdt.codec import FORMAT
from crdt.columns import PREFIX_BYTES_MAX
from crdt.context import MAX_COUNTER
from crdt.keys import close, encode_key
from crdt.store import FRAGMENT_EVENTS_MAX, STORE, decode_fragment
from crdt.values import DELETED

MANY = 20_000
BYTES_PER_BYTE = 400
PREFIX = b"\x01" + b"p" * (PREFIX_BYTES_MAX - 1)
ALL = [0, 1, MANY - 1]


def body(kind: int, *columns: Any, names: Any = ("a",)) -> bytes:
    """known, live, keys, stamps, payloads, marks; those left out are empty."""
    padded = [*columns, *[[] for _ in range(6 - len(columns))]]
    data: bytes = msgpack.packb([kind, list(names), False, *padded])
    return bytes([FORMAT]) + data


def read(data: bytes) -> None:
    """Whatever reads it: a value or the one error."""
    for reader in (Delta.from_bytes, decode_fragment):
        try:
            reader(data)
        except CrdtError:
            continue


def peak(what: Callable[[], object]) -> int:
    """The most bytes that were held while it ran."""
    tracemalloc.start()
    try:
        what()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def spread(step: int = 2) -> list[int]:
    """Many events of one replica, none next to another."""
    return [number for at in range(MANY) for number in (0, step * at + 1, 0)]


ONES = [1] + [0] * (MANY - 1)
KINDS = [LWWMap.KIND, ORSet.KIND, STORE]

KEYS = [b"\xcd%c%c" % divmod(at, 256) for at in range(256, MANY)]

LARGE = {
    "writes of one key": body(LWWMap.KIND, ALL, ALL, [PREFIX, [0] * MANY, b""], ONES),
    "keys of a byte": body(LWWMap.KIND, ALL, ALL, [PREFIX, 1, b"x" * MANY], ONES),
    "keys of a byte, without stamps": body(ORSet.KIND, ALL, ALL, [b"", 1, b"\x01" * MANY]),
    "writes far apart": body(LWWMap.KIND, spread(), spread(), [PREFIX, 1, b"x" * MANY], ONES),
    "known far apart": body(LWWMap.KIND, spread()),
    "names": body(LWWMap.KIND, names=map(str, range(MANY))),
    "names that are known": body(
        LWWMap.KIND,
        [number for at in range(MANY) for number in (at, 2, 0)],
        names=map(str, range(MANY)),
    ),
    "marks": body(ORSet.KIND, [], [], [], [], [], [[key, [], []] for key in KEYS]),
    "marks that know": body(ORSet.KIND, [], [], [], [], [], [[key, [], [0, 1, 0]] for key in KEYS]),
    "great differences": body(LWWMap.KIND, ALL, ALL, [PREFIX, 1, b"x" * MANY], [2**63] * MANY),
    "lists": bytes([FORMAT]) + b"\x91" * MANY,
    "a list of four billion": bytes([FORMAT]) + b"\xdd\xff\xff\xff\xff",
    "a blob of four billion": bytes([FORMAT]) + b"\x99\x07\xc6\xff\xff\xff\xff",
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_memory_is_bounded_by_what_was_given(name: str) -> None:
    data = LARGE[name]
    assert peak(lambda: read(data)) < BYTES_PER_BYTE * len(data) + 100_000


FAR = [0, 1, MAX_COUNTER - 1]
KEY = b"\x01k"


def leaf(key: bytes) -> list[Any]:
    return [key, [0], b""]


@pytest.mark.parametrize(
    "data",
    [
        body(LWWMap.KIND, FAR, FAR, leaf(KEY), [1]),
        body(LWWMap.KIND, FAR, FAR, [PREFIX, 1, b"x" * 9]),
        body(LWWMap.KIND, FAR, [0, 1, 0, 0, 3, MAX_COUNTER - 3], leaf(KEY), [1]),
        body(ORSet.KIND, FAR, FAR, [b"", 2**62, b"\x01"]),
        body(ORSet.KIND, FAR, FAR, [b"", [2**62, -(2**62) + 1], b"\x01"]),
        body(LWWMap.KIND, [0, 1, 0], [0, 1, 0], leaf(KEY), [1], [2**62, "x"]),
        body(LWWMap.KIND, [0, 1, 0], [0, 1, 0], leaf(KEY), [1], [[1, 2**62], "x"]),
        body(LWWMap.KIND, [0, 1, MAX_COUNTER]),
        body(LWWMap.KIND, [0, 2**64 - 1, 0]),
        body(LWWMap.KIND, [2**63, 1, 0]),
    ],
    ids=range(10),
)
def test_a_great_number_is_not_counted_up_to(data: bytes) -> None:
    with pytest.raises(CrdtError):
        Delta.from_bytes(data)


def test_a_context_of_all_events_there_can_be_is_one_range() -> None:
    delta = Delta.from_bytes(body(ORSet.KIND, FAR, [], [], [], [], [[b"\x01", [], []]]))
    value = ORSet("x")
    assert peak(lambda: value.merge(delta)) < 100_000
    assert value._kernel.known(b"\x01") == CausalContext([("a", 1, MAX_COUNTER)])
    assert value.add(1).fragment().known.covers(CausalContext([("a", 1, MAX_COUNTER)]))


def test_nobody_makes_a_store_log_more_than_it_has_memory_for() -> None:
    element = close(encode_key("s")) + bytes([ORSet.KIND]) + b"\x01"
    marks = [[element, [0, 1, FRAGMENT_EVENTS_MAX], []]]
    with pytest.raises(CrdtError, match="more events"):
        decode_fragment(body(STORE, [], [], [], [], [], marks))
    many = [[element[:-1] + bytes([at]), [at, 1, 2**18], []] for at in range(1, 9)]
    with pytest.raises(CrdtError, match="more events"):
        decode_fragment(body(STORE, [], [], [], [], [], many, names="abcdefghi"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("part", [DELETED, msgpack.Timestamp(1), msgpack.ExtType(9, b"x" * 99)])
def test_extensions_are_no_column(kind: int, at: int, part: Any) -> None:
    for nested in (part, [part], [[part]]):
        columns: list[Any] = [[] for _ in range(6)]
        columns[at] = nested
        with pytest.raises(CrdtError):
            (decode_fragment if kind == STORE else Delta.from_bytes)(body(kind, *columns))


def test_values_within_values_have_a_limit() -> None:
    for depth, levels in [(64, True), (65, False), (900, False), (5000, False)]:
        deep = b"\x91" * depth + b"\x01"
        data = body(LWWMap.KIND, [0, 1, 0], [0, 1, 0], leaf(KEY), [1], [["?"]])
        data = data.replace(b"\xa1?", deep)
        if levels:
            assert Delta.from_bytes(data).to_bytes() == data
        else:
            with pytest.raises(CrdtError):
                Delta.from_bytes(data)


def test_a_path_through_many_maps_is_read_shown_and_told_on_in_bounds() -> None:
    """As deep as a path may be: nothing here may follow it level by level on Python's stack."""
    step = close(encode_key("")) + bytes([ORMap.KIND])
    for levels in (60, 300, 3000):
        path = step * levels + close(encode_key("f")) + bytes([EWFlag.KIND])
        keys = [path[:100], len(path) - 100, path[100:]]
        try:
            delta = Delta.from_bytes(body(ORMap.KIND, [0, 1, 0], [0, 1, 0], keys))
        except CrdtError:
            continue  # a limit may well be lower
        value = ORMap("x")
        value.merge(delta)
        assert ORMap.from_bytes(value.to_bytes(), "y") == value
        assert len(value) == 1
        assert "ORMap" in repr(value)
        assert peak(lambda value=value: len(value.fork("z"))) < BYTES_PER_BYTE * len(path)  # type: ignore[misc]
