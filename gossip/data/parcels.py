"""Frames that are larger than a datagram: cut into pieces, and fetched piece by piece.

The sender sends the first pieces; the receiver asks for the others, a window at a time, and again
for those that got lost. So the receiver sets the pace, loss costs one round trip instead of the
whole parcel, and order does not matter. Everything is bounded: a parcel nobody asks for is
forgotten, and so is one whose pieces stop coming.

One small question brings a whole window of pieces, and an old question can be sent again by anybody
who saw it, from any address. So pieces go to nobody but whom the parcel was sent to, and no more of
them than loss explains.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from gossip.member import Address
from gossip.timers import Timers
from gossip.wire.messages import MAX_PIECES, Message, Piece, Want

WINDOW = 32
"""Pieces under way at once; chosen by us to fit the default receive buffer of a socket."""

MAX_PARCELS = 256
"""Parcels that are kept for those who ask; as many are being received, and remembered as done."""

MAX_ARRIVING_BYTES = 64 * 1024 * 1024
"""How much may be here of parcels that are not whole: our choice, three of the largest. Beyond that
the one that began first gives way, and is asked for anew."""

MAX_KEPT_BYTES = 8 * 1024 * 1024
"""How much is kept of parcels, beside the newest: who comes too late asks for all of it anew."""

MAX_TRIES = 8
"""How often missing pieces are asked for without any progress."""

TIMES = 1 + MAX_TRIES
"""How often the pieces of a parcel are sent, on average; what is asked for more often is forgotten:
our choice, far more than any loss needs under which a parcel arrives at all."""


@dataclass(slots=True)
class Kept:
    """A parcel that was sent."""

    destination: Address
    parts: list[bytes]
    left: int
    """How many more pieces may be sent."""


@dataclass(slots=True)
class Arriving:
    """A parcel of which some pieces are here."""

    sender: str
    total: int
    outstanding: int
    tries: int = 0
    size: int = 0
    """Bytes of the pieces that are here."""
    parts: dict[int, bytes] = field(default_factory=dict)

    def missing(self) -> tuple[int, ...]:
        """The next window of pieces that are not here."""
        absent = (place for place in range(self.total) if place not in self.parts)
        return tuple(place for place, _ in zip(absent, range(WINDOW), strict=False))


class Parcels:
    """Sends and receives parcels; `deliver(sender, source, frame, now)` gets those that are
    whole.
    """

    def __init__(
        self,
        *,
        timers: Timers,
        first: int,
        patience: int,
        piece_bytes: int,
        send: Callable[[Address, Message], None],
        deliver: Callable[[str, Address, bytes, int], None],
    ) -> None:
        """`first` numbers the first parcel; a random number, or the pieces of two boots of a sender
        could be put together.
        """
        self._timers = timers
        self._patience = patience
        self._piece_bytes = piece_bytes
        self._send = send
        self._deliver = deliver
        self._number = first
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._kept_bytes = 0
        self._arriving: OrderedDict[tuple[Address, int], Arriving] = OrderedDict()
        self._arriving_bytes = 0
        self._done: OrderedDict[tuple[Address, int], None] = OrderedDict()

    def ship(self, destination: Address, frame: bytes) -> None:
        """Send a frame in pieces."""
        size = self._piece_bytes
        parts = [frame[at : at + size] for at in range(0, len(frame), size)]
        assert len(parts) <= MAX_PIECES, (
            f"a frame of {len(frame)} bytes should never have been made"
        )
        self._number += 1
        kept = self._kept[self._number] = Kept(destination, parts, TIMES * len(parts))
        self._kept_bytes += len(frame)
        while len(self._kept) > MAX_PARCELS or (
            len(self._kept) > 1 and self._kept_bytes > MAX_KEPT_BYTES
        ):
            self._forget(next(iter(self._kept)))
        for place in range(min(WINDOW, len(parts))):
            self._send_piece(self._number, kept, place)

    def wanted(self, want: Want) -> None:
        """Somebody lacks pieces: whoever asks, they go where the parcel went."""
        kept = self._kept.get(want.parcel)
        if kept is None:
            return
        for place in want.places[:WINDOW]:
            if place < len(kept.parts) and kept.left:
                self._send_piece(want.parcel, kept, place)
        if not kept.left:
            self._forget(want.parcel)

    def _send_piece(self, number: int, kept: Kept, place: int) -> None:
        kept.left -= 1
        self._send(kept.destination, Piece(number, place, len(kept.parts), kept.parts[place]))

    def _forget(self, number: int) -> None:
        self._kept_bytes -= sum(map(len, self._kept.pop(number).parts))

    def arrived(self, piece: Piece, sender: str, source: Address, now: int) -> None:
        """A piece came."""
        key = (source, piece.parcel)
        parcel = self._arriving.get(key)
        if parcel is None:
            if key in self._done or not 0 <= piece.place < piece.total:
                return  # a late copy must not begin the whole parcel again
            parcel = Arriving(sender, piece.total, min(WINDOW, piece.total))
            self._arriving[key] = parcel
            if len(self._arriving) > MAX_PARCELS:
                self._drop(next(iter(self._arriving)))
        if piece.total != parcel.total or piece.place >= piece.total or piece.place in parcel.parts:
            return
        parcel.parts[piece.place] = piece.data
        parcel.size += len(piece.data)
        self._arriving_bytes += len(piece.data)
        while self._arriving_bytes > MAX_ARRIVING_BYTES:
            oldest = next((old for old in self._arriving if old != key), key)
            self._drop(oldest)
            if oldest == key:
                return
        parcel.tries = 0
        parcel.outstanding -= 1
        if len(parcel.parts) == parcel.total:
            self._drop(key)
            self._done[key] = None
            if len(self._done) > MAX_PARCELS:
                self._done.popitem(last=False)
            frame = b"".join(parcel.parts[place] for place in range(parcel.total))
            self._deliver(sender, source, frame, now)
        elif parcel.outstanding <= 0:
            self._ask(key, now)
        else:
            self._timers.set(
                ("parcel", *key), now + self._patience, lambda now: self._retry(key, now)
            )

    def _retry(self, key: tuple[Address, int], now: int) -> None:
        parcel = self._arriving[key]
        parcel.tries += 1
        if parcel.tries > MAX_TRIES:
            self._drop(key)
        else:
            self._ask(key, now)

    def _ask(self, key: tuple[Address, int], now: int) -> None:
        parcel = self._arriving[key]
        missing = parcel.missing()
        parcel.outstanding = len(missing)
        self._send(key[0], Want(key[1], missing))
        self._timers.set(("parcel", *key), now + self._patience, lambda now: self._retry(key, now))

    def _drop(self, key: tuple[Address, int]) -> None:
        self._arriving_bytes -= self._arriving.pop(key).size
        self._timers.stop(("parcel", *key))
