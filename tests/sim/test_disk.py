"""What a host's disk keeps through which crash."""

from __future__ import annotations

from typing import Any

import pytest

from sim import SimError
from sim.agenda import SECOND
from sim.disk import SYNC_LAG, Disk, DiskFault, Health, Snapshot

LAG = round(SYNC_LAG * SECOND)


def test_a_process_finds_everything_that_the_one_before_it_wrote() -> None:
    disk = Disk()
    disk.write(((b"a", b"1"), (b"b", b"2")), now=0)
    disk.write(((b"a", None), (b"c", b"3")), now=1)
    assert disk.read(now=1) == {b"b": b"2", b"c": b"3"}


def test_power_loss_takes_the_unsynced_transactions_whole_and_no_older_ones() -> None:
    disk = Disk()
    disk.write(((b"a", b"old"),), now=0)
    disk.write(((b"a", b"new"), (b"b", b"1")), now=SECOND)
    disk.lose_power(now=SECOND + LAG - 1)
    assert disk.read(now=2 * SECOND) == {b"a": b"old"}


def test_a_record_survives_everything_after_a_second() -> None:
    disk = Disk()
    disk.write(((b"a", b"1"),), now=0)
    disk.lose_power(now=SECOND)
    assert disk.read(now=SECOND) == {b"a": b"1"}


def test_reading_does_not_make_anything_durable() -> None:
    disk = Disk()
    disk.write(((b"a", b"1"),), now=0)
    assert disk.read(now=1) == {b"a": b"1"}
    disk.lose_power(now=2)
    assert disk.read(now=3) == {}


def test_a_wiped_disk_is_empty() -> None:
    disk = Disk()
    disk.write(((b"a", b"1"),), now=0)
    disk.write(((b"b", b"1"),), now=SECOND)
    disk.wipe()
    assert disk.read(now=5 * SECOND) == {}


def test_what_a_process_read_is_its_own() -> None:
    disk = Disk()
    disk.write(((b"a", b"1"),), now=0)
    records = dict(disk.read(now=1))
    records[b"a"] = b"2"
    assert disk.read(now=1) == {b"a": b"1"}


def filled(records: int = 100, **health: float) -> Disk:
    """A disk with as many unsynced transactions, of one record each, all written at 0."""
    disk = Disk(seed=3, name="n1")
    disk.health = Health(**health)
    for number in range(records):
        disk.write(((b"%03d" % number, b"value"),), now=0)
    return disk


def test_a_slow_disk_loses_more_with_the_power() -> None:
    fast, slow = filled(), filled(sync=10.0)
    assert fast.lose_power(now=SECOND) == 0
    assert slow.lose_power(now=SECOND) == 100
    assert slow.read(now=SECOND) == {}
    patient = filled(sync=10.0)
    assert patient.lose_power(now=10 * SECOND) == 0


def test_what_is_lost_with_the_power_is_the_end_from_the_first_torn_transaction_on() -> None:
    assert filled(torn=0.0).lose_power(now=1) == 0
    kept = []
    disk = Disk(seed=3, name="n1")
    disk.health = Health(torn=0.1)
    for _ in range(200):
        disk.wipe()
        for number in range(100):
            disk.write(((b"%03d" % number, b""),), now=0)
        lost = disk.lose_power(now=1)
        assert list(disk.read(now=1)) == [b"%03d" % number for number in range(100 - lost)]
        kept.append(100 - lost)
    assert sum(kept) / len(kept) == pytest.approx(9, abs=2)


def test_a_failing_sync_takes_what_was_not_synced_and_nothing_older() -> None:
    disk = Disk(seed=3, name="n1")
    disk.write(((b"old", b"1"),), now=0)
    disk.write(((b"young", b"1"),), now=SECOND)
    disk.health = Health(error=1.0)
    with pytest.raises(DiskFault, match="does not sync"):
        disk.write(((b"new", b"1"),), now=SECOND + 1)
    assert disk.read(now=2 * SECOND) == {b"old": b"1"}


def test_a_sync_fails_as_often_as_asked_and_the_same_ones_every_time() -> None:
    def failures(seed: int) -> list[bool]:
        disk, failed = Disk(seed, "n1"), []
        disk.health = Health(error=0.2)
        for now in range(1000):
            try:
                disk.write(((b"a", b"1"),), now)
                failed.append(False)
            except DiskFault:
                failed.append(True)
        return failed

    assert sum(failures(1)) == pytest.approx(200, abs=40)
    assert failures(1) == failures(1) != failures(2)


def test_a_full_disk_takes_no_more_and_keeps_what_it_has() -> None:
    disk = Disk()
    disk.health = Health(capacity=10)
    disk.write(((b"a", b"1234"),), now=0)
    disk.write(((b"b", b"1234"),), now=0)
    with pytest.raises(DiskFault, match="full"):
        disk.write(((b"c", b""),), now=1)
    disk.write(((b"a", None), (b"c", b"1234")), now=2)  # what fits is what counts
    assert disk.read(now=SECOND) == {b"b": b"1234", b"c": b"1234"}


def test_rot_flips_one_bit_in_so_many_values_that_were_synced() -> None:
    disk = filled()
    assert disk.rot(3, now=1) == []  # nothing has reached the disk yet
    rotten = disk.rot(3, now=SECOND)
    records = disk.read(now=SECOND)
    assert {key for key, value in records.items() if value != b"value"} == set(rotten)
    for key in rotten:
        flips = zip(records[key], b"value", strict=True)
        assert sum((ours ^ was).bit_count() for ours, was in flips) == 1
    again = filled()
    again.rot(3, now=1)
    assert again.rot(3, now=SECOND) == rotten
    assert len(filled(2).rot(3, now=SECOND)) == 2


def test_a_snapshot_is_what_was_held_then_and_fits_another_disk() -> None:
    disk, other = filled(2), filled(3)
    snapshot = Snapshot(disk.read(now=1))
    disk.write(((b"later", b"1"),), now=2)
    for each in (disk, other):
        each.restore(snapshot)
        each.lose_power(now=3)
        assert each.read(now=3) == {b"000": b"value", b"001": b"value"}


@pytest.mark.parametrize("name", ["sync", "torn", "error", "capacity"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), "1", None, True])
def test_what_is_no_health_of_a_disk_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SimError, match=name):
        Health(**{name: value})
