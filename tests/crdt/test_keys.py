"""The order of keys is the order of their bytes, alone and inside a path."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CrdtError
from crdt.keys import MAX_KEY_BYTES, after_prefix, close, decode_key, encode_key, split

text = st.text(st.sampled_from("a\0\x01ü\uffff\U0001f600"), max_size=4)
blobs = st.lists(st.sampled_from([b"\0", b"\x01", b"\xff", b"a"]), max_size=4).map(b"".join)
keys = st.one_of(text, blobs, st.text(max_size=8), st.binary(max_size=8))


@given(keys, keys)
def test_bytes_keep_the_order_of_keys(one: str | bytes, two: str | bytes) -> None:
    def order(key: str | bytes) -> tuple[bool, Any]:
        return isinstance(key, bytes), [*map(ord, key)] if isinstance(key, str) else key

    assert (encode_key(one) < encode_key(two)) is (order(one) < order(two))
    assert (encode_key(one) == encode_key(two)) is (one == two and type(one) is type(two))
    closed = close(encode_key(one)) + b"\x07", close(encode_key(two)) + b"\x07"
    assert (closed[0] < closed[1]) is (order(one) < order(two))


@given(keys)
def test_keys_go_round(key: str | bytes) -> None:
    assert decode_key(encode_key(key)) == key


@given(blobs, blobs.map(lambda rest: b"\x07" + rest))
def test_paths_come_apart_as_they_were_put_together(component: bytes, rest: bytes) -> None:
    closed = close(component)
    assert split(closed + rest) == (component, len(closed))
    assert split(rest + closed, len(rest)) == (component, len(rest + closed))


@given(text, text.filter(bool))
def test_no_component_begins_as_another_one(one: str, more: str) -> None:
    """Or what belongs to `a` and what belongs to `a\\0` would be one section."""
    assert not close(encode_key(one + more)).startswith(close(encode_key(one)))


@given(blobs, blobs)
def test_after_prefix_bounds_exactly_what_starts_with_it(prefix: bytes, key: bytes) -> None:
    stop = after_prefix(prefix)
    assert key.startswith(prefix) is (prefix <= key and (stop is None or key < stop))


@given(st.binary(max_size=12))
def test_any_bytes_are_a_key_or_the_one_error(data: bytes) -> None:
    try:
        key = decode_key(data)
    except CrdtError:
        return
    assert encode_key(key) == data


@given(st.binary(max_size=12))
def test_any_bytes_are_a_path_or_the_one_error(data: bytes) -> None:
    try:
        component, end = split(data)
    except CrdtError:
        return
    assert close(component) == data[:end]


def test_the_longest_key() -> None:
    for longest in ("x" * (MAX_KEY_BYTES - 1), b"x" * (MAX_KEY_BYTES - 1)):
        assert decode_key(encode_key(longest)) == longest
        with pytest.raises(ValueError, match="longer"):
            encode_key(longest * 2)
    with pytest.raises(CrdtError):
        decode_key(b"\x02" + b"x" * MAX_KEY_BYTES)


@pytest.mark.parametrize("key", [None, 1, True, 1.0, ("a",), ["a"], bytearray(b"a")])
def test_other_types_are_no_keys(key: Any) -> None:
    with pytest.raises(TypeError, match="str or bytes"):
        encode_key(key)


def test_a_lone_surrogate_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        encode_key("a\ud800")
