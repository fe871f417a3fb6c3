"""What a member remembers across restarts: its key, its epoch, whom it knew, and the data.

Records are plain keys and values, so any disk will do. Each boot is a new replica of the data (a
new name in the causal context), so no dot is ever used twice, whatever of the last run got lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from crdt import CrdtError, Store

from .identity import SEED_BYTES
from .member import Address, Member

_IDENTITY, _EPOCH, _MEMBER, _DATA = b"i", b"e", b"m", b"d"

Record = tuple[bytes, bytes | None]


class Records:
    """Reads what an earlier run persisted, and gathers what this one is to persist."""

    def __init__(self, recovered: Mapping[bytes, bytes] | None) -> None:
        self._durable = recovered is not None
        self._recovered = recovered or {}
        self.pending: list[Record] = []
        """What is to be persisted beside the data."""

    def identity(self, entropy: Callable[[int], bytes]) -> bytes:
        """The seed of this member's long-term key: made once, and kept."""
        known = self._recovered.get(_IDENTITY)
        if known is not None and len(known) == SEED_BYTES:
            return known
        fresh = entropy(SEED_BYTES)
        self.pending.append((_IDENTITY, fresh))
        return fresh

    def next_epoch(self, wall: int, entropy: Callable[[int], bytes]) -> int:
        """The number of this boot: the wall clock; or, where that is behind, a little more than the
        last boot's. By how much is chance: that boot may be forgotten with an old disk, and another
        one have begun from there.
        """
        last = int.from_bytes(self._recovered.get(_EPOCH, b""), "big")
        if last >= 2**63:
            raise CrdtError("malformed record of the epoch")
        epoch = wall if wall > last else last + 1 + int.from_bytes(entropy(4), "big")
        self.pending.append((_EPOCH, epoch.to_bytes(8, "big")))
        return epoch

    def known_addresses(self) -> Iterator[Address]:
        """Where members were that an earlier run knew."""
        for key, value in self._recovered.items():
            if key.startswith(_MEMBER):
                try:
                    yield Address.parse(value.decode())
                except ValueError as error:
                    raise CrdtError(f"malformed record of a member: {error}") from None

    def known_names(self) -> Iterator[str]:
        """Who the members were that an earlier run knew."""
        for key in self._recovered:
            if key.startswith(_MEMBER):
                yield key.removeprefix(_MEMBER).decode(errors="replace")

    def load_into(self, store: Store) -> None:
        """Give the store its data back."""
        cut = len(_DATA)
        store.load({k[cut:]: v for k, v in self._recovered.items() if k.startswith(_DATA)})

    def remember(self, member: Member) -> None:
        """Keep a member's address."""
        self.pending.append((_MEMBER + member.name.encode(), str(member.address).encode()))

    def forget(self, name: str) -> None:
        """Drop the address of a member that left, or that nobody remembers."""
        self.pending.append((_MEMBER + name.encode(), None))

    def take(self, store: Store) -> tuple[Record, ...]:
        """What is to be persisted now, of `pending` and of the data; nothing without a disk."""
        if not self._durable:
            self.pending.clear()
            store.discard_records()
            return ()
        pending, self.pending = self.pending, []
        return (*pending, *((_DATA + key, value) for key, value in store.take_records()))
