"""The disk of one host: what a crash forgets, what it refuses, and what rots on it.

A process that dies takes nothing with it: what it wrote is with the kernel and reaches the disk. A
host that loses power loses transactions younger than the last sync, each of them whole, because the
real node writes one transaction of SQLite per `Persist`: a torn one is found by its checksum, and
it and all after it count as never written. The records themselves have no checksum, so bits that
rot in them are seen by the process that reads them, or by nobody.

A node whose disk refuses a transaction stops: so does the real one.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from sim.agenda import SECOND, nanoseconds
from sim.errors import SimError
from sim.faults import amount, probability
from sim.streams import stream

SYNC_LAG = 0.25
"""Seconds that a transaction may stay unsynced: our choice, late enough to hurt and well inside the
virtual second after which the contract promises that a write survives any crash."""

Records = tuple[tuple[bytes, bytes | None], ...]
"""One transaction: key and value, None to delete the key."""


class DiskFault(Exception):  # noqa: N818  # what the disk has, and not what its caller did
    """A transaction was not saved. It is as the disk says, and the process over it has to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How bad a disk is."""

    sync: float = SYNC_LAG
    """Seconds until a transaction is safe from a loss of power; more on a slow disk."""
    torn: float = 1.0
    """The chance of an unsynced transaction to be lost with the power, and all after it with it;
    less where the disk is likely to have written already."""
    error: float = 0.0
    """The chance that a transaction cannot be synced. It and all that was unsynced are gone."""
    capacity: float = 0.0
    """Bytes of keys and values that fit; 0: any number."""

    def __post_init__(self) -> None:
        nanoseconds(self.sync, "sync")
        probability(self.torn, "torn")
        probability(self.error, "error")
        amount(self.capacity, "capacity")


class Snapshot:
    """What a disk held at one moment: to be put into the same host again, or into another one."""

    __slots__ = ("records",)

    def __init__(self, records: Mapping[bytes, bytes]) -> None:
        self.records = dict(records)


class Disk:
    """Transactions that are on their way to the disk, and the records that have arrived there."""

    __slots__ = ("_asked", "_name", "_seed", "_synced", "_unsynced", "health")

    def __init__(self, seed: int = 0, name: str = "") -> None:
        """The seed and the name of its host are where its chance comes from."""
        self.health = Health()
        self._seed = seed
        self._name = name
        self._asked: Counter[str] = Counter()
        self._synced: dict[bytes, bytes] = {}
        self._unsynced: deque[tuple[int, Records]] = deque()

    def write(self, records: Records, now: int) -> None:
        """Take one transaction; `DiskFault` when it is not to be saved."""
        self._sync(now)
        health = self.health
        if health.capacity and self._size(records) > health.capacity:
            raise DiskFault("the disk is full")
        if health.error and self._luck("sync").random() < health.error:
            # After a failed fsync the kernel holds its dirty pages for clean, and drops them.
            self._unsynced.clear()
            raise DiskFault("the disk does not sync")
        self._unsynced.append((now, records))

    def read(self, now: int) -> dict[bytes, bytes]:
        """Everything a process that starts now finds, in order of keys, in a copy of its own."""
        self._sync(now)
        records = dict(self._synced)
        for _, transaction in self._unsynced:
            _apply(transaction, records)
        return dict(sorted(records.items()))

    def lose_power(self, now: int) -> int:
        """Forget what was not synced yet, from the first transaction that is torn; how many they
        were.
        """
        self._sync(now)
        kept, luck = 0, self._luck("tear")
        while kept < len(self._unsynced) and luck.random() >= self.health.torn:
            kept += 1
        for _, transaction in list(self._unsynced)[:kept]:
            _apply(transaction, self._synced)
        lost = len(self._unsynced) - kept
        self._unsynced.clear()
        return lost

    def wipe(self) -> None:
        """Put in an empty disk."""
        self._synced.clear()
        self._unsynced.clear()

    def restore(self, snapshot: Snapshot) -> None:
        """Put in a disk that holds what was held when the snapshot was taken."""
        self.wipe()
        self._synced.update(snapshot.records)

    def rot(self, records: int, now: int) -> list[bytes]:
        """Flip a bit in the values of so many records; the keys of those that it befell."""
        self._sync(now)  # what rots has been written
        keys = sorted(key for key, value in self._synced.items() if value)
        luck = self._luck("rot")
        rotten = luck.sample(keys, min(records, len(keys)))
        for key in rotten:
            value = bytearray(self._synced[key])
            bit = luck.randrange(8 * len(value))
            value[bit // 8] ^= 1 << bit % 8
            self._synced[key] = bytes(value)
        return rotten

    def _luck(self, what: str) -> Random:
        """The luck of the next time that `what` is asked; other questions do not shift it."""
        self._asked[what] += 1
        return stream(self._seed, self._name, "disk", what, self._asked[what])

    def _sync(self, now: int) -> None:
        """Let the transactions that have had the time reach the disk."""
        if not self._unsynced:
            return
        until = now - round(self.health.sync * SECOND)
        while self._unsynced and self._unsynced[0][0] <= until:
            _apply(self._unsynced.popleft()[1], self._synced)

    def _size(self, records: Records) -> int:
        """Bytes in use if this transaction were saved as well. Costs O(n), where it is asked."""
        after = dict(self._synced)
        for _, transaction in self._unsynced:
            _apply(transaction, after)
        _apply(records, after)
        return sum(len(key) + len(value) for key, value in after.items())


def count(records: object) -> int:
    """`records`, if it is a number of them; `SimError` otherwise."""
    if type(records) is not int or records < 1:
        raise SimError(f"records is how many, from 1, not {records!r}")
    return records


def _apply(transaction: Records, records: dict[bytes, bytes]) -> None:
    for key, value in transaction:
        if value is None:
            records.pop(key, None)
        else:
            records[key] = value
