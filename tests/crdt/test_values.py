"""Values go in and out detached, equal ones have equal bytes, the rest is refused at the door."""

from __future__ import annotations

import math
from collections import OrderedDict
from enum import IntEnum
from typing import Any, NamedTuple

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CrdtError
from crdt.values import (
    DELETED,
    MAX_DEPTH,
    MAX_ELEMENT_BYTES,
    MAX_VALUE_BYTES,
    check_element,
    check_value,
    detached,
    element_to_key,
    key_to_element,
    normalise,
    pack,
    unpack,
)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=4),
    st.binary(max_size=4),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2) | st.binary(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
elements = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8)


class Colour(IntEnum):
    RED = 1


class Pair(NamedTuple):
    left: int


def nested(levels: int, innermost: Any = 1) -> Any:
    value = innermost
    for _ in range(levels):
        value = [value]
    return value


def shown(value: Any) -> str:
    """1, 1.0, True and -0.0 apart; NaN equal to itself."""
    return repr(value)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    normal = normalise(value)
    again = normalise(unpack(pack(normal)))
    assert shown(again) == shown(normal)
    assert pack(again) == pack(normal)
    assert shown(detached(normal)) == shown(normal)


@given(st.dictionaries(st.text(max_size=2) | st.binary(max_size=2), scalars), st.randoms())
def test_a_dict_has_one_form_whatever_its_order(value: dict[Any, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert pack(normalise(dict(items))) == pack(normalise(value))


def test_values_are_detached_on_the_way_in_and_out() -> None:
    mine: dict[str, Any] = {"a": [1, {"b": [2]}]}
    held = normalise(mine)
    mine["a"][1]["b"].append(3)
    given_out = detached(held)
    given_out["a"][1]["b"].append(4)
    assert held == {"a": [1, {"b": [2]}]}


def test_tuples_are_lists() -> None:
    assert normalise((1, (2, [3]))) == [1, [2, [3]]]


@pytest.mark.parametrize(
    "value",
    [object(), {1}, Colour.RED, Pair(1), OrderedDict(), bytearray(b"x"), {1: 2}, {("a",): 1}, 1j],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"k": (v,)}])
def test_what_is_no_plain_data_is_a_type_error(value: Any, wrap: Any) -> None:
    with pytest.raises(TypeError):
        normalise(wrap(value))


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "\ud800", nested(MAX_DEPTH + 1)])
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"k": (v,)}])
def test_what_has_no_place_is_a_value_error(value: Any, wrap: Any) -> None:
    with pytest.raises(ValueError, match=r"carried|surrogates"):
        normalise(wrap(value))
    with pytest.raises(ValueError, match="surrogates"):
        normalise({"\ud800": 1})


@pytest.mark.parametrize("edge", [-(2**63), 2**64 - 1, 2**63, -1, math.inf, -0.0, 5e-324])
def test_edges_are_carried(edge: Any) -> None:
    assert shown(unpack(pack(normalise(edge)))) == shown(edge)


def test_sixty_four_levels_and_no_more() -> None:
    assert unpack(pack(normalise(nested(MAX_DEPTH)))) == nested(MAX_DEPTH)
    assert normalise(nested(MAX_DEPTH - 1, {"k": 1})) == nested(MAX_DEPTH - 1, {"k": 1})
    for deeper in (nested(MAX_DEPTH + 1), nested(MAX_DEPTH, {})):
        with pytest.raises(ValueError, match="deeper than 64"):
            normalise(deeper)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="deeper"):
        normalise(endless)
    with pytest.raises(ValueError, match="deeper"):
        element_to_key(endless)


def test_the_largest_value() -> None:
    for value in ("x" * MAX_VALUE_BYTES, b"x" * MAX_VALUE_BYTES, [b"x" * (MAX_VALUE_BYTES - 6)]):
        normalise(value)
    for value in (
        "x" * (MAX_VALUE_BYTES + 1),
        "ü" * (MAX_VALUE_BYTES // 2 + 1),
        [b"x" * MAX_VALUE_BYTES],
    ):
        with pytest.raises(ValueError, match="larger"):
            normalise(value)


@given(elements)
def test_an_element_comes_back_as_it_was(element: Any) -> None:
    assert shown(key_to_element(element_to_key(element))) == shown(element)


@given(elements, elements)
def test_elements_are_compared_by_type_and_value(one: Any, two: Any) -> None:
    assert (element_to_key(one) == element_to_key(two)) is (shown(one) == shown(two))


def test_python_s_equals_are_different_elements() -> None:
    assert len({element_to_key(e) for e in (1, 1.0, True, 0, 0.0, -0.0, False, "1", b"1")}) == 9
    assert element_to_key([1, [2]]) == element_to_key((1, (2,)))
    assert element_to_key(math.nan) == element_to_key(math.nan)


@pytest.mark.parametrize("element", [{}, [{}], (1, ({"a": 1},)), {1}, object()])
def test_what_is_no_element_is_a_type_error(element: Any) -> None:
    with pytest.raises(TypeError):
        element_to_key(element)


def test_the_largest_element() -> None:
    element_to_key(b"x" * (MAX_ELEMENT_BYTES - 3))
    with pytest.raises(ValueError, match="larger"):
        element_to_key(b"x" * (MAX_ELEMENT_BYTES - 2))


@given(st.binary(max_size=40))
def test_any_bytes_are_an_element_or_the_one_error(data: bytes) -> None:
    try:
        check_element(data)
    except CrdtError:
        return
    assert element_to_key(key_to_element(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\xcd\x00\x01",  # 1, not in its shortest form
        b"\xca\x3f\x80\x00\x00",  # 1.0 in single precision
        b"\xd9\x01a",  # "a", with a longer header
        b"\x01\x01",  # two values
        b"\x80",  # a dict
        b"\xa1\xff",  # no UTF-8
        b"\xa3\xed\xa0\x80",  # a surrogate
        b"\xd6\xff\x00\x00\x00\x00",  # a time stamp of msgpack
        b"\xd7\xff" + b"\xff" * 8,
        b"\xc7\x03\xff\x00\x00\x00",
        b"\xd4\x05\x00",  # an extension
        b"\xdd\xff\xff\xff\xff",  # a list of four billion
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 65 + b"\x01",
        b"\x91" * 1000 + b"\x01",
        b"\x91" * 5000 + b"\x01",
        b"\xc4" + bytes([200]) + b"x",
    ],
)
def test_bytes_that_are_no_canonical_element(data: bytes) -> None:
    with pytest.raises(CrdtError):
        check_element(data)


@given(elements)
def test_the_bytes_of_an_element_pass_the_check(element: Any) -> None:
    check_element(element_to_key(element))


def test_a_deleted_value_is_no_value_and_no_element() -> None:
    """The mark has an encoding, for maps; nobody can store it, at any depth."""
    assert unpack(pack(DELETED)) is DELETED
    for value in (DELETED, [DELETED], {"k": [DELETED]}):
        with pytest.raises(TypeError):
            normalise(value)
        with pytest.raises(CrdtError):
            check_value(unpack(pack(value)))
        with pytest.raises(CrdtError):
            check_element(pack(value))


@given(st.binary(max_size=60))
def test_any_bytes_unpack_or_the_one_error(data: bytes) -> None:
    try:
        unpack(data)
    except CrdtError:
        pass
    else:
        msgpack.unpackb(data)


def test_a_key_that_is_no_string_is_malformed() -> None:
    with pytest.raises(CrdtError):
        unpack(b"\x81\x01\x01")
