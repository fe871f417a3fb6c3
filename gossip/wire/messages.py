"""What members say to each other: typed, and validated before anything behind the codec sees it.

A datagram's plain bytes are one msgpack array `[sender, epoch, frame, frame, …]`; a frame is an
array of a kind and the fields of the message in order. Any mixture of frames may share a datagram.
The whole datagram counts or none of it: one malformed frame and it is dropped.

`docs/wire.md` has the table of kinds; a kind's number is never used again for something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address
from operator import call
from typing import Any, NamedTuple

import msgpack

from gossip.coordinates import Coordinate
from gossip.member import MAX_TAGS, TAGS_HASH_BYTES, Claim, TagPairs, tags_fit

from .channel import Dropped
from .claims import claim, port
from .fields import U32, Field, blob, blob_of, integer, name, names_somebody, pair, tuple_of, u64
from .user_messages import USER_KINDS, UserMessage

HASH_BYTES = 8
"""The size of the hashes that ride on probes."""

NOT_TO_BE_DONE = 0
"""The number of a request to probe by which nothing is probed; no other request has it."""

BUCKETS = 64
"""Into how many parts a table of members is hashed, to find where two tables differ."""


class Probe(NamedTuple):
    """Are you there? To be answered with an `Ack` at once, if the receiver is `target`."""

    sequence: int
    target: str
    data: bytes
    """The hash of what the sender has seen of the data."""
    table: bytes
    """The hash of the sender's table of members."""
    round: int
    """The greatest number of a round of probes that the sender knows of."""


class Ack(NamedTuple):
    """I am there; or, from a relay: the member you asked me to probe is there."""

    sequence: int
    data: bytes
    table: bytes


class ProbeRequest(NamedTuple):
    """Please probe `target` for me and pass on its answer, or say that there was none."""

    sequence: int
    """`NOT_TO_BE_DONE`: only tell what is better known of the target, if anything."""
    target: str
    epoch: int
    """The boot of the target that is meant."""


class Nack(NamedTuple):
    """From a relay: the member you asked me to probe does not answer."""

    sequence: int
    refused: int
    """1 when its host said that nobody is there."""
    proof: bytes
    """The relay's signature under its accusation of the member, as it knows it."""


class Claims(NamedTuple):
    """News about members."""

    claims: tuple[Claim, ...]


class Join(NamedTuple):
    """Here I am; tell me who is there. To be answered with a `Table`."""

    claim: Claim
    call: int
    """A number that the answer repeats."""


class Buckets(NamedTuple):
    """The hashes of the parts of my table; tell me about those where yours differ."""

    hashes: tuple[bytes, ...]


class Table(NamedTuple):
    """A part of what the sender believes of members: hearsay, weaker than news."""

    claims: tuple[Claim, ...]
    call: int
    """The number of the `Join` that this answers, or 0."""


class Seen(NamedTuple):
    """Your datagrams come from this address, which is not the one that you tell of yourself."""

    host: str
    port: int


class TagsWanted(NamedTuple):
    """Tell me the tags of this member that have this hash."""

    name: str
    hash: bytes


class TagsOf(NamedTuple):
    """What tags of a member are that have no room in its claim."""

    name: str
    tags: TagPairs


class Pull(NamedTuple):
    """This is what I have seen; send me what I miss, in at most `window` datagrams."""

    session: int
    window: int
    context: bytes


class Delta(NamedTuple):
    """Keys as they are now, with the events they close; session 0 is a push, others answer a
    `Pull`.
    """

    session: int
    end: int
    """Of an answer: 0, or 1 in its last datagram, or 2 there when there is more to pull."""
    fragment: bytes


class Piece(NamedTuple):
    """A part of a frame that is too large for a datagram."""

    parcel: int
    place: int
    total: int
    data: bytes


class Want(NamedTuple):
    """Pieces of a parcel to be sent (again)."""

    parcel: int
    places: tuple[int, ...]


class Position(NamedTuple):
    """Where the sender is in the space of round trips; rides on an answer now and then."""

    coordinate: Coordinate


Message = (
    Probe
    | Ack
    | ProbeRequest
    | Nack
    | Claims
    | Join
    | Buckets
    | Table
    | Seen
    | TagsWanted
    | TagsOf
    | Pull
    | Delta
    | Piece
    | Want
    | Position
    | UserMessage
)

MAX_PIECES = 16384
"""The largest parcel, in pieces; chosen by us: some 17 MiB, for a key travels whole, with as many
concurrent values of the largest size as there may be writers.
"""


def _tags(value: Any) -> TagPairs:
    tags: TagPairs = _pairs(value)
    if not tags_fit(tags):
        raise ValueError
    return tags


def _coordinate(value: Any) -> Coordinate:
    if type(value) is not bytes:
        raise ValueError
    return Coordinate.unpacked(value)


def _ip(value: Any) -> str:
    if type(value) is not str or str(ip_address(value)) != value or "%" in value:
        raise ValueError  # a zone means something on one machine only, and no claim carries it
    return value


_hash = blob_of(HASH_BYTES)
_pairs = tuple_of(pair, MAX_TAGS)
_claims = tuple_of(claim, 64)

KINDS: dict[int, tuple[type[Any], tuple[Field, ...]]] = {
    1: (Probe, (u64, name, _hash, _hash, integer(U32))),
    2: (Ack, (u64, _hash, _hash)),
    3: (ProbeRequest, (u64, name, u64)),
    4: (Claims, (_claims,)),
    5: (Join, (claim, u64)),
    6: (Buckets, (tuple_of(_hash, BUCKETS),)),
    7: (Table, (_claims, u64)),
    8: (Pull, (u64, integer(256), blob)),
    9: (Delta, (u64, integer(2), blob)),
    10: (Piece, (u64, integer(MAX_PIECES - 1), integer(MAX_PIECES), blob)),
    11: (Want, (u64, tuple_of(integer(MAX_PIECES - 1), MAX_PIECES))),
    12: (Nack, (u64, integer(1), blob)),
    13: (Seen, (_ip, port)),
    14: (TagsWanted, (name, blob_of(TAGS_HASH_BYTES))),
    15: (TagsOf, (name, _tags)),
    30: (Position, (_coordinate,)),
    **USER_KINDS,
}

_NUMBERS = {message: kind for kind, (message, _) in KINDS.items()}


def encode(message: Message) -> bytes:
    """The frame of a message; those that hold claims are encoded by `encode_claims` and
    `encode_join`.
    """
    data: bytes = _pack((_NUMBERS[type(message)], *message))
    return data


_pack = msgpack.Packer().pack


def encode_position(coordinate: Coordinate) -> bytes:
    """The frame of a `Position`."""
    data: bytes = _pack((_NUMBERS[Position], coordinate.packed()))
    return data


def encode_claims(claims: list[bytes]) -> bytes:
    """The frame of `Claims` around encoded claims."""
    return bytes([0x92, _NUMBERS[Claims], 0xDC, 0, len(claims)]) + b"".join(claims)


def encode_table(claims: list[bytes], call: int) -> bytes:
    """The frame of `Table` around encoded claims."""
    head = bytes([0x93, _NUMBERS[Table], 0xDC, 0, len(claims)])
    return head + b"".join(claims) + _pack(call)


def encode_join(claim: bytes, call: int) -> bytes:
    """The frame of `Join` around an encoded claim."""
    return bytes([0x93, _NUMBERS[Join]]) + claim + _pack(call)


def encode_datagram(sender: bytes, frames: Sequence[bytes]) -> bytes:
    """The plain bytes of a datagram; `sender` is `encode_sender`'s."""
    return b"".join((_HEADS[len(frames)], sender, *frames))


_HEADS = [bytes([0xDC, 0, 2 + frames]) for frames in range(254)]
"""The beginning of a datagram, by the number of its frames."""


def encode_sender(name: str, epoch: int) -> bytes:
    """The first two items of every datagram of a member."""
    head: bytes = msgpack.packb(name) + msgpack.packb(epoch)
    return head


# A named tuple's own constructor is a call in Python around this one.
_new_probe: Callable[[Any], Probe] = partial(tuple.__new__, Probe)
_new_ack: Callable[[Any], Ack] = partial(tuple.__new__, Ack)


def _probe(frame: Any) -> Probe:
    _, sequence, target, data, table, turn = frame
    if type(sequence) is not int or sequence < 0 or type(data) is not bytes:
        raise ValueError
    if type(table) is not bytes or not len(data) == len(table) == HASH_BYTES:
        raise ValueError
    if type(turn) is not int or not 0 <= turn <= U32:
        raise ValueError
    if type(target) is not str or not names_somebody(target):
        raise ValueError
    return _new_probe(frame[1:])


def _ack(frame: Any) -> Ack:
    _, sequence, data, table = frame
    if type(sequence) is not int or sequence < 0 or type(data) is not bytes:
        raise ValueError
    if type(table) is not bytes or not len(data) == len(table) == HASH_BYTES:
        raise ValueError
    return _new_ack(frame[1:])


_OFTEN: dict[int, Callable[[Any], Message]] = {1: _probe, 2: _ack}
"""Nearly all that there is on a quiet day: what `KINDS` says of these, in one step instead of six.
"""


def decode_frame(frame: Any) -> Message:
    """The message of one unpacked frame; `ValueError` when it is malformed."""
    if type(frame) is not tuple or not frame or type(frame[0]) is not int:
        raise ValueError
    if frame[0] in _OFTEN:
        return _OFTEN[frame[0]](frame)
    if frame[0] not in KINDS:
        raise ValueError
    kind, fields = KINDS[frame[0]]
    if len(frame) != len(fields) + 1:
        raise ValueError
    message: Message = kind(*map(call, fields, frame[1:]))
    return message


def _no_map(_: Any) -> Any:
    raise ValueError


_unpack: Callable[[bytes], Any] = partial(
    msgpack.unpackb, use_list=False, object_pairs_hook=_no_map
)
"""What is packed in these bytes. No message has a map in it, and a parcel of nothing but empty ones
would take eighty times its size.
"""


def decode_datagram(plain: bytes) -> tuple[str, int, list[Message]]:
    """Sender, its epoch and the messages of a datagram; `Dropped` when anything in it is
    malformed.
    """
    try:
        sender, epoch, *frames = _unpack(plain)
        if type(sender) is not str or not names_somebody(sender):
            raise ValueError
        if type(epoch) is not int or epoch < 0:
            raise ValueError
        return sender, epoch, list(map(decode_frame, frames))
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise Dropped("malformed") from None


def decode_parcel(data: bytes) -> Message:
    """The message of a reassembled parcel; `Dropped` when it is malformed."""
    try:
        return decode_frame(_unpack(data))
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise Dropped("malformed") from None
