"""Who is there: the table of members, and what it takes to change it.

Every claim goes through `apply`, whoever made it, so there is one place where precedence rules. A
claim that changes the table is passed on as news. A member is suspected before it is failed, and
has time to refute: a claim that says we are suspect or failed makes us raise our incarnation and
say that we are alive, which outranks the accusation.

What is heard in a `Table` is hearsay: there a "failed" about a member that we hold for alive only
makes us suspect it. So when a partition heals, nobody is declared failed on the other half's old
verdicts; the suspects refute.

References: SWIM, sections 4.1 and 4.2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from hashlib import blake2b
from operator import xor

from .effects import (
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberRecovered,
    MemberSuspected,
    MemberUpdated,
)
from .member import Address, Claim, Member, State
from .messages import BUCKETS, HASH_BYTES, U64, encode_claim
from .rumors import Rumors
from .timers import Timers
from .timing import Timing

MAX_MEMBERS = 8192
"""The most members that are remembered, the dead included; further ones are refused and counted."""


class Membership:
    """The table of members, from the point of view of one of them."""

    def __init__(
        self,
        me: Claim,
        timing: Timing,
        timers: Timers,
        emit: Callable[[MemberEvent], None],
        forgotten: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`emit` tells users, `forgotten` that nothing is remembered of a member any more."""
        self.me = me
        self.rumors = Rumors()
        self.rtt: dict[str, float] = {}
        self.version = 0
        """Counts the changes of the table."""
        self.refused = 0
        self.conflicts = 0
        self._timing = timing
        self._timers = timers
        self._emit = emit
        self._forgotten = forgotten
        self._table: dict[str, Claim] = {}
        self._buckets = [0] * BUCKETS
        self._digest = 0
        self.digest = bytes(HASH_BYTES)
        """A hash of the table."""
        self._others: list[Claim] | None = None
        self._failed: list[Claim] | None = None
        self._addresses: frozenset[Address] | None = None
        self._store(me)

    # Reading.

    def __len__(self) -> int:
        """How many members are taken to be there, ourselves included."""
        return len(self.others()) + 1

    def get(self, name: str) -> Claim | None:
        """What is believed of a member."""
        return self._table.get(name)

    def others(self) -> list[Claim]:
        """The other members taken to be there, in the order in which they were first heard of."""
        if self._others is None:
            self._others = [
                claim
                for claim in self._table.values()
                if claim.state.running and claim.name != self.me.name
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

    def members(self) -> tuple[Member, ...]:
        """The table for users, by name."""
        return tuple(self._member(self._table[name]) for name in sorted(self._table))

    def bucket_hashes(self) -> tuple[bytes, ...]:
        """A hash of each part of the table. Equal on two members exactly when they see the same
        members running.
        """
        return tuple(bucket.to_bytes(HASH_BYTES, "big") for bucket in self._buckets)

    # Changing.

    def apply(self, claim: Claim, now: int, *, hearsay: bool = False) -> None:
        """Believe a claim if it is newer than what is believed."""
        if claim.name == self.me.name:
            self._about_me(claim)
            return
        known = self._table.get(claim.name)
        if known is not None:
            if claim.order <= known.order:
                return
            if hearsay and claim.state is State.FAILED and known.state.running:
                if known.state is State.SUSPECT and claim.order[:2] == known.order[:2]:
                    return
                claim = claim._replace(state=State.SUSPECT)
        elif hearsay and not claim.state.running:
            return  # or the dead would live for ever, told to each newcomer and back
        elif len(self._table) >= MAX_MEMBERS:
            self.refused += 1
            return
        self._store(claim)
        if not hearsay or claim.state is State.SUSPECT:
            self.rumors.spread(claim.name, encode_claim(claim))
        self._watch(claim, now)
        self._tell(known, claim)

    def suspect(self, name: str, now: int) -> None:
        """A member did not answer us: accuse it."""
        known = self._table[name]
        if known.state is State.ALIVE:
            self.apply(known._replace(state=State.SUSPECT, accuser=self.me.name), now)

    def leave(self) -> None:
        """Say that we are leaving; nothing refutes that any more."""
        self._declare(self.me._replace(state=State.LEFT))

    def _about_me(self, claim: Claim) -> None:
        """Somebody says something about us. We know better."""
        me = self.me
        if claim.order <= me.order:
            if claim != me and me.state is State.ALIVE and claim.order[:2] < me.order[:2]:
                self.rumors.spread(
                    me.name, encode_claim(me)
                )  # whoever believes that gets to hear the newer truth
            return
        if U64 in claim.order:
            self.conflicts += 1  # there is no greater number to say otherwise with
        elif claim.epoch == me.epoch and claim.id == me.id:
            if claim.state is State.ALIVE or me.state is State.LEFT:
                return
            self._declare(me._replace(incarnation=claim.incarnation + 1))
        elif claim.state.running and claim.address != me.address:
            self.conflicts += 1  # another live member uses our name; neither of us can settle that
        elif me.state is State.ALIVE:
            self._declare(
                me._replace(epoch=claim.epoch + 1)
            )  # our own past, and our clock went back

    def _declare(self, me: Claim) -> None:
        self.me = me
        self._store(me)
        self.rumors.spread(me.name, encode_claim(me))

    def _store(self, claim: Claim) -> None:
        known = self._table.get(claim.name)
        change = _hash(claim) ^ (_hash(known) if known is not None else 0)
        self._buckets[_bucket(claim.name)] ^= change
        self._digest ^= change
        self.digest = self._digest.to_bytes(HASH_BYTES, "big")
        self._table[claim.name] = claim
        self.version += 1
        self._others = self._failed = self._addresses = None

    def _watch(self, claim: Claim, now: int) -> None:
        """A suspect is failed when its time is up; a member that is gone is forgotten after
        long.
        """
        key = ("member", claim.name)
        if claim.state is State.SUSPECT:
            timeout = self._timing.suspicion_timeout(len(self))
            self._timers.set(key, now + timeout, lambda now: self._give_up(claim, now))
        elif claim.state.running:
            self._timers.stop(key)
        else:
            self._timers.set(key, now + self._timing.reap_after, lambda _: self._forget(claim))

    def _give_up(self, suspect: Claim, now: int) -> None:
        if self._table.get(suspect.name) == suspect:
            self.apply(suspect._replace(state=State.FAILED), now)

    def _forget(self, gone: Claim) -> None:
        if self._table.get(gone.name) == gone:
            del self._table[gone.name]
            self.version += 1
            self._others = self._failed = self._addresses = None
            self.rtt.pop(gone.name, None)
            self._forgotten(gone.name)

    def _tell(self, known: Claim | None, claim: Claim) -> None:
        """The event for users, if any, that a change of belief is."""
        was = known.state if known is not None and known.epoch == claim.epoch else None
        kind: type[MemberEvent] | None = None
        if claim.state.running and was in (None, State.LEFT):
            kind = MemberJoined  # somebody may be suspected by others when we first hear of him
        elif claim.state is State.ALIVE:
            if was is not State.ALIVE:
                kind = MemberRecovered
            elif known is not None and (known.tags, known.address) != (claim.tags, claim.address):
                kind = MemberUpdated
        elif known is None:
            return  # news of the death of somebody we never met
        elif claim.state is State.SUSPECT:
            kind = MemberSuspected if was is State.ALIVE else None
        elif claim.state is State.FAILED and known.state is not State.LEFT:
            kind = MemberFailed
        elif claim.state is State.LEFT and known.state.running:
            kind = MemberLeft
        if kind is not None:
            self._emit(kind(self._member(claim)))

    def _member(self, claim: Claim) -> Member:
        return Member(
            name=claim.name,
            id=claim.id.hex(),
            address=claim.address,
            state=claim.state.name.lower(),
            incarnation=claim.incarnation,
            tags=dict(claim.tags),
            rtt=self.rtt.get(claim.name),
        )

    def check(self) -> None:
        """Assert the invariants of the table."""
        there, failed = self.others(), self.failed()
        self._others = self._failed = self._addresses = None
        assert there == self.others(), "who is there is out of step with the table"
        assert failed == self.failed(), "who failed is out of step with the table"
        assert self._table[self.me.name] == self.me, "our own record is out of step"
        assert self.me.state in (State.ALIVE, State.LEFT), (
            f"we believe of ourselves that we are {self.me.state}"
        )
        assert len(self._table) <= MAX_MEMBERS, "too many members"
        buckets = [0] * BUCKETS
        for name, claim in self._table.items():
            assert name == claim.name, f"{claim} is filed under {name}"
            waits = claim.state is State.SUSPECT and self.me.state is not State.LEFT
            assert not waits or ("member", name) in self._timers, (
                f"nobody waits for {name} to refute"
            )
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
