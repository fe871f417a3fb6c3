"""Names, addresses, and which of two claims is the newer one."""

from __future__ import annotations

from itertools import product

import pytest

from gossip import Address
from gossip.member import (
    MAX_TAGS,
    MAX_TAGS_BYTES,
    RIDING_TAGS,
    RIDING_TAGS_BYTES,
    State,
    is_name,
    tags_fit,
    tags_ride,
)
from tests.gossip.conversation import claim


@pytest.mark.parametrize("text", ["127.0.0.1:7847", "[::1]:7847", "0.0.0.0:0", "10.0.0.1:65535"])
def test_an_address_reads_back_what_it_prints(text: str) -> None:
    assert str(Address.parse(text)) == text


def test_an_address_is_kept_in_one_form() -> None:
    assert Address.parse("[0:0::1]:1") == Address("::1", 1)


@pytest.mark.parametrize(
    "text",
    [
        *("", "127.0.0.1", "127.0.0.1:", "localhost:1", "::1:7847", "[127.0.0.1]:1", "1.2.3:4"),
        *("1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:1.5", "[::1:7847", "::1]:7847"),
    ],
)
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|IPv"):
        Address.parse(text)


def test_claims_are_ordered_by_epoch_then_incarnation_then_state() -> None:
    """The table of the module's docstring, in full."""
    claims = [
        claim("x", epoch=epoch, incarnation=incarnation, state=state)
        for epoch, incarnation, state in product((1, 2), (0, 1), State)
    ]
    assert [c.order for c in claims] == sorted({c.order for c in claims})


def test_a_suspect_is_taken_to_be_there_and_the_dead_are_not() -> None:
    assert [state.running for state in State] == [True, True, False, False]


@pytest.mark.parametrize("name", ["a", "web-1", "ünï", "two words", "x" * 64, "é" * 32])
def test_a_name_is_anything_printable(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a\nb", "a\0", "\ud800", "x" * 65, "é" * 33, b"a", None, 7]
)
def test_what_cannot_be_a_name(name: object) -> None:
    assert not is_name(name)


def test_tags_are_bounded_in_bytes_and_in_number() -> None:
    assert tags_fit((("k", "v" * (MAX_TAGS_BYTES - 1)),))
    assert not tags_fit((("k", "v" * MAX_TAGS_BYTES),))
    assert not tags_fit((("k", "é" * (MAX_TAGS_BYTES // 2)),))
    many = tuple((f"{i:02}", "") for i in range(MAX_TAGS + 1))
    assert tags_fit(many[:-1])
    assert not tags_fit(many)


def test_few_and_short_tags_ride_in_a_claim() -> None:
    assert tags_ride((("k", "v" * (RIDING_TAGS_BYTES - 1)),))
    assert not tags_ride((("k", "v" * RIDING_TAGS_BYTES),))
    assert not tags_ride((("k", "é" * (RIDING_TAGS_BYTES // 2)),))
    many = tuple((f"{i:02}", "") for i in range(RIDING_TAGS + 1))
    assert tags_ride(many[:-1])
    assert not tags_ride(many)
