"""The disk of one host: what a crash forgets.

A process that dies takes nothing with it: what it wrote is with the kernel and reaches the disk. A
host that loses power loses every transaction younger than the last sync, each of them whole,
because the real node writes one transaction of SQLite per `Persist`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from sim.agenda import SECOND

SYNC_LAG = SECOND // 4
"""How long a transaction may stay unsynced: our choice, late enough to hurt and well inside the
virtual second after which the contract promises that a write survives any crash."""

Records = tuple[tuple[bytes, bytes | None], ...]
"""One transaction: key and value, None to delete the key."""


class Disk:
    """Transactions that are on their way to the disk, and the records that have arrived there."""

    __slots__ = ("_synced", "_unsynced")

    def __init__(self) -> None:
        self._synced: dict[bytes, bytes] = {}
        self._unsynced: deque[tuple[int, Records]] = deque()

    def write(self, records: Records, now: int) -> None:
        """Take one transaction."""
        self._sync(now - SYNC_LAG)
        self._unsynced.append((now, records))

    def read(self, now: int) -> Mapping[bytes, bytes]:
        """Everything a process that starts now finds, in a copy of its own."""
        self._sync(now - SYNC_LAG)
        records = dict(self._synced)
        for _, transaction in self._unsynced:
            _apply(transaction, records)
        return records

    def lose_power(self, now: int) -> None:
        """Forget what was not synced yet."""
        self._sync(now - SYNC_LAG)
        self._unsynced.clear()

    def wipe(self) -> None:
        """Put in an empty disk."""
        self._synced.clear()
        self._unsynced.clear()

    def _sync(self, until: int) -> None:
        """Let the transactions up to `until` reach the disk."""
        while self._unsynced and self._unsynced[0][0] <= until:
            _apply(self._unsynced.popleft()[1], self._synced)


def _apply(transaction: Records, records: dict[bytes, bytes]) -> None:
    for key, value in transaction:
        if value is None:
            records.pop(key, None)
        else:
            records[key] = value
