"""What members say to each other: each message goes to the machine whose business it is.

The answers to probes are given here, and the probes put together, because both carry the hashes of
what this member has seen: so two members that talk at all notice whether they differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from .data.parcels import Parcels
from .data.replication import Replication
from .farewell import Farewell
from .member import ALIVE, LEFT, Address, Claim
from .members.comparison import Comparison
from .members.membership import MAX_MEMBERS, Membership
from .members.reconnect import Reconnect
from .members.roaming import Roaming
from .members.tags import Tags
from .outbox import Outbox
from .probing.positions import Positions
from .probing.prober import Prober
from .probing.refusals import Refusals
from .rates import Rates
from .timers import Timers
from .timing import Timing
from .wire.channel import Dropped
from .wire.claims import encode_claim
from .wire.messages import (
    Ack,
    Buckets,
    Claims,
    Delta,
    Join,
    Message,
    Nack,
    Piece,
    Position,
    Probe,
    ProbeRequest,
    Pull,
    Seen,
    Table,
    TagsOf,
    TagsWanted,
    Want,
    decode_parcel,
    encode,
    encode_claims,
)
from .wire.user_messages import UserMessage

_UNDISPUTED = (ALIVE, LEFT)
"""Whoever speaks and is believed to be this need not be told of it."""


_COSTLY = frozenset({Join, Buckets, ProbeRequest, TagsWanted})
"""What makes us send more than it cost to ask for."""

INTRODUCING_MAX = MAX_MEMBERS
"""How many strangers we speak to in a gossip interval (our choice): whoever has the secret can call
himself by a million names in one.
"""


class Talk:
    """Takes in messages, and sends probes."""

    prober: Prober
    parcels: Parcels
    farewell: Farewell
    refusals: Refusals
    users: Callable[[UserMessage, str, int, int], None]
    """Is told what is for users, of whom, in which boot, and when."""
    latest: Callable[[], bytes | None]
    """Gives what an answer is to tell of users' events, or mostly nothing."""

    def __init__(
        self,
        *,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        outbox: Outbox,
        replication: Replication,
        comparison: Comparison,
        reconnect: Reconnect,
        roaming: Roaming,
        positions: Positions,
        tags: Tags,
    ) -> None:
        self.drops: Counter[str] = Counter()
        """What was not taken in, by reason."""
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._outbox = outbox
        self._replication = replication
        self._comparison = comparison
        self._reconnect = reconnect
        self._roaming = roaming
        self._positions = positions
        self._tags = tags
        self._rates = Rates()
        self._epoch = 0  # of the sender of what is being taken in
        self._introducing = 0

    # What comes in.

    def take(
        self, sender: str, epoch: int, messages: Sequence[Message], source: Address, now: int
    ) -> None:
        """Take in what came in one datagram."""
        me = self._membership.me
        if sender == me.name:
            if epoch != me.epoch:  # else we called ourselves
                self._membership.conflicts.rival(source, now)
            raise Dropped("own name")
        self._epoch = epoch
        known = self._membership.get(sender)
        if known is not None and known.key == me.key and known.epoch == epoch:
            # A copy of our data directory runs under another name. That its boot speaks shows that
            # it is there: the mere claim may be our own past, before we were renamed.
            self._membership.conflicts.rival(source, now)
        if known is None or known.epoch != epoch or known.state not in _UNDISPUTED:
            self._introduce(known, sender, epoch, source, now)
        for message in messages:
            if type(message) in _COSTLY:
                self._limit(sender, now)
        for message in messages:
            self._handle(message, sender, source, now)

    def _limit(self, sender: str, now: int) -> None:
        if not self._rates.allow(sender, now):
            raise Dropped("rate")

    def _introduce(
        self, known: Claim | None, sender: str, epoch: int, source: Address, now: int
    ) -> None:
        """Somebody spoke whom we do not know, or of whom we believe that he is not there: let him
        know, so he can tell us more.
        """
        key = ("introduce", sender)
        if key in self._timers or self._membership.me.state is LEFT:
            return
        if self._introducing >= INTRODUCING_MAX:
            return
        newer = known is not None and known.epoch < epoch
        pause = self._timing.probe_interval if newer else self._timing.gossip_interval
        self._introducing += 1
        self._timers.set(key, now + pause, self._introduced)
        if known is not None and known.epoch == epoch:
            self._roaming.tell(source, known)
        elif known is None or newer:
            self._reconnect.call(source)

    def _introduced(self, _: int) -> None:
        self._introducing -= 1

    def _handle(self, message: Message, sender: str, source: Address, now: int) -> None:
        match message:
            case Probe():
                self._probed(message, sender, source, now)
            case Ack():
                self._acknowledged(message, sender, source, now)
            case ProbeRequest():
                self.prober.relay(message, source, now)
            case Nack():
                self.prober.silent(message, sender, now)
            case Claims():
                for claim in message.claims:
                    self._membership.apply(claim, now)
            case Table():
                self._reconnect.answered(message.call, sender)
                for claim in message.claims:
                    self._membership.apply(claim, now, hearsay=claim.name != sender)
            case Join():
                self._membership.apply(message.claim, now)
                # To an address that it does not tell of itself, no more than it may have been asked
                # for: an old call, sent again, must not aim us at a stranger.
                whole = source == message.claim.address
                self._comparison.tell_all(source, message.call, whole=whole)
            case Buckets():
                known = self._membership.get(sender)
                whole = known is not None and source == known.address
                self._comparison.answer(message, source, whole=whole)
            case Seen():
                self._roaming.seen(Address(message.host, message.port), sender, now)
            case TagsWanted():
                self._tags.wanted(message, sender)
            case TagsOf():
                self._membership.tags_came(message.name, message.tags)
            case Pull():
                known = self._membership.get(sender)
                # An old datagram, sent again, must not aim us at a stranger.
                if known is not None and known.epoch == self._epoch:
                    asked = (message, sender, self._epoch, known.address, now)
                    if not self._replication.answer(*asked):
                        self.drops["stale"] += 1
            case Delta():
                self._replication.receive(message, sender, self._epoch, now)
            case Piece():
                self.parcels.arrived(message, sender, source, now)
            case Want():
                self.parcels.wanted(message)
            case Position():
                self._positions.heard(message, sender)
            case _:
                self.users(message, sender, self._epoch, now)

    def unwrap(self, sender: str, source: Address, frame: bytes, now: int) -> None:
        """A parcel is whole."""
        message = decode_parcel(frame)
        if isinstance(message, Piece | Want):
            raise Dropped("malformed")
        if type(message) in _COSTLY:
            self._limit(sender, now)
        self._handle(message, sender, source, now)

    def _probed(self, probe: Probe, sender: str, source: Address, now: int) -> None:
        if probe.target != self._membership.me.name:
            self.drops["not for us"] += 1
            return
        self.prober.turns.heard(probe.round)
        ack = Ack(probe.sequence, *self._hashes())
        before: list[bytes] = []
        position = self._positions.riding(sender)
        if position is not None:  # before the answer, for with that a round trip is measured
            before.append(position)
        latest = self.latest()
        if latest is not None:
            before.append(latest)
        me = self._membership.me
        if me.state is LEFT:  # also before it: it is no answer to the goodbye of another
            before.append(encode_claims([encode_claim(me)]))
        self._outbox.send_message(source, ack, *before)
        self._compare(sender, probe.data, probe.table, source, now)

    def _acknowledged(self, ack: Ack, sender: str, source: Address, now: int) -> None:
        asked_by = self.prober.acknowledged(ack.sequence, sender, self._epoch, now)
        if asked_by is not None:
            origin, sequence = asked_by
            self._outbox.send_message(origin, Ack(sequence, *self._hashes()))
        self._compare(sender, ack.data, ack.table, source, now)
        self.farewell.answered(ack.sequence, now)

    def _compare(self, sender: str, data: bytes, table: bytes, source: Address, now: int) -> None:
        """A member told the hashes of what it knows: if ours differ, find out what we miss."""
        if self._membership.get(sender) is None:
            return  # what is kept of others is bounded by the table of members
        if data != self._replication.hash():
            self._replication.differs(sender, now)
        self._comparison.heard(sender, data, table, source, now)

    # What goes out.

    def _hashes(self) -> tuple[bytes, bytes]:
        return self._replication.hash(), self._membership.digest

    def send_probe(self, sequence: int, target: Claim, *frames: bytes) -> None:
        """Send a probe with this number, and more frames."""
        probe = encode(Probe(sequence, target.name, *self._hashes(), self.prober.turns.round))
        if target.state is not ALIVE:  # a suspect is the first to hear; its answer refutes
            frames = (encode_claims([encode_claim(target)]), *frames)
        datagram = self._outbox.send(target.address, *frames, probe)
        self.refusals.probed(datagram, sequence, target.name)

    def send_about(self, destination: Address, about: Claim, message: Message) -> None:
        """Send a message beside what is believed of a member."""
        claims = encode_claims([encode_claim(about)])
        self._outbox.send(destination, claims, encode(message))

    def probe(self, target: Claim, *frames: bytes) -> int:
        """Send a probe with more frames; its number."""
        sequence = self.prober.next_sequence()
        self.send_probe(sequence, target, *frames)
        return sequence
