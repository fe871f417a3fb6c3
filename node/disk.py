"""The only file that touches the state on disk: records in SQLite, saved in groups.

Whatever waits when the disk is free is saved in one transaction, so many writes share one flush. A
transaction is on the platter when `flush` returns (write-ahead log, synchronous=FULL). The database
is locked for as long as it is open: two processes with one directory would use one identity.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import trio

from node.errors import DiskError, StartError

FILE = "state.db"


class Disk:
    """The records of one node. `recovered` holds what was there at the start."""

    def __init__(self, directory: str | Path) -> None:
        """Open or create; `StartError` when the directory cannot be used. This blocks for a
        moment.
        """
        self.recovered = self.load(Path(directory))
        self._waiting: dict[bytes, bytes | None] = {}
        self._given = 0
        self._saved = 0
        self._failure: DiskError | None = None
        self._turn = trio.Lock()
        self._work = trio.Event()
        self._progress = trio.Event()

    def load(self, directory: Path) -> dict[bytes, bytes]:
        """Open the database, and read all of it."""
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                directory / FILE, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS records"
                " (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
            )
            return dict(self._database.execute("SELECT key, value FROM records ORDER BY key"))
        except (OSError, sqlite3.Error) as error:
            locked = "locked" in str(error)
            raise StartError(
                f"the data directory {str(directory)!r} cannot be used",
                why="another process uses it" if locked else str(error),
                remedy="another --data-dir" if locked else "a directory that this user may write",
            ) from None

    def save(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Have these records saved soon, all together or not at all."""
        self._waiting.update(records)
        self._given += 1
        self._work.set()

    async def run(self) -> None:
        """Save whatever comes, for ever; `DiskError` when that is not possible any more."""
        while True:
            await self._work.wait()
            self._work = trio.Event()
            await self.commit()

    async def flush(self) -> None:
        """Return when all that was given to `save` so far is safe; `DiskError` when it cannot be.

        It only waits: `run` does the work, so an error there stops the node, whoever was waiting.
        """
        target = self._given
        while self._saved < target:
            if self._failure is not None:
                raise self._failure
            await self._progress.wait()

    async def commit(self) -> None:
        """Save what waits, in one transaction; it is not interrupted once begun."""
        with trio.CancelScope(shield=True):
            async with self._turn:
                waiting, given = self._waiting, self._given
                self._waiting = {}
                try:
                    if waiting:
                        await self.write(waiting)
                    self._saved = given
                except DiskError as error:
                    self._waiting = waiting | self._waiting
                    self._failure = error
                    raise
                finally:
                    self._progress.set()
                    self._progress = trio.Event()

    async def write(self, records: dict[bytes, bytes | None]) -> None:
        """One transaction, in a thread of its own because it waits for the disk."""
        await trio.to_thread.run_sync(self._commit, records)

    def _commit(self, records: dict[bytes, bytes | None]) -> None:
        gone = [(key,) for key, value in records.items() if value is None]
        kept = [(key, value) for key, value in records.items() if value is not None]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM records WHERE key = ?", gone)
            self._database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?)", kept)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            why, remedy = str(error), "space and health of the disk, then start again"
            raise DiskError("the state cannot be saved", why=why, remedy=remedy) from None

    def close(self) -> None:
        """Give the directory free."""
        self._database.close()
