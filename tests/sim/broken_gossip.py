"""Broken rules of the protocol; see `mutants`."""

from __future__ import annotations

from typing import Any

from crdt import Store
from gossip.channel import Channel, Dropped
from gossip.member import Claim, State
from gossip.membership import Membership
from gossip.prober import Prober
from gossip.reconnect import Reconnect
from gossip.records import Records
from gossip.replication import Replication
from gossip.rumors import Rumors


def no_refutation(patch: Any) -> None:
    """A member does not mind what is said of it."""
    patch.setattr(Membership, "_about_me", lambda self, claim: None)


def refutes_as_before(patch: Any) -> None:
    """A refutation does not raise the incarnation, so nobody believes it."""
    honest = Membership._declare

    def declare(self: Membership, me: Claim) -> None:
        honest(self, me._replace(incarnation=self.me.incarnation))

    patch.setattr(Membership, "_declare", declare)


def foreign_incarnation(patch: Any) -> None:
    """Whoever suspects a member raises its incarnation."""

    def suspect(self: Membership, name: str, now: int) -> None:
        known = self._table[name]
        if known.state is State.ALIVE:
            raised = known.incarnation + 1
            self.apply(known._replace(state=State.SUSPECT, incarnation=raised), now)

    patch.setattr(Membership, "suspect", suspect)


def nobody_is_called_again(patch: Any) -> None:
    """Failed members are not called, so a partition does not heal."""
    patch.setattr(Reconnect, "_call_missing", lambda self, now: self.start(now))


def suspects_for_ever(patch: Any) -> None:
    """A suspect that does not refute stays one."""
    patch.setattr(Membership, "_give_up", lambda self, suspect, now: None)


def the_same_is_probed(patch: Any) -> None:
    """Always the first member is probed, so nobody asks the others."""

    def next_target(self: Prober) -> Claim | None:
        return next(iter(self._membership.others()), None)

    patch.setattr(Prober, "_next_target", next_target)


def news_for_ever(patch: Any) -> None:
    """News is passed on without end."""
    honest = Rumors.take

    def take(self: Rumors, room: int, limit: int) -> list[bytes]:
        return honest(self, room, 10**9 + limit)

    patch.setattr(Rumors, "take", take)


def no_new_epoch(patch: Any) -> None:
    """Every boot has the same number, so a restarted member does not outrank its past."""
    patch.setattr(Records, "next_epoch", lambda self, wall, entropy: 1)


def one_boot_of_nonces(patch: Any) -> None:
    """The nonces of every boot begin alike."""
    honest = Channel.__init__

    def init(self: Channel, secret: bytes, entropy: Any) -> None:
        honest(self, secret, entropy)
        self._boot = secret[:16]

    patch.setattr(Channel, "__init__", init)


def opens_what_was_altered(patch: Any) -> None:
    """What does not open counts as what was opened last."""
    honest = Channel.open
    last: list[bytes] = []

    def opened(self: Channel, datagram: bytes) -> bytes:
        try:
            last[:] = [honest(self, datagram)]
        except Dropped:
            if not last:
                raise
        return last[0]

    patch.setattr(Channel, "open", opened)


def never_pulls(patch: Any) -> None:
    """What was missed is not asked for."""
    patch.setattr(Replication, "_fall_behind", lambda self, name, context, now: None)


def does_not_save_data(patch: Any) -> None:
    """Only what concerns members is saved."""
    patch.setattr(Store, "take_records", lambda self: [])


def one_replica_for_all_boots(patch: Any) -> None:
    """A restarted member counts its events on, under the name of its last boot."""
    honest = Records.load_into

    def load_into(self: Records, store: Store) -> None:
        honest(self, store)
        last = [replica for replica, _, _ in store.context.spans()][:1]
        store.replica = last[0] if last else store.replica

    patch.setattr(Records, "load_into", load_into)


def dead_are_news(patch: Any) -> None:
    """A member that failed is listed again by whoever is still told that it is there."""
    honest = Membership.apply

    def apply(self: Membership, claim: Claim, now: int, *, hearsay: bool = False) -> None:
        known = self.get(claim.name)
        if known is not None and known.state is State.FAILED and claim.state is State.ALIVE:
            self._table.pop(claim.name)
            self._buckets = [0] * len(self._buckets)
            self._digest = 0
            for each in [*self._table.values()]:
                self._table.pop(each.name)
                self._store(each)
        honest(self, claim, now, hearsay=hearsay)

    patch.setattr(Membership, "apply", apply)
