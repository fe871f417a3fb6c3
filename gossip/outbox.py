"""What goes out: frames packed into sealed datagrams, with as much news beside them as fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .effects import Effect, transmit
from .member import Address, Claim
from .members.membership import Membership
from .timing import Timing
from .users.backlog import Backlog
from .wire.channel import MAX_PLAIN, Channel
from .wire.claims import encode_claim
from .wire.messages import (
    Message,
    encode,
    encode_claims,
    encode_datagram,
    encode_sender,
    encode_table,
)

ARRAY_BYTES = 3
"""What stands around all frames of a datagram."""

CLAIMS_BYTES = 5
"""What stands around the claims of a frame."""

TABLE_BYTES = CLAIMS_BYTES + 9
"""The same for those of a table, with the number of a call."""

TABLE_CLAIMS = 64
"""The most claims in one frame."""

EVENTS_SHARE = 3
"""In one datagram out of so many, events go before news of members; chosen by us: detection and
refutation matter more, and an event has its own first datagrams besides.
"""

FRAME_BYTES = 24
"""What stands around a fragment or a piece in its frame, at most."""


class Outbox:
    """Turns frames into `Transmit` effects; `ship` takes the frames that are too large for a
    datagram.
    """

    def __init__(self, channel: Channel, membership: Membership, timing: Timing) -> None:
        self._channel = channel
        self._membership = membership
        self._timing = timing
        self._sender = (-1, b"")
        self.ship: Callable[[Address, bytes], None]
        self.backlog = Backlog()
        """Events of users, which ride along as rumors do."""
        self._turn = 0
        self.effects: list[Effect] = []
        self.datagrams = 0
        self.bytes = 0

    @property
    def room(self) -> int:
        """How large a fragment or a piece can be to fit into one datagram."""
        return MAX_PLAIN - ARRAY_BYTES - len(self._header()) - FRAME_BYTES

    def send(self, destination: Address, *frames: bytes) -> bytes:
        """Pack, seal and transmit frames, and as much news as fits beside them.

        The datagram that carries the last frame; none of its bytes, when it goes in pieces.
        """
        membership = self._membership
        if self._sender[0] != membership.me.epoch:
            self._header()
        sender = self._sender[1]
        room = MAX_PLAIN - ARRAY_BYTES - len(sender) - sum(map(len, frames))
        if room < 0:
            return self._send_apart(destination, *frames)
        if membership.rumors.waiting or self.backlog.frames:
            frames = (*frames, *self._beside(room))
        datagram = self._channel.seal(encode_datagram(sender, frames))
        self.datagrams += 1
        self.bytes += len(datagram)
        self.effects.append(transmit((datagram, destination)))
        return datagram

    def _beside(self, room: int) -> list[bytes]:
        """News of members and events of users, as much as fits.

        Neither can starve the other: events have the first choice in every third datagram, and what
        one leaves of the room is the other's.
        """
        membership = self._membership
        limit = self._timing.retransmits(len(membership))
        self._turn = (self._turn + 1) % EVENTS_SHARE
        frames: list[bytes] = []
        if self._turn == 0:
            frames = self.backlog.take(room, limit)
            room -= sum(map(len, frames))
        claims = membership.rumors.take(room - CLAIMS_BYTES, limit) if membership.rumors else []
        if claims:
            frames.append(encode_claims(claims))
            room -= len(frames[-1])
        if self._turn and self.backlog.frames:
            frames += self.backlog.take(room, limit)
        return frames

    def _send_apart(self, destination: Address, *frames: bytes) -> bytes:
        """What is too large together goes one by one; what is too large alone, in pieces."""
        if len(frames) == 1:
            self.ship(destination, frames[0])
            return b""
        *others, last = frames
        for frame in others:
            self.send(destination, frame)
        return self.send(destination, last)

    def send_message(self, destination: Address, message: Message, *before: bytes) -> None:
        """Send one message, with these frames before it."""
        self.send(destination, *before, encode(message))

    def send_claim(self, destination: Address, claim: Claim) -> None:
        """Tell somebody something about a member."""
        self.send(destination, encode_claims([encode_claim(claim)]))

    def send_table(
        self, destination: Address, claims: Sequence[Claim], limit: int, call: int = 0
    ) -> None:
        """Send claims as hearsay, in at most so many datagrams; at least an empty one. `call` is
        the number of the call that this answers.
        """
        full = MAX_PLAIN - ARRAY_BYTES - TABLE_BYTES - len(self._header())
        batch: list[bytes] = []
        room = full
        for claim in claims:
            encoded = encode_claim(claim)
            if len(encoded) > room or len(batch) == TABLE_CLAIMS:
                self.send(destination, encode_table(batch, call))
                batch, room, limit = [], full, limit - 1
                if limit == 0:
                    return
            batch.append(encoded)
            room -= len(encoded)
        self.send(destination, encode_table(batch, call))

    def _header(self) -> bytes:
        me = self._membership.me
        if self._sender[0] != me.epoch:
            self._sender = (me.epoch, encode_sender(me.name, me.epoch))
        return self._sender[1]
