"""Any bytes give a state, a delta, or `CrdtError`; and what is read again is the same."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CausalContext, CrdtError, Delta, LWWMap, ORSet, PNCounter
from crdt.codec import FORMAT, FragmentWriter, decode
from crdt.context import MAX_COUNTER
from crdt.kernel import Leaf
from crdt.store import STORE, decode_fragment
from tests.crdt.cluster import leaf_key
from tests.crdt.histories import World, histories
from tests.crdt.laws import SUBJECTS, Subject
from tests.crdt.spoiled import mutated

every_type = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


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


@every_type
@given(plain, st.lists(plain, max_size=3))
def test_well_formed_nonsense_is_the_one_error_too(
    subject: Subject, known: Any, leaves: list[Any]
) -> None:
    for complete in (True, False):
        body = [subject.type.KIND, ["a", "b"], complete, known, *leaves]
        refused_or_sound(subject, bytes([FORMAT]) + msgpack.packb(body))


@every_type
@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_the_one_error(subject: Subject, data: bytes) -> None:
    for attempt in (data, bytes([FORMAT]) + data):
        refused_or_sound(subject, attempt)
        with suppress(CrdtError):
            decode_fragment(attempt)


SOUND: list[Any] = [ORSet.KIND, ["a", "b"], True, [0, 1, 0], [b"\x01", [0, 1, None], [], []]]


def with_part(*path: int, new: Any) -> list[Any]:
    """The sound body with one part replaced."""
    body: list[Any] = msgpack.unpackb(msgpack.packb(SOUND))
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = new
    return body


def test_the_sound_body_is_sound() -> None:
    assert ORSet.from_bytes(bytes([FORMAT]) + msgpack.packb(SOUND), "x").value == {1}


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        SOUND[:3],
        with_part(0, new=99),
        with_part(0, new=True),
        with_part(0, new=[]),
        with_part(0, new=STORE),
        with_part(1, new=["a", "a"]),
        with_part(1, new=["a", ""]),
        with_part(1, new=["a", b"b"]),
        with_part(1, new={}),
        with_part(2, new=1),
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
        with_part(4, new=None),
        with_part(4, new=[b"\x01", [], []]),
        with_part(4, 0, new="\x01"),
        with_part(4, 0, new=b"\x80"),
        with_part(4, 1, new=[0, 1]),
        with_part(4, 1, new=[0, 1, 0]),
        with_part(4, 1, new=[0, 1, None, 0, 1, None]),
        with_part(4, 2, new=None),
        with_part(4, 3, new=[0]),
        [*SOUND, SOUND[4]],
        [*SOUND, [b"\x02", [0, 1, None], [], []]],  # the same write under two keys
    ],
    ids=repr,
)
def test_each_part_is_validated(body: Any) -> None:
    with pytest.raises(CrdtError):
        ORSet.from_bytes(bytes([FORMAT]) + msgpack.packb(body), "x")


@pytest.mark.parametrize(
    ("kind", "key", "payload"),
    [
        (PNCounter, b"a", [1, 0, 0]),
        (PNCounter, b"a", [1, 0, 2, 0]),
        (PNCounter, b"a", [0, 1, 0, 2]),
        (PNCounter, b"a", [-1, 0, -1, 0]),
        (PNCounter, b"a", [2**63, 0, 0, 0]),
        (PNCounter, b"a", [True, 0, 0, 0]),
        (PNCounter, b"a", [1.0, 0, 0, 0]),
        (PNCounter, b"", [1, 0, 0, 0]),
        (PNCounter, b"\xff", [1, 0, 0, 0]),
        (ORSet, b"\x01", False),
        (LWWMap, b"\x01k", []),
        (LWWMap, b"\x01k", [1, 2, 3]),
        (LWWMap, b"\x01k", [0, 1]),
        (LWWMap, b"\x01k", [2**63, 1]),
        (LWWMap, b"\x01k", [True, 1]),
        (LWWMap, b"\x01k", {"a": 1}),
        (LWWMap, b"\x01k", [1, msgpack.ExtType(5, b"")]),
        (LWWMap, b"\x01k", [1, msgpack.Timestamp(1)]),
        (LWWMap, b"\x03k", [1, 1]),
        (LWWMap, b"", [1, 1]),
        (LWWMap, b"\x01\xff", [1, 1]),
    ],
    ids=repr,
)
def test_each_type_validates_its_payloads(kind: Any, key: bytes, payload: Any) -> None:
    body = [kind.KIND, ["a"], False, [], [key, [0, 1, payload], [], [0, 1, 0]]]
    with pytest.raises(CrdtError):
        Delta.from_bytes(bytes([FORMAT]) + msgpack.packb(body))


@pytest.mark.parametrize("data", [None, "x", bytearray(b"\x01"), memoryview(b"\x01"), 1, []])
def test_what_is_no_bytes_is_the_one_error(data: Any) -> None:
    for read in (Delta.from_bytes, decode_fragment, lambda d: ORSet.from_bytes(d, "x")):
        with pytest.raises(CrdtError):
            read(data)


def test_another_version_is_named() -> None:
    with pytest.raises(CrdtError, match="version 2"):
        ORSet.from_bytes(b"\x02" + ORSet("a").to_bytes()[1:], "b")


def test_golden_bytes() -> None:
    """The layout on the wire and on disk: a change here is a new `FORMAT`."""
    a = ORSet("a")
    a.add("x")
    delta = a.add("x")
    assert delta.to_bytes().hex() == "01950791a161c29094c402a178930002c09300010093000200"
    assert a.to_bytes().hex() == "01950791a161c39300010194c402a178930002c09090"


def test_replica_names_stand_once() -> None:
    name = "replica" * 20
    a = ORSet(name)
    for number in range(50):
        a.add(number)
    assert a.to_bytes().count(name.encode()) == 1


names = st.sampled_from(["a", "ü" * 20, "\U0001f600" * 100])
contexts = st.lists(st.tuples(names, st.integers(1, 2**40)), max_size=4).map(
    lambda dots: CausalContext((r, n, n) for r, n in dots)
)


@given(contexts, st.lists(st.tuples(names, contexts, contexts), max_size=5), st.integers(0, 2000))
def test_a_writer_knows_its_size_and_keeps_to_a_limit(
    known: CausalContext,
    leaves: list[tuple[str, CausalContext, CausalContext]],
    limit: int,
) -> None:
    writer, expected = FragmentWriter(STORE, known), {}
    for number, (name, extra, slots) in enumerate(leaves):
        leaf = Leaf({(name, number + 1): None}, extra, tuple(slots.spans()))
        key = leaf_key(str(number))
        if writer.add(key, leaf, limit):
            expected[key] = leaf
            assert writer.size <= limit or len(writer) == 1
        else:
            assert len(writer) > 0
    data = writer.finish()
    assert len(data) <= writer.size
    fragment = decode_fragment(data)
    assert fragment.leaves == expected
    assert fragment.known == known


def test_only_kinds_that_are_welcome_are_read() -> None:
    data = ORSet("a").to_bytes()
    assert decode(data, {ORSet.KIND: ORSet.check_leaf})[0] == ORSet.KIND
    with pytest.raises(CrdtError, match="another type"):
        decode(data, {LWWMap.KIND: LWWMap.check_leaf})
    with pytest.raises(CrdtError, match="another type"):
        decode_fragment(data)
