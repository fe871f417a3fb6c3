"""The records of a node on disk."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from node import Config, DiskError, Node, StartError
from node.disk import Disk


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[Disk]:
    disk = Disk(path)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.run)
        yield disk
        nursery.cancel_scope.cancel()
    disk.close()


async def test_what_was_flushed_is_there_again(tmp_path: Path) -> None:
    async with running(tmp_path) as disk:
        disk.save([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
        disk.save([(b"b", None), (b"a", b"4")])
        await disk.flush()
    assert Disk(tmp_path).recovered == {b"a": b"4", b"c": b"3"}


async def test_a_flush_with_nothing_waiting_does_not_end_the_saving(tmp_path: Path) -> None:
    async with running(tmp_path) as disk:
        await disk.flush()
        disk.save([(b"a", b"1")])
        with trio.fail_after(10):
            await disk.flush()
        await disk.commit()
        disk.save([(b"b", b"2")])
        with trio.fail_after(10):
            await disk.flush()
    assert Disk(tmp_path).recovered == {b"a": b"1", b"b": b"2"}


async def test_a_cancelled_flush_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as disk:
        for number in range(50):
            disk.save([(b"%d" % number, b"x")])
            with trio.move_on_after(0):
                await disk.flush()
        with trio.CancelScope() as scope:
            disk.save([(b"last", b"x")])
            scope.cancel()
            await disk.commit()
    assert len(Disk(tmp_path).recovered) == 51


def test_the_directory_is_private(tmp_path: Path) -> None:
    Disk(tmp_path / "new" / "one").close()
    assert (tmp_path / "new" / "one").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(StartError, match="cannot be used"):
        Disk(tmp_path / "file")


def test_two_disks_in_one_directory_are_refused(tmp_path: Path) -> None:
    first = Disk(tmp_path)
    with pytest.raises(StartError, match="another process uses it"):
        Disk(tmp_path)
    first.close()
    Disk(tmp_path).close()


async def test_a_disk_that_fails_stops_the_node_with_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(name="n", bind="127.0.0.1:0", data_dir=tmp_path)
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012  # it fails while the body waits
        async with Node(config) as node:
            assert node._disk is not None
            node._disk._database.execute("PRAGMA query_only = ON")
            node.counter("visits").increment()
            await trio.sleep_forever()
    assert caught.group_contains(DiskError, match="the state cannot be saved .*readonly")
    assert os.listdir(tmp_path)
