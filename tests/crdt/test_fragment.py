"""Fragments as one: it must say what they say one after the other, in whatever order they come."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crdt import CausalContext, HybridClock, ORSet
from crdt.codec import encode
from crdt.fragment import Fragment, Mark, dots, join_fragments
from crdt.kernel import Kernel

KEYS = [b"\x01", b"\x02", b"\x03"]
REPLICAS = ["a", "b", "c"]

Step = tuple[Any, ...]

steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(REPLICAS), st.sampled_from(KEYS)),
        st.tuples(st.just("write"), st.sampled_from(REPLICAS), st.sampled_from(KEYS)),
        st.tuples(st.just("remove"), st.sampled_from(REPLICAS), st.sampled_from(KEYS)),
        st.tuples(st.just("tell"), st.sampled_from(REPLICAS), st.integers(0, 7)),
        st.tuples(st.just("hear"), st.sampled_from(REPLICAS), st.integers(0, 63)),
    ),
    max_size=20,
)


def make(name: str) -> Kernel:
    return Kernel(name, HybridClock(lambda: 1000), ORSet)


def leaf(kernel: Kernel, key: bytes, slots: CausalContext) -> tuple[dict[bytes, Any], Mark]:
    entry = kernel.entries.get(key, ())
    ahead = CausalContext(kernel.known(key).beyond(kernel.context))
    mark = Mark(tuple(slots.beyond(dots(entry))), ahead)
    return ({key: entry} if entry else {}), mark


class Talk:
    """Kernels that tell each other of some keys, as stores and deltas do; and all that was said."""

    def __init__(self) -> None:
        self.kernels = {name: make(name) for name in REPLICAS}
        self.about: dict[tuple[str, int], bytes] = {}
        self.said: list[Fragment] = []

    def play(self, history: list[Step]) -> list[Fragment]:
        for name, *arguments in history:
            getattr(self, name)(*arguments)
        return self.said

    def write(self, name: str, key: bytes) -> None:
        self._happened(name, key, self.kernels[name].write(key, name)[1])

    def remove(self, name: str, key: bytes) -> None:
        _, marks = self.kernels[name].change([], [key])
        self._happened(name, key, marks[key].slots[0][1])

    def _happened(self, name: str, key: bytes, counter: int) -> None:
        self.about[name, counter] = key
        self._say(name, [key], CausalContext([(name, counter, counter)]))

    def tell(self, name: str, which: int) -> None:
        """Of some keys, with all their events that are known here."""
        keys = [key for at, key in enumerate(KEYS) if which >> at & 1]
        self._say(name, keys, self.kernels[name].context)

    def _say(self, name: str, keys: list[bytes], events: CausalContext) -> None:
        kernel, entries, marks = self.kernels[name], dict[bytes, Any](), dict[bytes, Mark]()
        for key in keys:
            slots = CausalContext(
                (replica, counter, counter)
                for (replica, counter), about in self.about.items()
                if about == key and (replica, counter) in events
            )
            entry, mark = leaf(kernel, key, slots)
            entries |= entry
            if mark != Mark() or not entry:
                marks[key] = mark
        self.said.append(Fragment(entries, kernel.context.copy(), marks))

    def hear(self, name: str, which: int) -> None:
        if self.said:
            self.kernels[name].join(self.said[which % len(self.said)])


def said(fragment: Fragment) -> bytes:
    return encode(ORSet.KIND, fragment)


def state_after(fragments: list[Fragment], start: list[Fragment]) -> Fragment:
    kernel = make("x")
    for fragment in [*start, *fragments]:
        kernel.join(fragment)
        kernel.check()
    return kernel.state()


def joins_in_any_order(fragments: list[Fragment], random: Random) -> None:
    """Commutative, associative, idempotent: any tree of joins over any order gives one fragment."""
    whole = said(join_fragments(fragments))
    pieces = [*fragments, *random.sample(fragments, len(fragments) // 2)]
    random.shuffle(pieces)
    while len(pieces) > 1:
        taken = [pieces.pop(random.randrange(len(pieces))) for _ in range(2)]
        pieces.append(join_fragments(taken))
    assert [said(join_fragments([piece])) for piece in pieces] == [whole] * len(pieces)


@given(steps, st.integers(0, 2**32))
def test_any_tree_of_joins_gives_the_same_fragment(history: list[Step], seed: int) -> None:
    fragments = Talk().play(history)
    if fragments:
        joins_in_any_order(fragments, Random(seed))


@given(steps, st.lists(st.integers(0, 63), max_size=4), st.integers(0, 63), st.integers(0, 63))
def test_as_one_they_say_what_they_say_one_by_one(
    history: list[Step], before: list[int], low: int, high: int
) -> None:
    """Also to somebody who has heard some of them before."""
    fragments = Talk().play(history)
    start = [fragments[at % len(fragments)] for at in before if fragments]
    some = fragments[low % (len(fragments) + 1) : high % (len(fragments) + 1) + 1]
    assert state_after([join_fragments(some)], start) == state_after(some, start)


@given(steps)
def test_leaves_are_all_keys_that_are_spoken_of(history: list[Step]) -> None:
    for fragment in Talk().play(history):
        leaves = list(fragment.leaves())
        assert [key for key, _, _ in leaves] == list({**fragment.entries, **fragment.marks})
        closed = CausalContext(span for _, spans in fragment.events() for span in spans)
        for key, entry, mark in leaves:
            assert entry == fragment.entries.get(key, ())
            assert closed.covers(dots(entry))
            assert closed.covers(CausalContext(mark.slots))


def test_nothing_joined_is_nothing() -> None:
    assert join_fragments([]) == Fragment({}, CausalContext())
    assert join_fragments([Fragment({}, CausalContext([("a", 1, 3)]))]) == Fragment({})


def test_what_only_one_of_them_knows_goes_beyond_for_its_keys_alone() -> None:
    """Two keys are written and one is removed: who tells both has not seen the other removed."""
    a, b = make("a"), make("b")
    one = Talk()
    one.kernels = {"a": a, "b": b}
    one.write("b", KEYS[0])
    one.write("b", KEYS[1])
    one.hear("a", 0)
    one.remove("a", KEYS[0])
    joined = join_fragments([one.said[2], one.said[1]])
    assert joined.entries == {KEYS[1]: ((0, "b", 2, "b"),)}
    assert joined.known == CausalContext([("a", 1, 1), ("b", 1, 2)])
    reader = make("x")
    reader.join(joined)
    reader.join(one.said[0])
    assert reader.entries == {KEYS[1]: ((0, "b", 2, "b"),)}
