"""Claims about members as they travel: none is decoded whose subject did not sign its record."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import msgpack

from gossip.identity import KEY_BYTES, SIGNATURE_BYTES, is_genuine
from gossip.member import RIDING_TAGS, TAGS_HASH_BYTES, Address, Claim, State, TagPairs, tags_ride

from .channel import Dropped
from .fields import HOSTS, integer, name, pair, tuple_of, u64

_TYPES = (int, str, bytes, bytes, int, int, int, tuple, bytes, bytes, str, bool, bytes)

port = integer(65535, 1)
_riding = tuple_of(pair, RIDING_TAGS)


def claim(value: Any) -> Claim:
    """The field of a message that is a claim; `Dropped` when its subject does not say so."""
    if type(value) is not tuple or tuple(map(type, value)) != _TYPES:
        raise ValueError  # here, because True and 1 are one to the memory of what follows
    return _decoded(value)


@lru_cache(HOSTS)
def _decoded(value: Any) -> Claim:
    """The same claim comes many times, and to many members of one simulation: it is one object."""
    state, who, key, host, at, epoch, incarnation, tags, tags_hash, *said = value
    signature, accuser, refused, proof = said
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise ValueError
    if len(proof) != (SIGNATURE_BYTES if accuser else 0):
        raise ValueError
    if refused and not accuser:
        raise ValueError
    if State(state) is not State.LEFT and bool(accuser) != (State(state) is not State.ALIVE):
        raise ValueError
    decoded = Claim(
        State(state), name(who), key, Address(_host(host), port(at)), u64(epoch), u64(incarnation),
        _tags(tags, tags_hash), tags_hash, signature, accuser and name(accuser), refused, proof,
    )  # fmt: skip
    if not is_genuine(decoded):
        raise Dropped("forged")
    return decoded


def _tags(value: Any, tags_hash: bytes) -> TagPairs:
    """The tags that ride in a claim: none where it has their hash."""
    if tags_hash and (value != () or len(tags_hash) != TAGS_HASH_BYTES):
        raise ValueError
    tags: TagPairs = value if value == () else _riding(value)
    if not tags_ride(tags):
        raise ValueError
    return tags


def _host(value: bytes) -> str:
    if len(value) not in (4, 16):
        raise ValueError
    return _unpacked(value)


@lru_cache(HOSTS)
def _unpacked(host: bytes) -> str:
    return str(ip_address(host))


@lru_cache(HOSTS)
def _packed(host: str) -> bytes:
    return ip_address(host).packed


@lru_cache(HOSTS)
def encode_claim(said: Claim) -> bytes:
    """One claim, to be put into a frame."""
    fields = (
        int(said.state), said.name, said.key, _packed(said.address.host), said.address.port,
        said.epoch, said.incarnation, said.tags, said.tags_hash, said.signature, said.accuser,
        said.refused, said.proof,
    )  # fmt: skip
    data: bytes = msgpack.packb(fields)
    return data
