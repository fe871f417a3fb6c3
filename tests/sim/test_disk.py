"""What a host's disk keeps through which crash."""

from __future__ import annotations

from sim.agenda import SECOND
from sim.disk import SYNC_LAG, Disk


def test_a_process_finds_everything_that_the_one_before_it_wrote() -> None:
    disk = Disk()
    disk.write(((b"a", b"1"), (b"b", b"2")), now=0)
    disk.write(((b"a", None), (b"c", b"3")), now=1)
    assert disk.read(now=1) == {b"b": b"2", b"c": b"3"}


def test_power_loss_takes_the_unsynced_transactions_whole_and_no_older_ones() -> None:
    disk = Disk()
    disk.write(((b"a", b"old"),), now=0)
    disk.write(((b"a", b"new"), (b"b", b"1")), now=SECOND)
    disk.lose_power(now=SECOND + SYNC_LAG - 1)
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
