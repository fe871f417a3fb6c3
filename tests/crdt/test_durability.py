"""What a store saves, and what comes back of it after a crash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CrdtError, ORSet
from crdt.fragment import NOTHING
from crdt.store import decode_fragment
from tests.crdt.cluster import Cluster, Step, held, leaf_key, make, pull, steps
from tests.crdt.disk import Disk, loaded
from tests.crdt.spoiled import mutated


@given(st.lists(steps, max_size=60), st.data())
def test_a_crash_between_transactions_loses_nothing_that_others_have(
    history: list[Step], data: st.DataObject
) -> None:
    cluster, disk, states = Cluster(), Disk(), [(0, NOTHING, make("r0").digest())]
    store = cluster.stores[0]
    for step in history:
        cluster.play([step])
        if data.draw(st.booleans()):
            disk.save(store)
            states.append((len(disk.transactions), store.context.copy(), store.digest()))
    disk.save(store)
    states.append((len(disk.transactions), store.context.copy(), store.digest()))
    crash, context, digest = data.draw(st.sampled_from(states))
    reborn = loaded(disk.read(crash), "reborn")
    assert (reborn.context, reborn.digest()) == (context, digest)
    assert not reborn.unsent
    assert reborn.take_records() == []
    # It goes on as a new replica, and everybody, its old self's last words included, agrees.
    reborn.open("s", ORSet).add("after")
    cluster.settle()
    for other in cluster.stores:
        pull(other, reborn)
        pull(reborn, other)
    assert {other.digest() for other in cluster.stores} == {reborn.digest()}
    live = held(reborn)
    del live[leaf_key("after")]
    assert live == cluster.truth()


def test_what_is_removed_leaves_its_context_its_log_and_the_removal_on_disk() -> None:
    store, disk = make("a"), Disk()
    live = store.open("s", ORSet)
    live.add("x")
    disk.save(store)
    live.remove("x")
    disk.save(store)
    assert sorted(key[:1] for key in disk.read(2)) == [b"c", b"k", b"s", b"s"]
    reborn = loaded(disk.read(2), "b")
    assert (reborn.entries, reborn.removals) == ({}, store.removals)
    pull(reborn, other := make("c"))
    assert other.context == store.context
    assert other.log == store.log


def test_a_leaf_that_was_ahead_of_its_context_is_forgotten_on_disk_too() -> None:
    giver, taker, disk = make("a"), make("b"), Disk()
    giver.open("s", ORSet).add("x")
    giver.open("s", ORSet).add("y")
    giver.open("s", ORSet).remove("x")
    keys = giver.missing(NOTHING).keys
    for name in ["x", "y"]:
        writer = giver.writer()
        writer.add(leaf_key(name), *giver.leaf(leaf_key(name), keys[leaf_key(name)]))
        taker.join(decode_fragment(writer.finish()))
        disk.save(taker)
    taker.prune()
    disk.save(taker)
    assert taker.context == giver.context
    record = b"k" + leaf_key("x")
    assert decode_fragment(disk.read(1)[record]).marks
    assert not decode_fragment(disk.read(3)[record]).marks


def test_what_a_leaf_knows_ahead_survives_a_crash() -> None:
    """It was told of a write and not of what that replaced, which comes after the crash."""
    giver, taker, disk, said = make("a"), make("b"), Disk(), list[bytes]()
    for counter in (1, 2):
        giver.open("s", ORSet).add("x")
        writer = giver.writer()
        writer.add(leaf_key("x"), *giver.leaf(leaf_key("x"), (("a", counter, counter),)))
        said.append(writer.finish())
    taker.join(decode_fragment(said[1]))
    disk.save(taker)
    reborn = loaded(disk.read(1), "c")
    reborn.join(decode_fragment(said[0]))
    assert reborn.entries == giver.entries
    assert reborn.digest() == giver.digest()


def test_records_can_be_declined() -> None:
    store = make("a")
    store.open("s", ORSet).add("x")
    store.discard_records()
    assert store.take_records() == []


@given(st.lists(steps, min_size=10, max_size=30), st.data())
def test_spoiled_records_are_refused_and_change_nothing(
    history: list[Step], data: st.DataObject
) -> None:
    store, disk = Cluster().play(history).stores[0], Disk()
    disk.save(store)
    records = disk.read(1)
    for _ in range(data.draw(st.integers(1, 3))):
        if records:
            key = data.draw(st.sampled_from(sorted(records)))
            value = records.pop(key)
            if data.draw(st.booleans()):
                key, value = data.draw(mutated(key)), data.draw(mutated(value))
                records[key] = value
    fresh = make("fresh")
    try:
        fresh.load(records)
    except CrdtError:
        assert fresh.digest() == make("fresh").digest()
        assert not fresh.log
    else:
        fresh.missing(NOTHING)
        fresh.digest()


def test_an_event_with_a_malformed_key_or_name_or_none_is_refused() -> None:
    store, disk = make("a"), Disk()
    store.open("s", ORSet).add("x")
    disk.save(store)
    records = disk.read(1)
    (slot,) = (record for record in records if record.startswith(b"s"))
    lost = {record: value for record, value in records.items() if record != slot}
    for spoiled in [
        {**records, slot: b"garbage"},
        {**records, slot: records[slot][:-1] + b"\xff"},  # the name and the type are as they were
        {**lost, slot[:-1]: records[slot]},
        {**lost, slot.replace(b"a", b"\xff"): records[slot]},
        lost,
    ]:
        fresh = make("fresh")
        with pytest.raises(CrdtError):
            fresh.load(spoiled)
        assert fresh.state() == make("fresh").state()
