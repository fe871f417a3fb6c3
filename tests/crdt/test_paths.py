"""A path names one value, says of what type it is, and begins as no other value's does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crdt import CrdtError, EWFlag, LWWMap, ORMap, ORSet, PNCounter
from crdt.keys import close, decode_key
from crdt.paths import MAX_PATH_BYTES, check, leaf_type, section, walk

names = st.text("a\0\x01\xff", max_size=3) | st.lists(
    st.sampled_from([b"\0", b"a", b"\xff"]), max_size=3
).map(b"".join)
LEAVES: dict[Any, bytes] = {EWFlag: b"", PNCounter: b"replica", ORSet: b"\x01"}
leaves = st.sampled_from([*LEAVES])


def path_to(maps: list[str | bytes], name: str | bytes, kind: Any) -> bytes:
    prefix = b""
    for each in maps:
        prefix = section(prefix, each, ORMap)
    return section(prefix, name, kind)


@given(st.lists(names, max_size=3), names, leaves)
def test_a_path_is_walked_as_it_was_made(
    maps: list[str | bytes], name: str | bytes, kind: Any
) -> None:
    path = path_to(maps, name, kind) + LEAVES[kind]
    steps = list(walk(path, ORMap.INSIDE))
    assert [decode_key(step.name) for step in steps] == [*maps, name]
    assert [step.kind for step in steps] == [ORMap] * len(maps) + [kind]
    assert path[steps[-1].end :] == LEAVES[kind]
    assert leaf_type(path, ORMap.INSIDE) is kind
    assert check(path, ORMap.INSIDE) is kind


@example([], "a", EWFlag, [], "a\0", EWFlag)
@example(["a"], "b", EWFlag, ["a\0"], "b", EWFlag)
@given(st.lists(names, max_size=2), names, leaves, st.lists(names, max_size=2), names, leaves)
def test_a_section_is_one_value_s_alone(
    maps: list[Any], name: Any, kind: Any, others: list[Any], other: Any, another: Any
) -> None:
    one, two = path_to(maps, name, kind), path_to(others, other, another)
    same = (maps, name, kind) == (others, other, another)
    assert (two + LEAVES[another]).startswith(one) is same
    # So it is for all that is under one name, whatever its type.
    named = path_to(maps, name, kind)[:-1]
    assert two.startswith(named) is ([*maps, name] == [*others, other][: len(maps) + 1])


@given(st.binary(max_size=24), st.data())
def test_any_bytes_are_a_path_or_the_one_error(rest: bytes, data: st.DataObject) -> None:
    start = data.draw(st.sampled_from([b"", section(b"", "m", ORMap), section(b"", "f", EWFlag)]))
    try:
        kind = check(start + rest, ORMap.INSIDE)
    except CrdtError:
        return
    steps = list(walk(start + rest, ORMap.INSIDE))
    assert steps[-1].kind is kind is leaf_type(start + rest, ORMap.INSIDE)
    again = b"".join(close(step.name) + bytes([step.kind.KIND]) for step in steps)
    assert (start + rest).startswith(again)


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"\x01m",
        b"\x01m\0",
        b"\x01m\0" + bytes([ORMap.KIND]),
        b"\x01m\0" + bytes([LWWMap.KIND]) + b"\x01k",  # no map of values holds one
        b"\x01m\0\xfa",
        b"\x03m\0" + bytes([EWFlag.KIND]),
        b"\x01\xff\0" + bytes([EWFlag.KIND]),
        b"\x01m\0" + bytes([EWFlag.KIND]) + b"x",
        b"\x01m\0" + bytes([ORMap.KIND]) + b"\x01m\0",
        close(b"\x02" + b"x" * 1024) + bytes([EWFlag.KIND]),
    ],
)
def test_what_leads_nowhere_is_the_one_error(path: bytes) -> None:
    with pytest.raises(CrdtError):
        check(path, ORMap.INSIDE)


def test_a_path_has_a_limit_where_it_is_made_and_where_it_is_read() -> None:
    prefix, step = b"", len(section(b"", "map", ORMap))
    for _ in range((MAX_PATH_BYTES - 1) // step):
        prefix = section(prefix, "map", ORMap)
    with pytest.raises(ValueError, match="longer than"):
        section(prefix, "map" * step, ORMap)
    last = section(prefix[:-step], "f", EWFlag)
    assert check(last, ORMap.INSIDE) is EWFlag
    longer = section(b"", "x" * 1000, ORMap) * (MAX_PATH_BYTES // 1000 + 2) + last
    with pytest.raises(CrdtError):
        check(longer, ORMap.INSIDE)


@pytest.mark.parametrize(
    ("name", "error"),
    [(1, TypeError), (None, TypeError), ("x" * 2000, ValueError), ("\ud800", ValueError)],
)
def test_what_is_no_name_is_refused(name: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        section(b"", name, ORSet)
