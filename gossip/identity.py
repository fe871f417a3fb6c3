"""Who says so: members sign what they say of themselves, and whom they accuse.

A *record*, the part of a claim that only its subject can know, is signed with the subject's
long-term key, which the record carries; a member's id is the hash of that key. So nobody can
announce, move, retag or make leave anybody else, nor raise another's incarnation. An *accusation*
is signed by its accuser over the boot and incarnation that it is about, so it can neither be
invented in somebody's name nor be used again later.

Reference: Ed25519 (Bernstein et al., 2011; RFC 8032), through PyNaCl.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import msgpack
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from .member import Claim, State

SEED_BYTES = KEY_BYTES = 32
SIGNATURE_BYTES = 64
ID_BYTES = 16

VERIFIED = 16384
"""How many signatures are known to be good: each is looked at many times, and costs 50 us once."""


class Identity:
    """The long-term key of this member."""

    def __init__(self, seed: bytes) -> None:
        """`seed` is 32 secret random bytes, kept for ever."""
        self._signing = SigningKey(seed)
        self.key = bytes(self._signing.verify_key)
        """The public key, which others know this member by."""

    def signed(self, record: Claim) -> Claim:
        """What we say of ourselves, with our signature."""
        return record._replace(signature=self._sign(_record(record)))

    def accused(self, claim: Claim) -> Claim:
        """An accusation of ours, with our signature."""
        return claim._replace(proof=self._sign(_accusation(claim, claim.state)))

    def _sign(self, message: bytes) -> bytes:
        return bytes(self._signing.sign(message).signature)


def member_id(key: bytes) -> bytes:
    """The id of the member with this public key."""
    return blake2b(key, digest_size=ID_BYTES, person=b"coterie member").digest()


def is_genuine(claim: Claim) -> bool:
    """Whether the subject of a claim says what its record says."""
    return _verified(claim.key, _record(claim), claim.signature)


def is_proven(claim: Claim, key: bytes) -> bool:
    """Whether the accuser with this key makes the accusation. Who says that a member has failed
    suspects it as well, but not the other way round.
    """
    if _verified(key, _accusation(claim, claim.state), claim.proof):
        return True
    verdict = _accusation(claim, State.FAILED)
    return claim.state is State.SUSPECT and _verified(key, verdict, claim.proof)


@lru_cache(VERIFIED)
def _verified(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


def _record(claim: Claim) -> bytes:
    address, left = claim.address, claim.state is State.LEFT and not claim.accuser
    fields = (claim.name, claim.key, *address, claim.epoch, claim.incarnation)
    tags = (claim.tags, claim.tags_hash)
    data: bytes = msgpack.packb(("record", *fields, *tags, left))
    return data


def _accusation(claim: Claim, state: State) -> bytes:
    fields = (claim.name, claim.key, claim.epoch, claim.incarnation, int(state), claim.refused)
    data: bytes = msgpack.packb(("accusation", *fields, claim.accuser))
    return data
