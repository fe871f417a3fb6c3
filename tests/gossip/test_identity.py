"""Who says so: every way to say something in somebody else's name, tried once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip import Address
from gossip.identity import Identity, is_genuine, is_proven, member_id
from gossip.member import Claim, State
from tests.gossip.conversation import accused, claim, identity, resigned

ALIVE, SUSPECT, FAILED, LEFT = State
BOB = claim("bob", epoch=3, incarnation=4, tags=(("role", "db"),))
SUE = identity("sue").key

CHANGES: dict[str, Any] = {
    "name": "rob",
    "key": SUE,
    "address": Address("10.0.0.66", 7847),
    "epoch": 4,
    "incarnation": 5,
    "tags": (("role", "web"),),
    "tags_hash": bytes(16),
    "signature": bytes(64),
}


def test_what_a_member_says_of_itself_is_genuine_in_every_state_that_follows_from_it() -> None:
    assert is_genuine(BOB)
    for state in (SUSPECT, FAILED):
        assert is_genuine(accused(BOB, "sue", state))
    assert is_genuine(claim("bob", state=LEFT))


@pytest.mark.parametrize("field", CHANGES)
def test_a_record_with_one_field_changed_is_forged(field: str) -> None:
    assert not is_genuine(BOB._replace(**{field: CHANGES[field]}))


def test_every_field_of_a_record_is_signed_or_is_the_accusers() -> None:
    assert {*CHANGES} | {"state", "accuser", "refused", "proof"} == {*Claim._fields}


def test_the_port_is_signed_too() -> None:
    assert not is_genuine(BOB._replace(address=BOB.address._replace(port=7848)))


def test_nobody_can_make_another_leave_or_bring_it_back_from_a_leave() -> None:
    assert not is_genuine(BOB._replace(state=LEFT))
    assert not is_genuine(claim("bob", state=LEFT)._replace(state=ALIVE))


def test_a_signature_of_another_record_does_not_fit() -> None:
    newer = resigned(BOB, incarnation=9)
    assert is_genuine(newer)
    assert not is_genuine(BOB._replace(signature=newer.signature))
    assert not is_genuine(newer._replace(signature=BOB.signature))


def test_who_signs_with_another_key_is_another_member() -> None:
    thief = resigned(BOB, "sue")
    assert is_genuine(thief)  # a record of its own, which tables hold apart by the key
    assert member_id(thief.key) != member_id(BOB.key)
    assert not is_genuine(thief._replace(key=BOB.key))


@pytest.mark.parametrize("size", [0, 1, 63, 65, 128])
def test_a_signature_of_another_size_is_no_signature(size: int) -> None:
    assert not is_genuine(BOB._replace(signature=(BOB.signature * 2)[:size]))
    assert not is_proven(accused(BOB)._replace(proof=(accused(BOB).proof * 2)[:size]), SUE)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32), b"\xff" * 32])
def test_what_is_no_key_verifies_nothing(key: bytes) -> None:
    assert not is_genuine(BOB._replace(key=key))
    assert not is_proven(accused(BOB), key)


@given(st.integers(0, 511))
def test_a_signature_with_one_bit_turned_is_forged(bit: int) -> None:
    turned = bytearray(BOB.signature)
    turned[bit // 8] ^= 1 << bit % 8
    assert not is_genuine(BOB._replace(signature=bytes(turned)))


# Accusations.


def test_an_accusation_is_its_accusers() -> None:
    assert is_proven(accused(BOB, "sue"), SUE)
    assert not is_proven(accused(BOB, "sue"), identity("ann").key)


def test_an_accusation_cannot_be_put_into_another_mouth() -> None:
    assert not is_proven(accused(BOB, "sue")._replace(accuser="ann"), identity("ann").key)
    assert not is_proven(accused(BOB, "sue")._replace(accuser="ann"), SUE)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "rob"},
        {"key": SUE},
        {"epoch": 2},
        {"epoch": 4},
        {"incarnation": 3},
        {"incarnation": 5},
        {"refused": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("state", [SUSPECT, FAILED])
def test_an_accusation_cannot_be_moved_to_another_member_boot_or_incarnation(
    change: dict[str, Any], state: State
) -> None:
    """Nor can it be made one that the host confirmed."""
    assert not is_proven(accused(BOB, "sue", state)._replace(**change), SUE)


def test_a_suspicion_cannot_be_turned_into_a_verdict() -> None:
    assert not is_proven(accused(BOB, "sue", SUSPECT)._replace(state=FAILED), SUE)


def test_a_verdict_is_a_suspicion_too() -> None:
    """So that who was not believed alone counts as an accuser."""
    assert is_proven(accused(BOB, "sue", FAILED)._replace(state=SUSPECT), SUE)


def test_neither_a_suspicion_nor_a_verdict_makes_anybody_leave() -> None:
    for state in (SUSPECT, FAILED):
        assert not is_proven(accused(BOB, "sue", state)._replace(state=LEFT), SUE)


def test_an_order_to_leave_is_neither_a_suspicion_nor_a_verdict() -> None:
    for state in (SUSPECT, FAILED):
        assert not is_proven(accused(BOB, "sue", LEFT)._replace(state=state), SUE)


def test_a_record_is_no_accusation_and_an_accusation_no_record() -> None:
    """What is signed begins with what it is."""
    said = accused(BOB, "bob")
    assert not is_genuine(BOB._replace(signature=said.proof))
    assert not is_proven(said._replace(proof=BOB.signature), BOB.key)


def test_an_accusation_stays_good_when_the_accused_has_moved() -> None:
    """It is about the boot and incarnation, not about what else the record says."""
    assert is_proven(accused(BOB)._replace(address=Address("10.0.0.1", 1), tags=()), SUE)


def test_keys_are_made_from_seeds_and_ids_from_keys() -> None:
    seed = bytes(range(32))
    assert Identity(seed).key == Identity(seed).key != Identity(bytes(32)).key
    assert len(member_id(Identity(seed).key)) == 16
    # RFC 8032, section 7.1, test 1.
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert Identity(secret).key.hex() == public
