"""What members say to each other: typed, and validated before anything behind the codec sees it.

A datagram's plain bytes are one msgpack array `[sender, epoch, frame, frame, …]`; a frame is an
array of a kind and the fields of the message in order. Any mixture of frames may share a datagram.
The whole datagram counts or none of it: one malformed frame and it is dropped.

`docs/wire.md` has the table of kinds; a kind's number is never used again for something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from operator import call
from typing import Any, NamedTuple

import msgpack

from .channel import Dropped
from .coordinates import Coordinate
from .identity import KEY_BYTES, SIGNATURE_BYTES, is_genuine
from .member import MAX_TAGS, Address, Claim, State, is_name, tags_fit
from .user_messages import USER_KINDS, UserMessage

HASH_BYTES = 8
"""The size of the hashes that ride on probes."""

BUCKETS = 64
"""Into how many parts a table of members is hashed, to find where two tables differ."""

U32 = 2**32 - 1
U64 = 2**64 - 1

HOSTS = 16384
"""How many hosts, and claims, are kept converted: about twice as many as there can be members."""


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

Field = Callable[[Any], Any]
"""Validates one field and gives it back in its type; raises `ValueError` when it is not."""


def _integer(limit: int) -> Field:
    def field(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= limit:
            raise ValueError
        return value

    return field


def _hash(value: Any) -> bytes:
    if type(value) is not bytes or len(value) != HASH_BYTES:
        raise ValueError
    return value


def _bytes(value: Any) -> bytes:
    if type(value) is not bytes:
        raise ValueError
    return value


def _name(value: Any) -> str:
    if type(value) is not str or not _names_somebody(value):
        raise ValueError
    return value


_names_somebody = lru_cache(HOSTS)(is_name)


def _accuser(value: Any) -> str:
    return "" if value == "" else _name(value)


def _tuple_of(item: Field, limit: int) -> Field:
    def field(value: Any) -> tuple[Any, ...]:
        if type(value) is not tuple or len(value) > limit:
            raise ValueError
        return tuple([item(part) for part in value])

    return field


def _host(value: Any) -> str:
    if type(value) is not bytes or len(value) not in (4, 16):
        raise ValueError
    return _unpacked(value)


@lru_cache(HOSTS)
def _unpacked(host: bytes) -> str:
    return str(ip_address(host))


@lru_cache(HOSTS)
def _packed(host: str) -> bytes:
    return ip_address(host).packed


def _tag(value: Any) -> tuple[str, str]:
    if type(value) is not tuple or len(value) != 2 or not all(type(part) is str for part in value):
        raise ValueError
    return value[0], value[1]


_epoch = _integer(U64)
_tags = _tuple_of(_tag, MAX_TAGS)
_CLAIM_TYPES = (int, str, bytes, bytes, int, int, int, tuple, bytes, str, bool, bytes)


def _claim(value: Any) -> Claim:
    if type(value) is not tuple or tuple(map(type, value)) != _CLAIM_TYPES:
        raise ValueError  # here, because True and 1 are one to the memory of what follows
    return _decoded_claim(value)


@lru_cache(HOSTS)
def _decoded_claim(value: Any) -> Claim:
    """The same claim comes many times, and to many members of one simulation: it is one object."""
    state, name, key, host, port, epoch, incarnation, tags, *said = value
    signature, accuser, refused, proof = said
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise ValueError
    if len(proof) != (SIGNATURE_BYTES if accuser else 0):
        raise ValueError
    if refused and not accuser:
        raise ValueError
    if State(state) is not State.LEFT and bool(accuser) != (State(state) is not State.ALIVE):
        raise ValueError
    tags = tags if tags == () else _tags(tags)
    if not tags_fit(tags):
        raise ValueError
    address = Address(_host(host), _port(port))
    claim = Claim(
        State(state), _name(name), key, address, _epoch(epoch), _epoch(incarnation), tags,
        signature, _accuser(accuser), refused, proof,
    )  # fmt: skip
    if not is_genuine(claim):
        raise Dropped("forged")
    return claim


def _port(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 65535:
        raise ValueError
    return value


def _coordinate(value: Any) -> Coordinate:
    if type(value) is not bytes:
        raise ValueError
    return Coordinate.unpacked(value)


def _ip(value: Any) -> str:
    if type(value) is not str or str(ip_address(value)) != value:
        raise ValueError
    return value


_claims = _tuple_of(_claim, 64)

KINDS: dict[int, tuple[type[Any], tuple[Field, ...]]] = {
    1: (Probe, (_integer(U64), _name, _hash, _hash, _integer(U32))),
    2: (Ack, (_integer(U64), _hash, _hash)),
    3: (ProbeRequest, (_integer(U64), _name, _integer(U64))),
    4: (Claims, (_claims,)),
    5: (Join, (_claim, _integer(U64))),
    6: (Buckets, (_tuple_of(_hash, BUCKETS),)),
    7: (Table, (_claims, _integer(U64))),
    8: (Pull, (_integer(U64), _integer(256), _bytes)),
    9: (Delta, (_integer(U64), _integer(2), _bytes)),
    10: (Piece, (_integer(U64), _integer(MAX_PIECES - 1), _integer(MAX_PIECES), _bytes)),
    11: (Want, (_integer(U64), _tuple_of(_integer(MAX_PIECES - 1), MAX_PIECES))),
    12: (Nack, (_integer(U64), _integer(1), _bytes)),
    13: (Seen, (_ip, _port)),
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


@lru_cache(HOSTS)
def encode_claim(claim: Claim) -> bytes:
    """One claim, to be put into a frame."""
    fields = (
        int(claim.state), claim.name, claim.key, _packed(claim.address.host),
        claim.address.port, claim.epoch, claim.incarnation, claim.tags, claim.signature,
        claim.accuser, claim.refused, claim.proof,
    )  # fmt: skip
    data: bytes = msgpack.packb(fields)
    return data


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


def _probe(frame: Any) -> Probe:
    _, sequence, target, data, table, turn = frame
    if type(sequence) is not int or sequence < 0 or type(data) is not bytes:
        raise ValueError
    if type(table) is not bytes or not len(data) == len(table) == HASH_BYTES:
        raise ValueError
    if type(turn) is not int or not 0 <= turn <= U32:
        raise ValueError
    return Probe(sequence, _name(target), data, table, turn)


def _ack(frame: Any) -> Ack:
    _, sequence, data, table = frame
    if type(sequence) is not int or sequence < 0 or type(data) is not bytes:
        raise ValueError
    if type(table) is not bytes or not len(data) == len(table) == HASH_BYTES:
        raise ValueError
    return Ack(sequence, data, table)


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


def decode_datagram(plain: bytes) -> tuple[str, int, list[Message]]:
    """Sender, its epoch and the messages of a datagram; `Dropped` when anything in it is
    malformed.
    """
    try:
        sender, epoch, *frames = msgpack.unpackb(plain, use_list=False, strict_map_key=True)
        if type(sender) is not str or not _names_somebody(sender):
            raise ValueError
        if type(epoch) is not int or epoch < 0:
            raise ValueError
        return sender, epoch, [decode_frame(frame) for frame in frames]
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise Dropped("malformed") from None


def decode_parcel(data: bytes) -> Message:
    """The message of a reassembled parcel; `Dropped` when it is malformed."""
    try:
        return decode_frame(msgpack.unpackb(data, use_list=False, strict_map_key=True))
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        raise Dropped("malformed") from None
