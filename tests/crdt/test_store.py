"""A store: named values, what a peer lacks, the digest, and what strangers send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CausalContext, CrdtError, HybridClock, LWWMap, ORSet, PNCounter, Store
from crdt.context import Span
from crdt.fragment import NOTHING, Mark
from crdt.store import (
    FRAGMENT_EVENTS_MAX,
    MISSING_EVENTS,
    MISSING_KEYS,
    STORE,
    decode_fragment,
    parse_key,
)
from crdt.writer import FragmentWriter
from tests.crdt.cluster import SIZE, Cluster, Step, leaf_key, make, pull, steps
from tests.crdt.disk import Disk, loaded
from tests.crdt.spoiled import mutated

# Named values.


def test_a_name_is_live_and_of_one_type() -> None:
    store = make("a")
    visits, online = store.open("visits", PNCounter), store.open("online", ORSet)
    visits.increment(3)
    online.add("x")
    assert store.open("visits", PNCounter).value == 3
    assert store.open("online", ORSet).value == {"x"}
    with pytest.raises(CrdtError, match="'visits' is a counter, not a set"):
        store.open("visits", ORSet)
    assert list(store.types()) == [("online", ORSet), ("visits", PNCounter)]


def test_a_type_is_fixed_by_the_first_write_and_freed_with_the_last() -> None:
    store = make("a")
    store.open("n", ORSet)
    store.open("n", LWWMap)
    element = store.open("n", ORSet)
    element.add(1)
    with pytest.raises(CrdtError):
        store.open("n", LWWMap)
    element.clear()
    assert store.open("n", LWWMap).value == {}


def test_a_name_made_with_two_types_at_once_keeps_both() -> None:
    one, two = make("a"), make("b")
    one.open("n", ORSet).add(1)
    two.open("n", PNCounter).increment()
    pull(one, two)
    pull(two, one)
    assert one.digest() == two.digest()
    assert list(one.types()) == [("n", PNCounter), ("n", ORSet)]
    with pytest.raises(CrdtError, match="'n' is a counter and a set, not a map"):
        one.open("n", LWWMap)
    assert one.open("n", ORSet).value == {1}
    assert one.open("n", PNCounter).value == 1


@given(st.sets(st.sampled_from(["", "a", "a\0", "a\0b", "ab", "b", "ä", "\U0001f600"])), st.data())
def test_names_by_prefix(names: set[str], data: st.DataObject) -> None:
    store = make("a")
    for name in sorted(names):
        store.open(name, ORSet).add(1)
        store.open(name, ORSet).add(2)
        assert len(store.open(name, ORSet)) == 2
    prefix = data.draw(st.sampled_from(["", "a", "a\0", "ä", "x"]))
    found = [(name, ORSet) for name in sorted(names) if name.startswith(prefix)]
    assert list(store.types(prefix)) == found


def test_sections_do_not_see_each_other() -> None:
    store = make("a")
    one, two = store.open("m", LWWMap), store.open("m\0", LWWMap)
    one["k"] = 1
    two["k"] = 2
    two[b"\xff"] = 3
    assert (one.value, two.value) == ({"k": 1}, {"k": 2, b"\xff": 3})
    assert (len(one), len(two)) == (1, 2)
    assert list(two.prefix(b"\xff")) == [(b"\xff", 3)]
    assert list(one.range("a")) == [("k", 1)]


# Live values and standalone ones.


def test_a_live_value_goes_out_as_bytes_and_as_a_state() -> None:
    store = make("a")
    store.open("other", ORSet).add("z")
    live = store.open("s", ORSet)
    live.add("x")
    assert ORSet.from_bytes(live.to_bytes(), "b").value == {"x"}
    alone = ORSet("c")
    alone.merge(live)
    assert alone.value == {"x"}
    assert alone == live


def test_a_name_that_was_opened_as_two_types_becomes_the_first_that_is_written() -> None:
    store = make("a")
    counter, live = store.open("x", PNCounter), store.open("x", ORSet)
    counter.increment()
    with pytest.raises(CrdtError, match="'x' is a counter, not a set"):
        live.add(1)
    assert live.value == frozenset()
    counter.increment()
    assert counter.value == 2


def test_a_name_is_text() -> None:
    with pytest.raises(TypeError, match="a name is a str"):
        make("a").open(b"x", ORSet)  # type: ignore[arg-type]


def test_nothing_is_merged_into_a_value_of_a_store() -> None:
    store = make("a")
    one, two = store.open("one", ORSet), store.open("two", ORSet)
    one.add(1)
    two.add(2)
    for other in (two, one, one.fork("offline"), ORSet("outside"), two.add(3)):
        with pytest.raises(CrdtError, match="merge into the whole"):
            one.merge(other)
    assert one.value == {1}
    assert two.value == {2, 3}


# What a peer lacks.


def test_missing_is_exactly_what_is_lacking() -> None:
    store = make("a")
    live = store.open("s", ORSet)
    live.add("x")
    before = store.context.copy()
    live.add("y")
    live.remove("x")
    assert store.missing(before).keys == {
        leaf_key("y"): (("a", 2, 2),),
        leaf_key("x"): (("a", 3, 3),),
    }
    assert store.missing(store.context) == ({}, False)


def test_missing_is_bounded_in_keys_and_in_events() -> None:
    store, many = make("a"), make("b")
    for number in range(MISSING_KEYS + 1):
        store.open("s", ORSet).add(number)
    keys, more = store.missing(NOTHING)
    assert (len(keys), more) == (MISSING_KEYS, True)
    pull(store, many)
    assert many.digest() == store.digest()
    counter = make("c")
    for _ in range(MISSING_EVENTS + 1):
        counter.open("n", PNCounter).increment()
    (slots,) = counter.missing(NOTHING).keys.values()
    assert slots == (("c", 1, MISSING_EVENTS),)
    assert counter.missing(NOTHING).more
    pull(counter, many)
    assert many.open("n", PNCounter).value == MISSING_EVENTS + 1


def test_unsent_events_are_ranges_and_are_given_once() -> None:
    store, written = make("a"), list[None]()
    store.on_write = lambda: written.append(None)
    visits = store.open("n", PNCounter)
    for _ in range(3):
        visits.increment()
    store.open("s", ORSet).add("x")
    assert len(written) == 4
    assert store.unsent
    assert [*store.take_unsent().values()] == [(("a", 1, 3),), (("a", 4, 4),)]
    assert not store.unsent
    assert store.take_unsent() == {}
    pull(store, other := make("b"))
    assert not other.unsent


def test_a_message_cannot_close_more_events_than_fit_a_log() -> None:
    for events, fits in [(FRAGMENT_EVENTS_MAX, True), (FRAGMENT_EVENTS_MAX + 1, False), (2**62, 0)]:
        writer = FragmentWriter(STORE, NOTHING)
        writer.add(leaf_key("x"), (), Mark((("x", 1, events),)))
        if fits:
            decode_fragment(writer.finish())
        else:
            with pytest.raises(CrdtError, match="more events"):
                decode_fragment(writer.finish())


def test_clocks_follow_what_they_hear() -> None:
    fast, slow = Store("a", HybridClock(lambda: 5000)), make("b")
    fast.open("m", LWWMap)["k"] = 1
    pull(fast, slow)
    slow.open("m", LWWMap)["other"] = 2
    slow.open("m", LWWMap)["k"] = 2
    stamps = [write[0] for entry in slow.entries.values() for write in entry]
    assert min(stamps) > 5000
    pull(slow, fast)
    assert fast.open("m", LWWMap).value == {"k": 2, "other": 2}


@given(st.lists(steps, max_size=40))
def test_equal_digests_are_equal_states(history: list[Step]) -> None:
    stores = Cluster().play(history).stores
    for one in stores:
        for two in stores:
            same = one.context == two.context and dict(one.entries) == dict(two.entries)
            assert (one.digest() == two.digest()) is same


def test_a_digest_says_nothing_of_what_only_some_know_ahead_of_their_context() -> None:
    """A replica that was lost with its last event: some heard that there was one, nobody has it."""
    lost, one, two = make("lost"), make("one"), make("two")
    lost.open("s", ORSet).add("never heard of")
    lost.open("s", ORSet).add("x")
    writer = lost.writer()
    (key,) = [key for key in lost.entries if key.endswith(b"x")]
    writer.add(key, *lost.leaf(key, (("lost", 2, 2),)))
    one.join(decode_fragment(writer.finish()))
    pull(one, two)
    before = two.digest()
    assert one.digest() == before
    two.extra.clear()
    assert two.digest() == before


# Strangers.

MESSAGES = [
    message
    for seed in range(8)
    for message in Cluster()
    .play(
        [("write", i, f"k{(i * seed) % 4}") for i in range(SIZE)]
        + [("pull", (i + seed) % SIZE, i, seed) for i in range(SIZE)]
        + [("remove", seed % SIZE, f"k{seed % 4}"), ("push", seed % SIZE, (seed + 1) % SIZE, 0)]
    )
    .wire
]


@given(st.one_of(st.binary(), st.sampled_from(MESSAGES).flatmap(mutated)))
def test_a_stranger_s_bytes_are_a_message_or_an_error(data: bytes) -> None:
    store, disk = make("a"), Disk()
    store.open("s", ORSet).add("k1")
    try:
        fragment = decode_fragment(data)
    except CrdtError:
        return
    if fragment.complete:
        return
    store.join(fragment)
    store.check()
    assert store.join(fragment) is False
    for key in store.missing(NOTHING).keys:
        parse_key(key)
    disk.save(store)
    assert loaded(disk.read(1), "b").digest() == store.digest()


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"garbage",
        b"\x01s\x00",
        b"\x01s\x00\x63",
        b"\x02s\x00" + bytes([ORSet.KIND]) + b"\x01",
        b"\x01\xff\x00" + bytes([ORSet.KIND]) + b"\x01",
        b"\x01s\x00" + bytes([ORSet.KIND]),
        b"\x01s\x00" + bytes([ORSet.KIND]) + b"\xcc\x01",
        b"\x01s\x00" + bytes([LWWMap.KIND]) + b"k",
        b"\x01s\x00" + bytes([PNCounter.KIND]),
        b"\x01s\x00" + bytes([PNCounter.KIND]) + b"\xff",
    ],
)
def test_a_malformed_key_is_refused_although_nothing_lives_there(key: bytes) -> None:
    writer = FragmentWriter(STORE, CausalContext())
    writer.add(key, (), Mark((("x", 1, 1),)))
    with pytest.raises(CrdtError):
        decode_fragment(writer.finish())


def test_a_leaf_closes_every_write_that_lives_in_it() -> None:
    """Or a write whose replica is lost would be held by some, and be missed by nobody."""
    lost, one, two = make("lost"), make("one"), make("two")
    lost.open("s", ORSet).add("x")
    one.open("s", ORSet).add("x")
    pull(lost, one)
    (key,) = one.entries
    writer = one.writer()
    writer.add(key, *one.leaf(key, (("one", 1, 1),)))
    two.join(decode_fragment(writer.finish()))
    assert two.context == one.context
    assert not two.extra
    assert two.digest() == one.digest()


def push(giver: Store, taker: Store, slots: tuple[Span, ...]) -> None:
    """One message about "x" that was made for the sake of these events."""
    writer = giver.writer()
    writer.add(leaf_key("x"), *giver.leaf(leaf_key("x"), slots))
    taker.join(decode_fragment(writer.finish()))


def test_who_drops_an_element_has_the_event_that_removed_it() -> None:
    """Or it would have seen what others have seen who still hold it, and nobody would ever ask."""
    author, remover, relay, one, other = (make(name) for name in "abyno")
    author.open("s", ORSet).add("x")
    for store in (remover, one, other):
        push(author, store, (("a", 1, 1),))
    remover.open("s", ORSet).remove("x")
    push(remover, relay, (("b", 1, 1),))  # the removal overtakes the add
    push(author, relay, (("a", 1, 1),))
    push(relay, one, (("a", 1, 1),))  # and the add is passed on as news
    assert (one.context == other.context) is (one.entries == other.entries)
    pull(one, other)
    pull(other, one)
    assert one.context == other.context
    assert one.digest() == other.digest()


def test_a_removal_stands_until_a_change_that_has_seen_it() -> None:
    a, b = make("a"), make("b")
    a.open("s", ORSet).add("x")
    pull(a, b)
    a.open("s", ORSet).remove("x")
    b.open("s", ORSet).add("x")  # concurrent
    pull(a, b)
    pull(b, a)
    assert b.open("s", ORSet).value == {"x"}
    assert list(b.removals) == [leaf_key("x")]
    b.open("s", ORSet).add("x")
    assert not b.removals
    pull(b, a)
    assert not a.removals
    assert a.digest() == b.digest()
