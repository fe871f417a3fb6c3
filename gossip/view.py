"""What a peer shows of itself and of the cluster. Nothing here changes anything."""

from __future__ import annotations

from typing import TypeVar

from crdt import CausalContext, NamedValues, Replicated, Store

from .data.replication import Replication
from .effects import QuorumView
from .identity import member_id
from .member import Address, Member
from .members.comparison import Comparison
from .members.history import Case
from .members.membership import Membership
from .members.quorum import Quorum
from .members.reconnect import Reconnect
from .members.tags import Tags
from .outbox import Outbox
from .probing.positions import Positions
from .probing.prober import Prober

T = TypeVar("T", bound=Replicated)


class View(NamedValues):
    """The part of `Peer` that reads."""

    store: Store
    _comparison: Comparison
    _membership: Membership
    _outbox: Outbox
    _positions: Positions
    _prober: Prober
    _quorum: Quorum
    _reconnect: Reconnect
    _replication: Replication
    _tags: Tags

    @property
    def id(self) -> str:
        """This member's id, hex."""
        return member_id(self._membership.me.key).hex()

    @property
    def address(self) -> Address:
        """Where this member is reached."""
        return self._membership.me.address

    @property
    def tags(self) -> dict[str, str]:
        """This member's tags as they were set last: a copy."""
        return self._tags.current

    def members(self) -> tuple[Member, ...]:
        """All members heard of, this one included, by name."""
        return self._membership.members()

    def rtt(self, a: str, b: str) -> float | None:
        """The round trip between two members in seconds: as measured from here, else as their
        coordinates tell; None when neither is known.
        """
        return self._positions.rtt(a, b)

    @property
    def quorum(self) -> QuorumView:
        """Whether most of the expected members are there, as seen from here: advice."""
        return self._quorum.view

    def why(self, name: str) -> list[Case]:
        """The suspicions of a member that are known here, the latest first, with their reasons."""
        return self._membership.suspicions.cases(name)

    def unreached(self) -> dict[str, bool]:
        """The members that run and did not answer this one itself when it asked last; the value
        says whether others reached them.
        """
        there = dict.fromkeys(claim.name for claim in self._membership.others())
        reached = self._prober.unreached.items()
        return {name: bool(through) for name, through in sorted(reached) if name in there}

    def open_value(self, name: str, kind: type[T]) -> T:
        """The value called `name`, live; `CrdtError` when that name has another type."""
        return self.store.open(name, kind)

    def names(self, prefix: str = "") -> dict[str, str]:
        """The names in use that start with `prefix`, each with its type."""
        return {name: kind.NAME for name, kind in self.store.types(prefix)}

    def digest(self) -> str:
        """A hash of the whole replicated state, hex: equal on two members exactly when their states
        are equal.
        """
        return self.store.digest()

    def context(self) -> CausalContext:
        """Which events of the data have been seen here: a copy."""
        return self.store.context.copy()

    def held_by(self, context: CausalContext) -> tuple[str, ...]:
        """The other members that are known to have seen all of `context`."""
        return self._replication.held_by(context)

    def converged(self) -> bool:
        """Whether every other member, as last heard, sees the same members and holds the same
        data.
        """
        return self.joined and self._comparison.agreed(self._replication.hash())

    @property
    def joined(self) -> bool:
        """Whether another member was ever met; True also when nobody was to be called."""
        return self._reconnect.joined
