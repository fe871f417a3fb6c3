"""Every kind of message travels as it is, in a pinned form, and nothing malformed comes through."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip import Address
from gossip.coordinates import DIMENSIONS, ERROR_MAX, HEIGHT_MIN, Coordinate
from gossip.member import MAX_TAGS, RIDING_TAGS, Claim, State
from gossip.wire.channel import MAX_PLAIN, Dropped
from gossip.wire.claims import encode_claim
from gossip.wire.fields import U32, U64
from gossip.wire.messages import (
    BUCKETS,
    KINDS,
    MAX_PIECES,
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
    decode_datagram,
    decode_parcel,
    encode_claims,
    encode_datagram,
    encode_join,
    encode_sender,
    encode_table,
)
from gossip.wire.selection import MAX_WHERE_BYTES, Condition, Where
from gossip.wire.user_messages import (
    MAX_EVENT_BYTES,
    MAX_HEADS,
    MAX_NUMBERS,
    MAX_PAYLOAD,
    MAX_RELAYS,
    MAX_SEQUENCE,
    MAX_TIMEOUT,
    MAX_TOPIC_BYTES,
    Answer,
    Answered,
    Begins,
    Broadcast,
    Heads,
    Lacking,
    Query,
    decode_event,
    encode_user,
)
from tests.gossip.conversation import accused, claim
from tests.gossip.frames import frame

TOO_MANY = MAX_PIECES + 1
HASH, OTHER = b"12345678", b"abcdefgh"
SUE = accused(
    claim("sue", address=Address("10.0.0.7", 7847), incarnation=3, tags=(("role", "web"),)), "bob"
)
ASKED = Query(
    "sue", 10**18, 2, "load", b"\x07", 1500, 1, Where(("bob",), (Condition("role", True, "web*"),))
)

GOLDEN: list[tuple[Message, str]] = [
    (
        Probe(300, "sue", HASH, OTHER, 9),
        ("9601cd012ca3737565c4083132333435363738c408616263646566676809"),
    ),
    (Ack(7, HASH, OTHER), "940207c4083132333435363738c4086162636465666768"),
    (ProbeRequest(8, "sue", 3), "940308a373756503"),
    (
        Claims((SUE,)),
        (
            "9204dc00019d01a3737565c420220eae75ecc87480534c9ae111fa28750c2a721a6a88e4d1a09a24"
            "87f9b14f52c4040a000007cd1ea7cf0de0b6b3a7640000039192a4726f6c65a3776562c400c4403c"
            "79c76d7c1c5db8b1552528ad24ccd1c5634782de8b107d3bd37a0140db50035fc75afd1ab20a4f38"
            "496492514435584047de81f9dea8a576ad7e523f931f0fa3626f62c2c440064fc0d4fc697a29b2ac"
            "d2be00f7fabf4c758977eb511759df18f751a08d505f8b64d055a1e86dbb7528d00ef7e40782b9dd"
            "5bbe70a2590abe12f48ffe50b801"
        ),
    ),
    (
        Join(SUE, 6),
        (
            "93059d01a3737565c420220eae75ecc87480534c9ae111fa28750c2a721a6a88e4d1a09a2487f9b1"
            "4f52c4040a000007cd1ea7cf0de0b6b3a7640000039192a4726f6c65a3776562c400c4403c79c76d"
            "7c1c5db8b1552528ad24ccd1c5634782de8b107d3bd37a0140db50035fc75afd1ab20a4f38496492"
            "514435584047de81f9dea8a576ad7e523f931f0fa3626f62c2c440064fc0d4fc697a29b2acd2be00"
            "f7fabf4c758977eb511759df18f751a08d505f8b64d055a1e86dbb7528d00ef7e40782b9dd5bbe70"
            "a2590abe12f48ffe50b80106"
        ),
    ),
    (Buckets((HASH, OTHER)), "920692c4083132333435363738c4086162636465666768"),
    (Table((), 6), "9307dc000006"),
    (Pull(1, 32, b"context"), "94080120c407636f6e74657874"),
    (Delta(1, 2, b"fragment"), "94090102c408667261676d656e74"),
    (Piece(5, 1, 2, b"data"), "950a050102c40464617461"),
    (Want(5, (0, 1023)), "930b059200cd03ff"),
    (
        Nack(5, 1, bytes(range(64))),
        (
            "940c0501c440000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021"
            "22232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
        ),
    ),
    (Seen("10.0.0.7", 7847), "930da831302e302e302e37cd1ea7"),
    (TagsWanted("sue", HASH * 2), "930ea3737565c41031323334353637383132333435363738"),
    (
        TagsOf("sue", (("role", "web"), ("zone", "a"))),
        "930fa37375659292a4726f6c65a377656292a47a6f6e65a161",
    ),
    (
        Position(Coordinate((0.001, -0.002, *(6 * [0.0])), 0.0005, -0.00025, ERROR_MAX)),
        "921ec4160003e8f83000000000000000000000000001f4ff06ff",
    ),
    (
        Broadcast("sue", 10**18, 1, "deploy", b"\x81\xa1v\x07"),
        ("9614a3737565cf0de0b6b3a764000001a66465706c6f79c40481a17607"),
    ),
    (
        ASKED,
        (
            "9915a3737565cf0de0b6b3a764000002a46c6f6164c40107cd05dc019291a3626f629193a4726f6c"
            "65c3a47765622a"
        ),
    ),
    (Answer("sue", 10**18, 2, "bob", None), "9616a3737565cf0de0b6b3a764000002a3626f62c0"),
    (Answered("sue", 10**18, 2, "bob"), "9517a3737565cf0de0b6b3a764000002a3626f62"),
    (Heads((("sue", 10**18, 2),)), "92189193a3737565cf0de0b6b3a764000002"),
    (Lacking("sue", 10**18, (1, 300)), "9419a3737565cf0de0b6b3a76400009201cd012c"),
    (Begins("sue", 10**18, 5, 3), "951aa3737565cf0de0b6b3a76400000503"),
]


def datagram(*frames: bytes, name: str = "bob", epoch: int = 10**18) -> bytes:
    return encode_datagram(encode_sender(name, epoch), list(frames))


@pytest.mark.parametrize(("message", "golden"), GOLDEN, ids=lambda x: type(x).__name__)
def test_golden_bytes(message: Message, golden: str) -> None:
    """What is on the wire is fixed: other versions are out there."""
    assert frame(message).hex() == golden
    plain = datagram(bytes.fromhex(golden))
    assert plain.hex() == "dc0003" + "a3626f62" + "cf0de0b6b3a7640000" + golden
    assert decode_datagram(plain) == ("bob", 10**18, [message])


def test_every_kind_is_pinned_and_written_down() -> None:
    assert {type(message) for message, _ in GOLDEN} == set(get_args(Message))
    assert {bytes.fromhex(golden)[1] for _, golden in GOLDEN} == set(KINDS)
    page = (Path(__file__).parents[2] / "docs" / "wire.md").read_text("utf-8")
    for number, (kind, _) in KINDS.items():
        assert re.search(rf"\b{number}\b.*\b{kind.__name__}\b", page), f"{kind} is not in wire.md"


u64 = st.integers(0, U64)
hashes = st.binary(min_size=8, max_size=8)
names = st.text("abcé-1", min_size=1, max_size=8)
hosts = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
tags = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=9).map(tuple)
claims = st.builds(
    claim,
    state=st.sampled_from(State),
    name=names,
    address=st.builds(Address, hosts, st.integers(1, 65535)),
    epoch=u64,
    incarnation=u64,
    tags=tags,
    accuser=names,
    refused=st.booleans(),
)
several = st.lists(claims, max_size=5).map(tuple)
places = st.integers(0, MAX_PIECES - 1)
seconds = st.floats(-3.0, 3.0)
coordinates = st.builds(
    Coordinate,
    st.tuples(*[seconds] * DIMENSIONS),
    st.floats(HEIGHT_MIN, 10.0),
    seconds,
    st.floats(0.01, ERROR_MAX),
)  # rounded, as they travel:
positions = coordinates.map(lambda one: Position(Coordinate.unpacked(one.packed())))
numbers = st.integers(1, MAX_SEQUENCE)
topics = st.text("abcé-1", min_size=1, max_size=9)
payloads = st.binary(max_size=40)
selections = st.builds(
    Where,
    st.lists(names, max_size=3).map(tuple),
    st.lists(st.builds(Condition, topics, st.booleans(), topics), max_size=3).map(tuple),
)
origins = (names, u64, numbers)
events = st.one_of(
    st.builds(Broadcast, *origins, topics, payloads),
    st.builds(
        Query, *origins, topics, payloads,
        st.integers(0, MAX_TIMEOUT), st.integers(0, MAX_RELAYS), selections,
    ),
)  # fmt: skip
messages = st.one_of(
    st.builds(Probe, u64, names, hashes, hashes, st.integers(0, U32)),
    st.builds(Ack, u64, hashes, hashes),
    st.builds(ProbeRequest, u64, names, u64),
    st.builds(Claims, several),
    st.builds(Join, claims, u64),
    st.builds(Buckets, st.lists(hashes, max_size=BUCKETS).map(tuple)),
    st.builds(Table, several, u64),
    st.builds(Pull, u64, st.integers(0, 256), st.binary()),
    st.builds(Delta, u64, st.integers(0, 2), st.binary()),
    st.builds(Piece, u64, places, st.integers(0, MAX_PIECES), st.binary()),
    st.builds(Want, u64, st.lists(places, max_size=9).map(tuple)),
    st.builds(Nack, u64, st.integers(0, 1), st.binary(max_size=80)),
    st.builds(Seen, hosts, st.integers(1, 65535)),
    st.builds(TagsWanted, names, st.binary(min_size=16, max_size=16)),
    st.builds(TagsOf, names, tags),
    positions,
    events,
    st.builds(Answer, *origins, names, st.none() | payloads),
    st.builds(Answered, *origins, names),
    st.builds(Heads, st.lists(st.tuples(*origins), max_size=MAX_HEADS).map(tuple)),
    st.builds(Lacking, names, u64, st.lists(numbers, max_size=9).map(tuple)),
    st.builds(Begins, *origins, numbers),
)


@given(names, u64, st.lists(messages, max_size=6))
def test_any_mixture_of_messages_comes_back_as_it_was(
    name: str, epoch: int, mixture: list[Message]
) -> None:
    plain = datagram(*map(frame, mixture), name=name, epoch=epoch)
    assert decode_datagram(plain) == (name, epoch, mixture)


@given(messages)
def test_a_parcel_holds_one_frame(message: Message) -> None:
    assert decode_parcel(frame(message)) == message


@given(st.binary(max_size=200))
def test_any_bytes_are_decoded_or_dropped_and_nothing_else(noise: bytes) -> None:
    for decode in (decode_datagram, decode_parcel):
        with suppress(Dropped):
            decode(noise)


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 2**63)
    | st.text(max_size=3)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.integers(0, 27), st.lists(junk, max_size=9)), max_size=2))
def test_well_formed_nonsense_is_decoded_or_dropped(frames: list[tuple[int, list[Any]]]) -> None:
    plain = msgpack.packb(["bob", 1, *([kind, *fields] for kind, fields in frames)])
    with suppress(Dropped):
        _, _, decoded = decode_datagram(plain)
        assert all(isinstance(message, get_args(Message)) for message in decoded)


def refused(*fields: Any) -> None:
    """A frame of these fields is malformed, and takes the good one beside it along."""
    good = frame(Ack(1, HASH, HASH))
    with pytest.raises(Dropped, match="malformed"):
        decode_datagram(datagram(good, msgpack.packb(fields)))


NO_BROADCASTS: list[tuple[Any, ...]] = [
    ("sue", 1, 0, "t", b""), ("sue", 1, MAX_SEQUENCE + 1, "t", b""),
    ("sue", 1, 1, "", b""), ("sue", 1, 1, "t" * 65, b""), ("sue", 1, 1, b"t", b""),
    ("sue", 1, 1, "t", "x"), ("sue", 1, 1, "t", b"x" * (MAX_PAYLOAD + 1)),
    ("", 1, 1, "t", b""), ("sue", -1, 1, "t", b""), ("sue", 1, True, "t", b""),
]  # fmt: skip
NO_QUERIES: list[tuple[Any, ...]] = [
    (MAX_TIMEOUT + 1, 0, ((), ())), (1, MAX_RELAYS + 1, ((), ())), (1, 0, None),
    (1, 0, ()), (1, 0, ((), (), ())), (1, 0, (("",), ())), (1, 0, ((1,), ())),
    (1, 0, (("a",) * 17, ())), (1, 0, ((), (("k", 1, "v"),))), (1, 0, ((), ("k",))),
    (1, 0, ((), (("k", True, "v" * MAX_WHERE_BYTES),))), (1, 0, ([1], {})),
]  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        (), (0,), (12, 1), (99,), ("1", 1), (True, 1), (-1,), (None,),
        (2, 1, HASH), (2, 1, HASH, HASH, 0), (2, 1, HASH, b"1234567"), (2, 1, HASH, "12345678"),
        (2, -1, HASH, HASH), (2, True, HASH, HASH), (2, 1.0, HASH, HASH), (2, "1", HASH, HASH),
        (1, 1, "", HASH, HASH, 0), (1, 1, "a\n", HASH, HASH, 0), (1, 1, "x" * 65, HASH, HASH, 0),
        (1, 1, b"sue", HASH, HASH, 0), (1, 1, "sue", HASH, HASH), (1, 1, "sue", HASH, HASH, -1),
        (1, 1, "sue", HASH, HASH, U32 + 1), (1, 1, "sue", HASH, HASH, True),
        (3, 1, None, 1), (3, 1, "sue", -1), (3, 1, "sue"),
        (4,), (4, None), (4, 7), (4, {}), (4, (7,)),
        (6, (HASH,) * (BUCKETS + 1)), (6, HASH), (8, 1, 257, b""), (8, 1, -1, b""), (8, 1, 1, "x"),
        (9, 1, 3, b""), (9, 1, 0, None), (10, 1, MAX_PIECES, 2, b""), (10, 1, 0, TOO_MANY, b""),
        *((20, *wrong) for wrong in NO_BROADCASTS),
        *((21, "sue", 1, 1, "t", b"", *wrong) for wrong in NO_QUERIES),
        (22, "sue", 1, 1, "bob", "x"), (22, "sue", 1, 1, "", None), (23, "sue", 1, 0, "bob"),
        (24, (("sue", 1, 1),) * (MAX_HEADS + 1)), (24, (("sue", 1),)), (24, (("sue", 1, 0),)),
        (24, ("sue",)), (24, None), (25, "sue", 1, (0,)), (25, "sue", 1, (1,) * (MAX_NUMBERS + 1)),
        (25, "sue", 1, 1), (26, "sue", 1, 0, 1), (26, "sue", 1, 1, None), (27, 1), (19, 1),
        (10, 1, 0, 1, "x"), (11, 1, (MAX_PIECES,)), (11, 1, (0,) * TOO_MANY), (11, 1, (-1,)),
        (12, 1, 2, b""), (12, 1, True, b""), (12, 1, 0, "x"), (12, 1, 0), (13, "host", 1),
        (13, "10.0.0.1", 0), (13, "010.0.0.1", 1), (13, b"1234", 1), (13, "fe80::1%lo", 1),
        (14, "", HASH * 2), (14, "sue", HASH), (14, "sue", "x" * 16), (14, "sue"),
        (15, "sue", (("k", 1),)), (15, "sue", (("k",),)), (15, "sue", (("k", "v" * 4096),)),
        (15, "sue", ("kv",)), (15, "sue", None), (15, "sue", (("k", "v"),) * (MAX_TAGS + 1)),
    ],
)  # fmt: skip
def test_a_malformed_frame_is_refused(fields: tuple[Any, ...]) -> None:
    refused(*fields)


WIRE = msgpack.unpackb(encode_claim(SUE))


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (0, (4, -1, True, "0", None)),
        (1, ("", " a", "x" * 65, b"sue", 1)),
        (2, (b"", bytes(31), bytes(33), "x" * 32)),
        (3, (b"", bytes(3), bytes(5), "10.0.0.7", 1)),
        (4, (0, -1, 65536, True, "7847")),
        (5, (-1, True, 1.0, None)),
        (6, (-1, True, 1.0, None)),
        (7, (0, None, False, b"", {}, ((1, 2),), (("a",),), (("a", b"b"),), (("a", "b" * 512),))),
        (7, (tuple((f"{i}", "") for i in range(RIDING_TAGS + 1)),)),
        (8, (None, "", b"h", bytes(15), bytes(16), bytes(17))),  # 16 are too many beside tags
        (9, (b"", bytes(63), bytes(65), "x" * 64, None)),
        (10, (None, 0, b"", " ", "x" * 65, "")),
        (11, (None, 0, 1, "")),
        (12, (None, b"", bytes(63), bytes(65), "x" * 64)),
    ],
)
def test_a_malformed_claim_is_refused_in_every_field(place: int, values: tuple[Any, ...]) -> None:
    for value in values:
        fields = [*WIRE[:place], value, *WIRE[place + 1 :]]
        for frame_of in (lambda c: (4, [c]), lambda c: (5, c, 0), lambda c: (7, [c], 0)):
            refused(*frame_of(fields))
    refused(5, WIRE[:-1], 0)
    refused(5, [*WIRE, ""], 0)
    refused(5, WIRE)
    refused(7, [WIRE], -1)
    refused(4, [WIRE] * 65)


def test_who_is_alive_is_accused_by_nobody_and_a_suspect_by_somebody() -> None:
    alive = msgpack.unpackb(encode_claim(claim("sue")))
    refused(4, [[*alive[:10], "bob", False, bytes(64)]])
    refused(4, [[*alive[:12], bytes(64)]])
    for state in (1, 2):
        refused(4, [[state, *alive[1:]]])


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_a_record_that_its_subject_did_not_sign_drops_the_datagram(place: int) -> None:
    """One field changed at a time; of the state, whether it has left."""
    others = [3, "sux", bytes(32), b"1234", 7, 8, 9, [], bytes(16), bytes(64)]
    fields = [*WIRE[:place], others[place], *WIRE[place + 1 :]]
    fields[7] = fields[7] if place != 8 else []
    with pytest.raises(Dropped, match="forged"):
        decode_datagram(
            datagram(msgpack.packb((4, [fields if place else [3, *WIRE[1:10], "", False, b""]])))
        )


@pytest.mark.parametrize(
    "plain",
    [
        *(b"", b"\xc0", b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\x91" * 5000),
        *map(msgpack.packb, ("bob", ["bob"], {"bob": 1}, ["", 1], ["bob", -1], [None, None])),
        msgpack.packb(["bob", 1]) + b"\0",
    ],
    ids=range(12),
)  # fmt: skip
def test_a_malformed_datagram_is_dropped(plain: bytes) -> None:
    with pytest.raises(Dropped, match="malformed"):
        decode_datagram(plain)


def longest() -> Claim:
    """The largest claim that may be made."""
    tags = tuple((f"{i:03}", "t" * 5) for i in range(RIDING_TAGS))
    where = Address("::1", 65535)
    most = claim("n" * 64, address=where, epoch=U64, incarnation=U64, tags=tags)
    return accused(most, "a" * 64, refused=True)


def test_the_largest_claim_fits_a_datagram_from_the_longest_name() -> None:
    """Alone, as news, a call or hearsay. Beside the probe of the accused it did before claims were
    signed; now the largest go in a datagram of their own.
    """
    encoded = encode_claim(longest())
    for one in (encode_claims([encoded]), encode_join(encoded, U64), encode_table([encoded], U64)):
        plain = datagram(one, name="s" * 64, epoch=U64)
        assert len(plain) <= MAX_PLAIN
        decode_datagram(plain)


def test_a_usual_claim_fits_beside_a_probe_from_the_longest_name() -> None:
    probe = frame(Probe(U64, "n" * 64, HASH, HASH, U32))
    usual = accused(claim("n" * 64, tags=(("role", "x" * 200),)), "a" * 64)
    plain = datagram(probe, encode_claims([encode_claim(usual)]), name="s" * 64, epoch=U64)
    assert len(plain) <= MAX_PLAIN


@given(events)
def test_an_event_that_we_kept_is_what_it_was(event: Broadcast | Query) -> None:
    assert decode_event(encode_user(event)) == event


def test_the_largest_messages_for_users_fit_a_datagram_from_the_longest_name() -> None:
    name = "n" * 64
    event = Broadcast(name, U64, MAX_SEQUENCE, "t" * MAX_TOPIC_BYTES, b"x" * MAX_PAYLOAD)
    rest = MAX_PAYLOAD - 2 - len(msgpack.packb([[], []]))
    query = Query(
        name, U64, MAX_SEQUENCE, "t" * MAX_TOPIC_BYTES, b"x" * rest, MAX_TIMEOUT, MAX_RELAYS,
        Where(),
    )  # fmt: skip
    answer = Answer(name, U64, MAX_SEQUENCE, name, b"x" * MAX_PAYLOAD)
    for message in (event, query, answer):
        assert len(frame(message)) <= MAX_EVENT_BYTES
        assert len(datagram(frame(message), name=name, epoch=U64)) <= MAX_PLAIN
    lacking = Lacking(name, U64, (MAX_SEQUENCE,) * MAX_NUMBERS)
    assert len(datagram(frame(lacking), name=name, epoch=U64)) <= MAX_PLAIN
