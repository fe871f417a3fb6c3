"""What a member remembers across restarts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CrdtError, HybridClock, Store
from crdt.orset import ORSet
from gossip import Address, Member
from gossip.records import Records


def store(name: str = "replica") -> Store:
    return Store(name, HybridClock(lambda: 10**18))


def bob(address: str = "10.0.0.2:7847") -> Member:
    return Member("bob", "id", Address.parse(address), "alive", 0, {}, None)


def entropy(count: int) -> bytes:
    return bytes(range(count))


def saved(records: Records, of: Store | None = None) -> dict[bytes, bytes | None]:
    return dict(records.take(of or store()))


def test_the_first_boot_makes_a_key_and_an_epoch_and_saves_them() -> None:
    records = Records({})
    assert records.identity(entropy) == entropy(32)
    assert records.next_epoch(1000, bytes) == 1000
    disk = saved(records)
    assert set(disk.values()) == {entropy(32), (1000).to_bytes(8, "big")}
    assert saved(records) == {}


def test_the_key_stays_and_the_epoch_grows_also_when_the_clock_went_back() -> None:
    first = Records({})
    first.identity(entropy)
    first.next_epoch(1000, bytes)
    disk = {key: value for key, value in saved(first).items() if value is not None}
    again = Records(disk)
    assert again.identity(lambda _: pytest.fail("a new key was made")) == entropy(32)
    assert again.next_epoch(500, bytes) == 1001
    assert Records(disk).next_epoch(500, lambda size: bytes(size - 1) + b"\x09") == 1010
    assert Records(disk).next_epoch(5000, bytes) == 5000


def test_addresses_of_members_are_kept_until_they_leave() -> None:
    records = Records({})
    records.remember(bob())
    disk = {key: value for key, value in saved(records).items() if value is not None}
    assert list(Records(disk).known_addresses()) == [Address("10.0.0.2", 7847)]
    records.remember(bob("[::1]:1"))
    records.forget(bob().name)
    assert list(saved(records).values()) == [None]


def test_the_data_comes_back() -> None:
    records, first = Records({}), store("first")
    first.open("s", ORSet).add("x")
    disk = {key: value for key, value in saved(records, first).items() if value is not None}
    second = store("second")
    Records(disk).load_into(second)
    second.check()
    assert second.open("s", ORSet).value == {"x"}
    assert second.digest() == first.digest()
    second.open("s", ORSet).add("y")
    assert second.context.last("first") == 1
    assert second.context.last("second") == 1


def test_without_a_disk_nothing_piles_up() -> None:
    records, data = Records(None), store()
    records.identity(entropy)
    records.next_epoch(1, bytes)
    records.remember(bob())
    data.open("s", ORSet).add("x")
    assert records.take(data) == ()
    assert data.take_records() == []
    assert records.pending == []


@given(st.dictionaries(st.binary(min_size=1, max_size=6), st.binary(max_size=12), max_size=6))
def test_records_that_rotted_are_refused_in_one_way(disk: dict[bytes, bytes]) -> None:
    records = Records(disk)
    try:
        records.identity(entropy)
        records.next_epoch(1, bytes)
        list(records.known_addresses())
        records.load_into(store())
    except CrdtError:
        return
