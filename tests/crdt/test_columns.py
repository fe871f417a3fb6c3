"""Columns come back as they were, and a stranger's are values or the one error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CausalContext, CrdtError
from crdt.columns import (
    PREFIX_BYTES_MAX,
    pack_keys,
    pack_payloads,
    pack_stamps,
    require,
    require_ints,
    runs,
    unpack_keys,
    unpack_payloads,
    unpack_stamps,
)

short = st.binary(max_size=3)
key_lists = st.builds(
    lambda start, rest: [start + end for end in rest],
    st.just(b"") | st.binary(max_size=200),
    st.lists(short),
)
text_lists = st.lists(st.text("aü\U0001f600", max_size=3))
payload_lists = st.one_of(
    text_lists,
    st.lists(short),
    st.lists(st.none()),
    st.lists(st.none() | st.integers(0, 3) | st.text(max_size=2) | short),
)
stamps = st.integers(0, 2**63 - 1)


def carried(column: Any) -> Any:
    """A column after its journey."""
    return msgpack.unpackb(msgpack.packb(column))


@given(key_lists)
def test_keys_come_back(keys: list[bytes]) -> None:
    column = carried(pack_keys(keys))
    assert unpack_keys(column) == keys
    assert column == [] or len(column[0]) <= PREFIX_BYTES_MAX


@given(st.lists(stamps) | st.lists(st.just(0)))
def test_stamps_come_back(stamps: list[int]) -> None:
    column = carried(pack_stamps(stamps))
    assert unpack_stamps(column, len(stamps)) == stamps
    assert (column == []) is not any(stamps)


@given(payload_lists)
def test_payloads_come_back(payloads: list[Any]) -> None:
    again = unpack_payloads(carried(pack_payloads(payloads)), len(payloads))
    assert [(type(each), each) for each in again] == [(type(each), each) for each in payloads]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), unique=True).map(sorted))
def test_runs_are_the_spans_of_a_context(dots: list[tuple[int, int]]) -> None:
    flat = list(runs(dots))
    context = CausalContext((str(index), counter, counter) for index, counter in dots)
    spans = zip(*[iter(flat)] * 3, strict=True)
    assert [(str(at), low, low + length) for at, low, length in spans] == [*context.spans()]


def test_what_is_alike_is_said_once() -> None:
    keys = [b"key %04d" % number for number in range(1000)]
    prefix, lengths, blob = pack_keys(keys)
    assert (prefix, lengths, len(blob)) == (b"key 0", 3, 3000)
    assert pack_keys([b"x" * 500])[0] == b"x" * PREFIX_BYTES_MAX
    assert pack_stamps([10**18, 10**18 + 1, 10**18 - 1]) == [10**18, 1, -2]
    assert pack_payloads(["ab", "cd"]) == [2, "abcd"]
    assert pack_payloads(["", ""]) == [[0, 0], ""]
    assert pack_payloads([None, None]) == []
    assert pack_payloads([]) == []
    assert pack_payloads(["a", b"a"]) == [["a", b"a"]]


anything = st.recursive(
    st.one_of(
        st.sampled_from([None, False, True, 2**63, 2.0, msgpack.ExtType(0, b"")]),
        st.integers(-2, 4),
        st.binary(max_size=4),
        st.text(max_size=4),
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.just(""), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "unpack",
    [unpack_keys, lambda c: unpack_stamps(c, 2), lambda c: unpack_payloads(c, 2), require_ints],
    ids=["keys", "stamps", "payloads", "ints"],
)
@given(anything | st.lists(anything, min_size=2, max_size=3))
def test_a_stranger_s_column_is_values_or_the_one_error(
    unpack: Callable[[Any], list[Any]], column: Any
) -> None:
    try:
        values = unpack(column)
    except CrdtError:
        return
    assert type(values) is list


@pytest.mark.parametrize(
    ("count", "column"),
    [(0, []), (2, []), (2, [5, -5]), (2, [0, 0])],
)
def test_stamps_are_as_many_as_writes(count: int, column: list[int]) -> None:
    assert len(unpack_stamps(column, count)) == count
    if column:
        for other in (0, 1, 3):
            with pytest.raises(CrdtError):
                unpack_stamps(column, other)


@pytest.mark.parametrize("column", [[["a", "b"]], [1, "ab"], [[1, 1], b"ab"], [[0, 2], "ab"]])
def test_payloads_are_as_many_as_writes(column: list[Any]) -> None:
    assert len(unpack_payloads(column, 2)) == 2
    for other in (0, 1, 3):
        with pytest.raises(CrdtError):
            unpack_payloads(column, other)


def test_require_is_the_one_error() -> None:
    require(True)
    with pytest.raises(CrdtError, match="malformed bytes"):
        require(False)
    assert require_ints([1, -(2**70)]) == [1, -(2**70)]
    for numbers in ([True], [1.0], ["1"], (1,), None, 1):
        with pytest.raises(CrdtError):
            require_ints(numbers)
