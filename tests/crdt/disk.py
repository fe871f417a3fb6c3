"""A disk in memory that can be read as it was after any transaction."""

from __future__ import annotations

from crdt import Store
from tests.crdt.cluster import make


class Disk:
    """Transactions as they were committed."""

    def __init__(self) -> None:
        self.transactions: list[list[tuple[bytes, bytes | None]]] = []

    def save(self, store: Store) -> None:
        if records := store.take_records():
            self.transactions.append(records)

    def read(self, transactions: int) -> dict[bytes, bytes]:
        """What a crash after that many transactions leaves."""
        records: dict[bytes, bytes] = {}
        for transaction in self.transactions[:transactions]:
            for key, value in transaction:
                if value is None:
                    records.pop(key, None)
                else:
                    records[key] = value
        return records


def loaded(records: dict[bytes, bytes], name: str) -> Store:
    store = make(name)
    store.load(records)
    store.check()
    return store
