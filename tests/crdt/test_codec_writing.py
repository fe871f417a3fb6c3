"""Equal fragments have equal bytes, and who gathers them knows how many."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CausalContext, Delta, HybridClock, LWWMap, ORSet
from crdt.codec import FORMAT, encode
from crdt.fragment import Entry, Fragment, Mark, Payload
from crdt.keys import encode_key
from crdt.store import STORE, decode_fragment
from crdt.writer import FragmentWriter
from tests.crdt.cluster import leaf_key
from tests.crdt.histories import World, histories
from tests.crdt.laws import SUBJECTS, Subject

every_type = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


def test_golden_bytes() -> None:
    """The layout on the wire and on disk: a change here is a new `FORMAT`."""
    a = ORSet("a")
    a.add("x")
    delta = a.add("x")
    assert delta.to_bytes().hex() == GOLDEN_DELTA
    assert a.to_bytes().hex() == GOLDEN_SET
    b = LWWMap("b", clock=HybridClock(lambda: 1000))
    b.update({"k1": "dark", "k2": "light"})
    assert b.to_bytes().hex() == GOLDEN_MAP
    assert FORMAT == 2


GOLDEN_DELTA = "02990791a161c2930001019300020093c402a1789100c400909090"
GOLDEN_SET = "02990791a161c3930001019300020093c402a1789100c400909090"
GOLDEN_MAP = (
    "02990891a162c3930001019300010193c402016b01c402313292cd03e80192920405a96461726b6c6967687490"
)


def shuffled(fragment: Fragment, random: Random) -> Fragment:
    """The same fragment, put together in another order."""
    entries, marks = list(fragment.entries.items()), list(fragment.marks.items())
    random.shuffle(entries)
    random.shuffle(marks)
    return fragment._replace(entries=dict(entries), marks=dict(marks))


def encodes_the_same_in_whatever_order(subject: Subject, world: World, random: Random) -> None:
    kind = subject.type.KIND
    for delta, *_ in world.deltas:
        data = delta.to_bytes()
        assert Delta.from_bytes(data).to_bytes() == data
        assert encode(kind, shuffled(delta.fragment(), random)) == data
    for value in world.values.values():
        state = value._kernel.state()
        assert encode(kind, shuffled(state, random)) == value.to_bytes()
        assert subject.type.from_bytes(value.to_bytes(), "x").to_bytes() == value.to_bytes()


def test_equal_states_have_equal_bytes_whoever_came_first() -> None:
    sets = [ORSet(name) for name in ("a", "b", "c")]
    for at, elements in enumerate(sets):
        for number in range(3):
            elements.add(number * 3 + at)
    one, two = ORSet("x"), ORSet("y")
    for elements in sets:
        one.merge(elements)
    for elements in reversed(sets):
        two.merge(elements)
    assert list(one._kernel.entries) != list(two._kernel.entries)
    assert one.to_bytes() == two.to_bytes()


@every_type
@given(st.data(), st.integers(0, 2**32))
def test_bytes_do_not_follow_the_order_of_events(
    subject: Subject, data: st.DataObject, seed: int
) -> None:
    world = World(subject).play(data.draw(histories(subject)))
    encodes_the_same_in_whatever_order(subject, world, Random(seed))


def test_replica_names_stand_once() -> None:
    name = "replica" * 20
    a = ORSet(name)
    for number in range(50):
        a.add(number)
        a.discard(number // 3 * 3)
        a.add(number)
    assert a.to_bytes().count(name.encode()) == 1


# The writer.

names = st.sampled_from(["a", "ü" * 20, "\U0001f600" * 100])
contexts = st.lists(st.tuples(names, st.integers(1, 2**40)), max_size=4).map(
    lambda dots: CausalContext((r, n, n) for r, n in dots)
)
elements = st.one_of(st.integers(0, 2**20), st.text(max_size=40), st.text("e", min_size=200))
payloads = st.one_of(st.none(), st.integers(), st.text(max_size=9), st.binary(max_size=300))


@dataclass
class Leaf:
    """What is to be said of one key of a map in a store."""

    key: bytes
    entry: Entry
    mark: Mark


@dataclass
class Leaves:
    """Leaves that can stand in one message: no dot and no key comes twice."""

    drawn: list[tuple[str, list[tuple[str, Payload]], CausalContext, CausalContext]]
    leaves: list[Leaf] = field(default_factory=list)
    known: CausalContext = field(default_factory=CausalContext)

    def __post_init__(self) -> None:
        prefix = leaf_key("")[:-2] + bytes([LWWMap.KIND])
        for name, writes, slots, beyond in self.drawn:
            entry = []
            for replica, payload in writes:
                counter = self.known.last(replica) + 1 + len(name)
                self.known.add((replica, counter))
                entry.append((2**62 + counter, replica, counter, payload))
            key = prefix + encode_key(name)
            mark = Mark(tuple(slots.spans()), beyond)
            self.leaves.append(Leaf(key, tuple(sorted(entry, reverse=True)), mark))


leaves = st.lists(
    st.tuples(
        st.text(max_size=30),
        st.lists(st.tuples(names, st.binary(max_size=300) | st.integers(0, 2**63)), max_size=3),
        contexts,
        contexts,
    ),
    max_size=8,
    unique_by=lambda leaf: leaf[0],
).map(Leaves)


def keeps_to_its_limit(known: CausalContext, told: list[Leaf], limit: int) -> None:
    writer, taken = FragmentWriter(STORE, known), dict[bytes, Leaf]()
    for leaf in told:
        if writer.add(leaf.key, leaf.entry, leaf.mark, limit):
            taken[leaf.key] = leaf
            assert writer.size <= limit or len(writer) == 1
        else:
            assert len(writer) > 0
        assert len(writer.finish()) <= writer.size
    assert len(writer) == len(taken)
    fragment = decode_fragment(writer.finish())
    assert {key: (entry, mark) for key, entry, mark in fragment.leaves()} == {
        leaf.key: (leaf.entry, leaf.mark) for leaf in taken.values()
    }
    assert fragment.known == known


@given(leaves, st.integers(0, 2000))
def test_a_writer_knows_its_size_and_keeps_to_a_limit(told: Leaves, limit: int) -> None:
    keeps_to_its_limit(told.known, told.leaves, limit)


@pytest.mark.parametrize("last", ["element 1000", "e", "", "x", "ü" * 300])
def test_a_leaf_that_is_unlike_the_others_does_not_break_the_limit(last: str) -> None:
    """Keys that begin alike and are equally long take few bytes; until one that does not comes."""
    names = [f"element {number}" for number in range(100, 400)] + [last]
    leaves = [
        Leaf(leaf_key(name), ((0, "a", counter, None),), Mark())
        for counter, name in enumerate(names, 1)
    ]
    known = CausalContext([("a", 1, len(names))])
    for limit in (500, 1000, 1120, 4000):
        keeps_to_its_limit(known, leaves, limit)


@pytest.mark.parametrize("last", [b"bytes", None, 1, "", "long" * 99])
def test_nor_does_a_value_that_is_unlike_the_others(last: Payload) -> None:
    prefix = leaf_key("")[:-2] + bytes([LWWMap.KIND])
    values: list[Payload] = ["same"] * 300 + [last]
    leaves = [
        Leaf(prefix + encode_key(f"{counter:03}"), ((10**18, "a", counter, value),), Mark())
        for counter, value in enumerate(values, 1)
    ]
    known = CausalContext([("a", 1, len(values))])
    for limit in (500, 1000, 1120, 4000):
        keeps_to_its_limit(known, leaves, limit)
