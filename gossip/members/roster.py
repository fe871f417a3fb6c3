"""What is believed of each member, with the hashes and lists that follow from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from hashlib import blake2b
from operator import xor

from gossip.member import Address, Claim, State
from gossip.wire.messages import BUCKETS, HASH_BYTES


class Roster:
    """One claim for each member that was heard of, this one included."""

    def __init__(self, me: Claim) -> None:
        self.me = me
        self.version = 0
        """Counts the changes."""
        self.digest = bytes(HASH_BYTES)
        """A hash of who runs, in which boot and incarnation."""
        self._table: dict[str, Claim] = {}
        self.get: Callable[[str], Claim | None] = self._table.get
        """What is believed of a member: the table's own, since each datagram asks several times."""
        self._gone: dict[str, None] = {}
        """Who of them does not run, in the order in which they went."""
        self._buckets = [0] * BUCKETS
        self._digest = 0
        self._others: list[Claim] | None = None
        self._failed: list[Claim] | None = None
        self._addresses: frozenset[Address] | None = None
        self._store(me)

    def __len__(self) -> int:
        """How many members are taken to be there, ourselves included."""
        return len(self._table) - len(self._gone) + (self.me.name in self._gone)

    def others(self) -> list[Claim]:
        """The other members taken to be there, in the order in which they were first heard of."""
        if self._others is None:
            self._others = [
                claim
                for claim in self._table.values()
                if claim.name not in self._gone and claim.name != self.me.name
            ]
        return self._others

    def failed(self) -> list[Claim]:
        """The members taken for failed."""
        if self._failed is None:
            self._failed = [c for c in self._table.values() if c.state is State.FAILED]
        return self._failed

    def addresses(self) -> frozenset[Address]:
        """Where the others are, or were until they failed."""
        if self._addresses is None:
            self._addresses = frozenset(c.address for c in (*self.others(), *self.failed()))
        return self._addresses

    def claims(self, buckets: list[int] | None = None) -> list[Claim]:
        """All that is believed, or what belongs to these buckets."""
        if buckets is None:
            return list(self._table.values())
        return [claim for claim in self._table.values() if _bucket(claim.name) in buckets]

    def bucket_hashes(self) -> tuple[bytes, ...]:
        """A hash of each part of the table. Equal on two members exactly when they see the same
        members running.
        """
        return tuple(bucket.to_bytes(HASH_BYTES, "big") for bucket in self._buckets)

    def _store(self, claim: Claim) -> None:
        known = self._table.get(claim.name)
        change = _hash(claim) ^ (_hash(known) if known is not None else 0)
        self._buckets[_bucket(claim.name)] ^= change
        self._digest ^= change
        self.digest = self._digest.to_bytes(HASH_BYTES, "big")
        self._table[claim.name] = claim
        if claim.state.running:
            self._gone.pop(claim.name, None)
        else:
            self._gone.setdefault(claim.name)
        self.version += 1
        self._others = self._failed = self._addresses = None

    def _drop(self, name: str) -> None:
        """Forget a member that does not run."""
        del self._table[name], self._gone[name]
        self.version += 1
        self._others = self._failed = self._addresses = None

    def check(self) -> None:
        """Assert that all that follows from the table does."""
        there, failed = self.others(), self.failed()
        self._others = self._failed = self._addresses = None
        assert there == self.others(), "who is there is out of step with the table"
        assert failed == self.failed(), "who failed is out of step with the table"
        gone = sorted(name for name, claim in self._table.items() if not claim.state.running)
        assert gone == sorted(self._gone), "who is gone is out of step with the table"
        assert len(self) == len(there) + 1, "how many there are is out of step with the table"
        buckets = [0] * BUCKETS
        for name, claim in self._table.items():
            assert name == claim.name, f"{claim} is filed under {name}"
            buckets[_bucket(name)] ^= _hash(claim)
        assert buckets == self._buckets, "the hashes of the table are out of step"
        assert reduce(xor, buckets) == self._digest, "the digest of the table is out of step"


def _bucket(name: str) -> int:
    return blake2b(name.encode(), digest_size=1).digest()[0] % BUCKETS


def _hash(claim: Claim) -> int:
    """What tables are compared by: who runs, in which boot and incarnation. The dead do not
    count.
    """
    if not claim.state.running:
        return 0
    text = f"{claim.name}\0{claim.epoch}\0{claim.incarnation}".encode()
    return int.from_bytes(blake2b(text, digest_size=HASH_BYTES).digest(), "big")
