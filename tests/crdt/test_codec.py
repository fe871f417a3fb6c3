"""Any bytes give a state, a delta, or `CrdtError`; and what is read again is the same."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import (
    BoundedCounter,
    CausalContext,
    CrdtError,
    Delta,
    EWFlag,
    GCounter,
    LWWMap,
    LWWRegister,
    MVRegister,
    ORMap,
    ORSet,
    PNCounter,
)
from crdt.codec import FORMAT, decode
from crdt.context import MAX_COUNTER
from crdt.store import STORE, decode_fragment
from crdt.values import DELETED, MAX_VALUE_BYTES
from tests.crdt.histories import World, histories
from tests.crdt.laws import SUBJECTS, Subject
from tests.crdt.spoiled import mutated

every_type = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


def written(body: Any) -> bytes:
    """What a stranger says, in this version of the format."""
    data: bytes = msgpack.packb(body)
    return bytes([FORMAT]) + data


def refused_or_sound(subject: Subject, data: bytes) -> None:
    """The one error with nothing changed, or a value that keeps the laws."""
    x = subject.new("x")
    try:
        y = subject.type.from_bytes(data, "y")
    except CrdtError:
        pass
    else:
        y._kernel.check()
        subject.shown(y)
        assert subject.type.from_bytes(y.to_bytes(), "z") == y
        x.merge(y)
        assert x == y
        assert x.merge(y) is False
    try:
        delta = Delta.from_bytes(data)
    except CrdtError:
        return
    assert Delta.from_bytes(delta.to_bytes()) == delta
    try:
        x.merge(delta)
    except CrdtError:
        assert delta.kind != subject.type.KIND
    else:
        assert x.merge(delta) is False
        x._kernel.check()
        subject.shown(x)
        assert subject.type.from_bytes(x.to_bytes(), "z") == x


@every_type
@given(st.data())
def test_mutated_bytes_give_a_sound_value_or_the_one_error(
    subject: Subject, data: st.DataObject
) -> None:
    world = World(subject).play(data.draw(histories(subject, size=12)))
    part = data.draw(st.sampled_from(world.parts()))
    for _ in range(5):
        refused_or_sound(subject, data.draw(mutated(part.to_bytes())))


plain = st.recursive(
    st.one_of(st.integers(-1, 3), st.sampled_from([None, True, 2**63, 2**64 - 1, "a", b"\x01a"])),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)
contexts_told = st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 5), st.integers(-1, 3)))
told = contexts_told.map(lambda spans: [number for span in spans for number in span]) | plain
keys_told = st.tuples(st.sampled_from([b"", b"\x01", "a"]), plain, st.binary(max_size=4)) | plain
marks_told = st.lists(st.tuples(st.sampled_from([b"", b"\x01", b"a"]), told, told), max_size=3)


@every_type
@given(st.tuples(told, told, keys_told, plain, plain, marks_told | plain))
def test_well_formed_nonsense_is_the_one_error_too(
    subject: Subject, columns: tuple[Any, ...]
) -> None:
    for complete in (True, False):
        body = [subject.type.KIND, ["a", "b"], complete, *columns]
        refused_or_sound(subject, written(body))


@every_type
@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_the_one_error(subject: Subject, data: bytes) -> None:
    for attempt in (data, bytes([FORMAT]) + data):
        refused_or_sound(subject, attempt)
        with suppress(CrdtError):
            decode_fragment(attempt)


# Two elements, 1 and 2, of replicas "a" and "b"; and a removal of 3, of which more was known.
SOUND: list[Any] = [
    ORSet.KIND,
    ["a", "b"],
    True,
    [0, 1, 4, 1, 1, 0],
    [0, 2, 0, 1, 1, 0],
    [b"", 1, b"\x01\x02"],
    [],
    [],
    [[b"\x03", [0, 5, 0], [1, 3, 1]]],
]


def with_part(*path: int, new: Any) -> list[Any]:
    """The sound body with one part replaced."""
    body: list[Any] = msgpack.unpackb(msgpack.packb(SOUND))
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return body


def test_the_sound_body_is_sound() -> None:
    value = ORSet.from_bytes(written(SOUND), "x")
    assert value.value == {1, 2}
    assert value.context == CausalContext([("a", 1, 5), ("b", 1, 1)])
    assert value._kernel.extra == {b"\x03": CausalContext([("b", 3, 4)])}


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        SOUND[:8],
        [*SOUND, []],
        with_part(0, new=99),
        with_part(0, new=True),
        with_part(0, new=[]),
        with_part(0, new=STORE),
        with_part(1, new=["a", "a"]),
        with_part(1, new=["a", ""]),
        with_part(1, new=["a", b"b"]),
        with_part(1, new={}),
        with_part(1, new=["a"]),
        with_part(2, new=1),
        with_part(3, new=None),
        with_part(3, new=[0, 1]),
        with_part(3, new=[2, 1, 0]),
        with_part(3, new=[-1, 1, 0]),
        with_part(3, new=[0, 0, 0]),
        with_part(3, new=[0, 1, -1]),
        with_part(3, new=[0, 1, True]),
        with_part(3, new=[0, True, 0]),
        with_part(3, new=[0, 1.0, 0]),
        with_part(3, new=[0, MAX_COUNTER + 1, 0]),
        with_part(3, new=[0, 2, MAX_COUNTER - 1]),
        with_part(3, new=[0, 3, 0, 0, 1, 0, 1, 1, 0]),  # out of order
        with_part(3, new=[0, 1, 0, 0, 2, 0, 1, 1, 0]),  # one range in two
        with_part(3, new=[0, 1, 4]),  # a live write that it has not seen
        with_part(3, new=[0, 1, 0, 0, 3, 2, 1, 1, 0]),
        with_part(4, new=[0, 2, 0]),
        with_part(4, new=[0, 2, 0, 1, 1, 1]),
        with_part(4, new=[0, 2, 0, 0, 2, 0]),  # the same write under two keys
        with_part(4, new=[0, 1, 2**62]),
        with_part(4, new=None),
        with_part(5, new=None),
        with_part(5, new=[]),
        with_part(5, new=[b"", 1]),
        with_part(5, 0, new=""),
        with_part(5, 0, new=b"\x80"),
        with_part(5, 0, new=b"x" * 129),
        with_part(5, 1, new=0),
        with_part(5, 1, new=-1),
        with_part(5, 1, new=3),
        with_part(5, 1, new=2),
        with_part(5, 1, new=True),
        with_part(5, 1, new=None),
        with_part(5, 1, new=[1]),
        with_part(5, 1, new=[1, 2]),
        with_part(5, 1, new=[3, -1]),
        with_part(5, 1, new=[1, True]),
        with_part(5, 2, new="\x01\x02"),
        with_part(5, 2, new=b"\x01\xc1"),
        with_part(6, new=None),
        with_part(6, new=[0]),
        with_part(6, new=[0, 0, 0]),
        with_part(6, new=[1, 0]),
        with_part(6, new=[0, False]),
        with_part(7, new=None),
        with_part(7, new=[None]),
        with_part(7, new=[[None]]),
        with_part(7, new=[[None, False]]),
        with_part(7, new=[[0, 0], ""]),
        with_part(7, new=[1, "xy"]),
        with_part(7, new=[[], [], []]),
        with_part(8, new=None),
        with_part(8, new={}),
        with_part(8, 0, new=None),
        with_part(8, 0, new=[b"\x03", []]),
        with_part(8, 0, 0, new="\x03"),
        with_part(8, 0, 0, new=b"\x80"),
        with_part(8, 0, 1, new=None),
        with_part(8, 0, 1, new=[0, 5]),
        with_part(8, 0, 1, new=[2, 5, 0]),
        with_part(8, 0, 2, new=[0, 0, 0]),
        with_part(8, 0, 2, new=[0, 3, 0, 0, 1, 0]),
        with_part(8, new=[SOUND[8][0], SOUND[8][0]]),
        with_part(8, new=msgpack.ExtType(0, b"")),
    ],
    ids=repr,
)
def test_each_part_is_validated(body: Any) -> None:
    with pytest.raises(CrdtError):
        ORSet.from_bytes(written(body), "x")


def test_a_delta_is_no_state_and_a_state_no_delta() -> None:
    with pytest.raises(CrdtError, match="a delta"):
        ORSet.from_bytes(written(with_part(2, new=False)), "x")
    with pytest.raises(CrdtError, match="a whole state"):
        Delta.from_bytes(written(SOUND))


EXT = msgpack.ExtType(5, b"")


@pytest.mark.parametrize(
    ("kind", "key", "payload", "stamp"),
    [
        (GCounter, b"a", -1, 0),
        (GCounter, b"a", 2**63, 0),
        (GCounter, b"a", True, 0),
        (GCounter, b"a", None, 0),
        (GCounter, b"a", 1, 1),
        (GCounter, b"", 1, 0),
        (PNCounter, b"a", [1, 0, 0], 0),
        (PNCounter, b"a", [1, 0, 2, 0], 0),
        (PNCounter, b"a", [0, 1, 0, 2], 0),
        (PNCounter, b"a", [-1, 0, -1, 0], 0),
        (PNCounter, b"a", [2**63, 0, 0, 0], 0),
        (PNCounter, b"a", [True, 0, 0, 0], 0),
        (PNCounter, b"a", [1.0, 0, 0, 0], 0),
        (PNCounter, b"a", "\0\0\0\0", 0),
        (PNCounter, b"a", [1, 0, 0, 0], 1),
        (PNCounter, b"", [1, 0, 0, 0], 0),
        (PNCounter, b"\xff", [1, 0, 0, 0], 0),
        (BoundedCounter, b"a", [1, 0], 0),
        (BoundedCounter, b"a", [-1, 0, []], 0),
        (BoundedCounter, b"a", [2**63, 0, []], 0),
        (BoundedCounter, b"a", [1, True, []], 0),
        (BoundedCounter, b"a", [1, 0, [["b"]]], 0),
        (BoundedCounter, b"a", [1, 0, [["b", -1]]], 0),
        (BoundedCounter, b"a", [1, 0, [["", 1]]], 0),
        (BoundedCounter, b"a", [1, 0, [["c", 1], ["b", 1]]], 0),
        (BoundedCounter, b"a", [1, 0, [["b", 1], ["b", 1]]], 0),
        (BoundedCounter, b"a", [1, 0, [[[], 1]]], 0),
        (BoundedCounter, b"a", [1, 0, ["bc"]], 0),
        (BoundedCounter, b"a", b"\1\2\3", 0),
        (BoundedCounter, b"\xff", [1, 0, []], 0),
        (EWFlag, b"", True, 0),
        (EWFlag, b"x", None, 0),
        (EWFlag, b"", None, 1),
        (LWWRegister, b"", 1, 0),
        (LWWRegister, b"", 1, 2**63),
        (LWWRegister, b"", 1, -1),
        (LWWRegister, b"x", 1, 1),
        (LWWRegister, b"", EXT, 1),
        (LWWRegister, b"", DELETED, 1),
        (MVRegister, b"", 1, 1),
        (MVRegister, b"", [EXT], 0),
        (MVRegister, b"\0", 1, 0),
        (ORSet, b"\x01", False, 0),
        (ORSet, b"\x01", None, 1),
        (LWWMap, b"\x01k", 1, 0),
        (LWWMap, b"\x01k", 1, 2**63),
        (LWWMap, b"\x01k", 1, -1),
        (LWWMap, b"\x01k", EXT, 1),
        (LWWMap, b"\x01k", [DELETED], 1),
        (LWWMap, b"\x01k", msgpack.Timestamp(1), 1),
        (LWWMap, b"\x01k", "x" * (MAX_VALUE_BYTES + 1), 1),
        (LWWMap, b"\x03k", 1, 1),
        (LWWMap, b"", 1, 1),
        (LWWMap, b"\x01\xff", 1, 1),
        (ORMap, b"", None, 0),
        (ORMap, b"\x01k\0" + bytes([ORMap.KIND]), None, 0),
        (ORMap, b"\x01k\0" + bytes([LWWMap.KIND]) + b"\x01k", 1, 1),
        (ORMap, b"\x01k\0" + bytes([EWFlag.KIND]) + b"x", None, 0),
        (ORMap, b"\x01k\0" + bytes([EWFlag.KIND]), 1, 0),
        (ORMap, b"\x01k\0" + bytes([EWFlag.KIND]), None, 1),
        (ORMap, b"\x01k\0" + bytes([LWWRegister.KIND]), 1, 0),
        (ORMap, b"\x01k" + bytes([EWFlag.KIND]), None, 0),
    ],
    ids=repr,
)
def test_each_type_validates_its_leaves(kind: Any, key: bytes, payload: Any, stamp: int) -> None:
    keys = [b"", [len(key)], key]
    body = [kind.KIND, ["a"], False, [0, 1, 0], [0, 1, 0], keys, [stamp], [[payload]], []]
    with pytest.raises(CrdtError):
        Delta.from_bytes(written(body))


@pytest.mark.parametrize("data", [None, "x", bytearray(b"\x01"), memoryview(b"\x01"), 1, []])
def test_what_is_no_bytes_is_the_one_error(data: Any) -> None:
    for read in (Delta.from_bytes, decode_fragment, lambda d: ORSet.from_bytes(d, "x")):
        with pytest.raises(CrdtError):
            read(data)


def test_another_version_is_named() -> None:
    for version in (1, 3):
        with pytest.raises(CrdtError, match=f"version {version}"):
            ORSet.from_bytes(bytes([version]) + ORSet("a").to_bytes()[1:], "b")


def test_only_kinds_that_are_welcome_are_read() -> None:
    data = ORSet("a").to_bytes()
    assert decode(data, {ORSet.KIND: ORSet})[0] == ORSet.KIND
    with pytest.raises(CrdtError, match="another type"):
        decode(data, {LWWMap.KIND: LWWMap})
    with pytest.raises(CrdtError, match="another type"):
        decode_fragment(data)
