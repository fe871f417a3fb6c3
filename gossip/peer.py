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

from crdt import HybridClock, Store

from .data.parcels import Parcels
from .data.replication import Replication
from .effects import (
    Effect,
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberRecovered,
    MemberUpdated,
    Persist,
)
from .farewell import Farewell
from .identity import Identity
from .member import Address, Claim, State, is_name
from .members.comparison import Comparison
from .members.membership import Membership
from .members.quorum import Expected, Quorum
from .members.reconnect import Reconnect
from .members.roaming import Roaming
from .members.spreading import Spreading
from .members.tags import Tags, encoded
from .outbox import Outbox
from .probing.positions import Positions
from .probing.prober import Prober
from .probing.refusals import Refusals
from .records import Records
from .statistics import Statistics
from .talk import Talk
from .timers import Timers
from .timing import Timing
from .users.speaking import Speaking
from .view import View
from .wire.channel import Channel, Dropped
from .wire.messages import decode_datagram


class Peer(View, Speaking):
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
        expected: Expected = None,
    ) -> None:
        """`recovered` is what an earlier run persisted; None means that nothing is to be persisted
        at all. `expected` is of whom a majority is counted; None: of all that are met.

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
            tags=encoded(tags or {}),
        )
        self.store = Store(urlsafe_b64encode(entropy(9)).decode(), HybridClock(wall))
        self.store.on_write = self._written
        self._records.load_into(self.store)
        self._membership = Membership(
            me,
            identity,
            self._timing,
            self._timers,
            emit=self._tell,
            forgotten=self._forget,
        )
        self._channel = Channel(secret, entropy)
        self._outbox = Outbox(self._channel, self._membership, self._timing)
        self._wire_up(expected)

    def _wire_up(self, expected: Expected) -> None:
        """Make the small machines and let them send."""
        common = (self._membership, self._timing, self._timers, self._random, self._outbox)
        self._reconnect = Reconnect(*common)
        self._comparison = Comparison(*common)
        self._spreading = Spreading(*common)
        self._open_mouth(*common)
        self._roaming = Roaming(self._membership, self._outbox)
        self._tags = Tags(
            self._membership, self._timing, self._timers, self._random, self._outbox.send_message
        )
        self._positions = Positions(self._membership, self._random)
        self._quorum = Quorum(
            self._membership,
            self._timing,
            self._timers,
            self._outbox,
            expected=expected,
            remembered=self._records.known_names(),
            joined=lambda: self.joined,
        )
        self._replication = Replication(
            store=self.store,
            membership=self._membership,
            timing=self._timing,
            timers=self._timers,
            random=self._random,
            room=self._outbox.room,
            send=self._outbox.send_message,
        )
        self._wire_up_talk()

    def _wire_up_talk(self) -> None:
        """Make those that speak with others through `Talk`."""
        self._talk = talk = Talk(
            membership=self._membership,
            timing=self._timing,
            timers=self._timers,
            outbox=self._outbox,
            replication=self._replication,
            comparison=self._comparison,
            reconnect=self._reconnect,
            roaming=self._roaming,
            positions=self._positions,
            tags=self._tags,
        )
        talk.users, talk.latest = self._heard, self._broadcasts.riding
        self._prober = talk.prober = Prober(
            membership=self._membership,
            timing=self._timing,
            timers=self._timers,
            random=self._random,
            send_probe=talk.send_probe,
            send=self._outbox.send_message,
            send_about=talk.send_about,
            tell=self._outbox.send_claim,
            measured=self._positions.measured,
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
        refusals = Refusals(drops=talk.drops, on_refused=self._prober.refused)
        self._refusals = talk.refusals = refusals
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

    def join(self, addresses: Sequence[Address], now: int, gone: Sequence[Address] = ()) -> None:
        """Call further addresses, until somebody answers; and those that are `gone` no more."""
        self._reconnect.join(addresses, now, gone)
        self._quorum.stale = True
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

    def refused(self, quoted: bytes, now: int) -> None:
        """A host answered that no process takes this datagram of ours; `quoted` may be cut off."""
        if self.phase not in ("new", "left"):
            self._refusals.refused(quoted, now)
            self._settle(now)

    def wake(self, now: int) -> None:
        """Do what is due by `now`."""
        if self.phase in ("new", "left"):
            return
        if self._timers.next is not None:
            self._membership.health.woken(self._timers.next, now)
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
        """Have everybody take a member for gone that is suspected or has failed, which only it can
        refute, by being there; or one that is listed no more and still expected here. False when
        there is no such member.
        """
        if self.phase != "running":
            return False
        known = self._membership.force_leave(name, now)
        if self._membership.get(name) is None:
            known = self._quorum.expects(name)
        if known:
            self._quorum.forget(name)
        self._settle(now)
        return known

    # Writing; what is read is in `View`.

    def set_tags(self, tags: Mapping[str, str], now: int) -> None:
        """Let the others see these tags and no others from now on. `ValueError` for tags that
        cannot be carried.
        """
        self._tags.set(tags, now)

    def solicit(self, now: int) -> None:
        """Send local writes at once, and ask who holds them; the answers show in `held_by`."""
        self._replication.solicit(now)
        self._settle(now)

    def statistics(self) -> Statistics:
        """What went over the wire so far."""
        return Statistics(
            datagrams_sent=self._outbox.datagrams,
            bytes_sent=self._outbox.bytes,
            datagrams_received=self._received_datagrams,
            bytes_received=self._received_bytes,
            dropped={reason: self._talk.drops[reason] for reason in sorted(self._talk.drops)},
            name_conflicts=self._membership.conflicts.count,
            members_refused=self._membership.refused,
            accusations_unattributed=self._membership.unattributed,
            users=self.user_counts(),
            measurements_ignored=self._positions.ignored,
        )

    def check(self) -> None:
        """Assert every invariant of this member's state."""
        self._membership.check()
        self._positions.check()
        self._quorum.check()
        if self.phase != "left":  # then nothing waits any more
            self._check_speaking()
        self.store.check()
        timer = self._timers.next
        assert self.phase != "running" or timer is not None, "a running member waits for nothing"

    # What happens by itself.

    def _settle(self, now: int) -> None:
        """After every call: take up what was written, spread what is news, save what changed."""
        if self.phase != "left":
            if self.store.unsent:
                self._replication.gather(now)
            if self._membership.rumors.waiting:
                self._spreading.begin(now)
            if self._membership.tags.lacking:
                self._tags.fetch(now)
            if self._quorum.stale:
                self._quorum.look(now)
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
        self._quorum.heard(event.member)
        self._noticed(event)
        if isinstance(event, MemberJoined | MemberUpdated | MemberRecovered):
            self._records.remember(event.member)
        elif isinstance(event, MemberLeft):
            self._records.forget(event.member.name)
        if isinstance(event, MemberJoined | MemberFailed | MemberLeft):
            self._let_go(event.member.name)

    def _let_go(self, name: str) -> None:
        """A member is gone, or is a new boot: nothing that it said before counts any more."""
        self._replication.forget(name)
        self._comparison.forget(name)
        self._positions.forget(name)
        self._prober.forget(name)

    def _forget(self, name: str) -> None:
        """A member is listed no more. What came from it since it went has to go as well."""
        self._let_go(name)
        self._records.forget(name)
