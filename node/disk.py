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
        path = Path(directory)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                path / FILE, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS records"
                " (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
            )
            rows = self._database.execute("SELECT key, value FROM records ORDER BY key")
            self.recovered: dict[bytes, bytes] = dict(rows)
        except (OSError, sqlite3.Error) as error:
            locked = "locked" in str(error)
            raise StartError(
                f"the data directory {str(directory)!r} cannot be used",
                why="another process uses it" if locked else str(error),
                remedy="another --data-dir" if locked else "a directory that this user may write",
            ) from None
        self._waiting: dict[bytes, bytes | None] = {}
        self._turn = trio.Lock()
        self.work = trio.Event()

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be saved or is being saved."""
        return not self._waiting and not self._turn.locked()

    def save(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Have these records saved soon, all together or not at all."""
        self._waiting.update(records)
        self.work.set()

    async def run(self) -> None:
        """Save whatever comes, for ever."""
        while True:
            await self.work.wait()
            await self.flush()

    async def flush(self) -> None:
        """Return when all that was given to `save` is safe; `DiskError` when it cannot be."""
        async with self._turn:
            waiting, self._waiting = self._waiting, {}
            self.work = trio.Event()
            if waiting:
                await trio.to_thread.run_sync(self._commit, waiting)

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
