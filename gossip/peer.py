"""A member of the cluster as one state machine: datagrams in, effects out.

The peer knows no socket, no clock, no file and no randomness but what is handed in. It routes: what
comes in goes to the small machine whose business it is (`talk.py`), and what these want to send is
packed into sealed datagrams (`outbox.py`), together with as much news as fits. The driver's part is
in `gossip/__init__.py`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeVar

from crdt import CausalContext, HybridClock, NamedValues, Replicated, Store

from .channel import Channel, Dropped
from .comparison import Comparison
from .effects import (
    Effect,
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberUpdated,
    Persist,
)
from .farewell import Farewell
from .history import Case
from .identity import Identity, member_id
from .member import MAX_TAGS_BYTES, Address, Claim, Member, State, is_name, tags_fit
from .membership import Membership
from .messages import decode_datagram
from .outbox import Outbox
from .parcels import Parcels
from .prober import Prober
from .reconnect import Reconnect
from .records import Records
from .replication import Replication
from .roaming import Roaming
from .spreading import Spreading
from .statistics import Statistics
from .talk import Talk
from .timers import Timers
from .timing import Timing

T = TypeVar("T", bound=Replicated)


class Peer(NamedValues):
    """One member. See the package's docstring for how to drive it."""

    def __init__(
        self,
        *,
        name: str,
        address: Address,
        secret: bytes,
        wall: Callable[[], int],
        random: Random,
        entropy: Callable[[int], bytes],
        timing: Timing | None = None,
        tags: Mapping[str, str] | None = None,
        recovered: Mapping[bytes, bytes] | None = None,
    ) -> None:
        """`recovered` is what an earlier run persisted; None means that nothing is to be persisted
        at all.

        `wall` gives the wall clock (ns), `entropy` bytes for nonces and ids, `random` everything
        else. `ValueError` for a name or tags that cannot be carried, `crdt.CrdtError` for malformed
        records.
        """
        if not is_name(name):
            raise ValueError(
                f"{name!r} cannot name a member: 1 to 64 printable bytes, no spaces at its ends"
            )
        self.name = name
        self.phase = "new"
        self.on_write: Callable[[], None] | None = None
        self._timing = timing or Timing.lan()
        self._random = random
        self._timers = Timers()
        self._received_datagrams = self._received_bytes = 0
        self._records = Records(recovered)
        identity = Identity(self._records.identity(entropy))
        me = Claim(
            state=State.ALIVE,
            name=name,
            key=identity.key,
            address=address,
            epoch=self._records.next_epoch(wall(), entropy),
            incarnation=0,
            tags=tuple(sorted((tags or {}).items())),
        )
        if not tags_fit(me.tags):
            raise ValueError(f"the tags are too large: {MAX_TAGS_BYTES} bytes in all")
        self.store = Store(urlsafe_b64encode(entropy(9)).decode(), HybridClock(wall))
        self.store.on_write = self._written
        self._records.load_into(self.store)
        self._membership = Membership(
            me,
            identity,
            self._timing,
            self._timers,
            emit=self._tell,
            forgotten=self._records.forget,
        )
        self._channel = Channel(secret, entropy)
        self._outbox = Outbox(self._channel, self._membership, self._timing)
        self._wire_up()

    def _wire_up(self) -> None:
        """Make the small machines and let them send."""
        common = (self._membership, self._timing, self._timers, self._random, self._outbox)
        self._reconnect = Reconnect(*common)
        self._comparison = Comparison(*common)
        self._spreading = Spreading(*common)
        self._roaming = Roaming(self._membership, self._outbox)
        self._replication = Replication(
            store=self.store,
            membership=self._membership,
            timing=self._timing,
            timers=self._timers,
            random=self._random,
            room=self._outbox.room,
            send=self._outbox.send_message,
        )
        self._talk = talk = Talk(
            membership=self._membership,
            timing=self._timing,
            timers=self._timers,
            outbox=self._outbox,
            replication=self._replication,
            comparison=self._comparison,
            reconnect=self._reconnect,
            roaming=self._roaming,
        )
        self._prober = talk.prober = Prober(
            membership=self._membership,
            timing=self._timing,
            timers=self._timers,
            random=self._random,
            send_probe=talk.send_probe,
            send=self._outbox.send_message,
            send_about=talk.send_about,
            tell=self._outbox.send_claim,
        )
        self._parcels = talk.parcels = Parcels(
            timers=self._timers,
            first=self._random.getrandbits(32),
            patience=self._timing.pull_timeout // 2,
            piece_bytes=self._outbox.room,
            send=self._outbox.send_message,
            deliver=talk.unwrap,
        )
        self._outbox.ship = self._parcels.ship
        self._farewell = talk.farewell = Farewell(
            store=self.store,
            membership=self._membership,
            replication=self._replication,
            timing=self._timing,
            timers=self._timers,
            random=self._random,
            expecting=self._reconnect.expecting,
            probe=talk.probe,
            done=self._end,
        )

    # Driving.

    def start(self, now: int, join: Sequence[Address] = ()) -> None:
        """Begin to run, and to call these addresses until somebody answers."""
        assert self.phase == "new", "a peer is started once"
        self.phase = "running"
        self._prober.start(now)
        self._reconnect.start(now)
        self.join([*join, *self._records.known_addresses()], now)

    def join(self, addresses: Sequence[Address], now: int) -> None:
        """Call further addresses, until somebody answers."""
        self._reconnect.join(addresses, now)
        self._settle(now)

    def receive(self, datagram: bytes, source: Address, now: int) -> None:
        """Take in a datagram. Whatever its bytes are, this does not raise."""
        if self.phase in ("new", "left"):
            return
        self._received_datagrams += 1
        self._received_bytes += len(datagram)
        try:
            sender, epoch, messages = decode_datagram(self._channel.open(datagram))
            self._talk.take(sender, epoch, messages, source, now)
        except Dropped as dropped:
            self._talk.drops[dropped.reason] += 1
        self._settle(now)

    def wake(self, now: int) -> None:
        """Do what is due by `now`."""
        if self.phase in ("new", "left"):
            return
        for action in self._timers.due(now):
            action(now)
        self._settle(now)

    @property
    def next_wake(self) -> int | None:
        """When to call `wake`; 0 means at once, None never."""
        if self.phase in ("new", "left"):
            return None
        return 0 if self.store.unsent else self._timers.next

    def effects(self) -> list[Effect]:
        """Take what is to be done, in order."""
        effects, self._outbox.effects = self._outbox.effects, []
        return effects

    def leave(self, now: int) -> None:
        """Say goodbye. The phase is "left" once enough others have heard it, or after a bounded
        time.
        """
        if self.phase != "running":
            return
        self.phase = "leaving"
        self._farewell.begin(now)
        self._settle(now)

    def force_leave(self, name: str, now: int) -> bool:
        """Have everybody take a member for gone, which only it can refute, by being there; False
        when there is no other of this name, or it has left.
        """
        known = self.phase == "running" and self._membership.force_leave(name, now)
        self._settle(now)
        return known

    # Reading and writing.

    @property
    def id(self) -> str:
        """This member's id, hex."""
        return member_id(self._membership.me.key).hex()

    @property
    def address(self) -> Address:
        """Where this member is reached."""
        return self._membership.me.address

    def members(self) -> tuple[Member, ...]:
        """All members heard of, this one included, by name."""
        return self._membership.members()

    def why(self, name: str) -> list[Case]:
        """The suspicions of a member that are known here, the latest first, with their reasons."""
        return self._membership.cases(name)

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

    def solicit(self, now: int) -> None:
        """Send local writes at once, and ask who holds them; the answers show in `held_by`."""
        self._replication.solicit(now)
        self._settle(now)

    def converged(self) -> bool:
        """Whether every other member, as last heard, sees the same members and holds the same
        data.
        """
        return self.joined and self._comparison.agreed(self._replication.hash())

    @property
    def joined(self) -> bool:
        """Whether another member was ever met; True also when nobody was to be called."""
        return self._reconnect.joined

    def statistics(self) -> Statistics:
        """What went over the wire so far."""
        return Statistics(
            datagrams_sent=self._outbox.datagrams,
            bytes_sent=self._outbox.bytes,
            datagrams_received=self._received_datagrams,
            bytes_received=self._received_bytes,
            dropped={reason: self._talk.drops[reason] for reason in sorted(self._talk.drops)},
            name_conflicts=self._membership.conflicts,
            members_refused=self._membership.refused,
        )

    def check(self) -> None:
        """Assert every invariant of this member's state."""
        self._membership.check()
        self.store.check()
        timer = self._timers.next
        assert self.phase != "running" or timer is not None, "a running member waits for nothing"

    # What happens by itself.

    def _settle(self, now: int) -> None:
        """After every call: take up what was written, spread what is news, save what changed."""
        if self.phase != "left":
            if self.store.unsent:
                self._replication.gather(now)
            if self._membership.rumors:
                self._spreading.begin(now)
        if self._records.pending or self.store.unsaved:
            records = self._records.take(self.store)
            if records:
                self._outbox.effects.append(Persist(records))

    def _end(self) -> None:
        """We have left."""
        self.phase = "left"
        self._timers.clear()
        self.store.frozen = True

    def _written(self) -> None:
        if self.on_write is not None:
            self.on_write()

    def _tell(self, event: MemberEvent) -> None:
        self._outbox.effects.append(event)
        if isinstance(event, MemberJoined | MemberUpdated):
            self._records.remember(event.member)
        elif isinstance(event, MemberLeft):
            self._records.forget(event.member.name)
        if isinstance(event, MemberJoined | MemberFailed | MemberLeft):
            self._replication.forget(event.member.name)
            self._comparison.forget(event.member.name)
