"""Sealed and opened, or dropped: nobody without the secret reads or makes a datagram."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.wire.channel import MAX_DATAGRAM, MAX_PLAIN, OVERHEAD, Channel, Dropped


def channel(secret: bytes = b"secret", seed: int = 1) -> Channel:
    return Channel(secret, Random(seed).randbytes)


def verdict(opener: Channel, datagram: bytes) -> str:
    with pytest.raises(Dropped) as dropped:
        opener.open(datagram)
    return dropped.value.reason


@given(st.binary(min_size=1, max_size=MAX_PLAIN))
def test_whoever_has_the_secret_opens_what_was_sealed(plain: bytes) -> None:
    assert channel(seed=2).open(channel(seed=1).seal(plain)) == plain


def test_the_largest_plain_text_makes_the_largest_datagram() -> None:
    assert len(channel().seal(bytes(MAX_PLAIN))) == MAX_DATAGRAM == MAX_PLAIN + OVERHEAD


def test_another_secret_opens_nothing() -> None:
    datagram = channel(b"secret").seal(b"plain")
    for other in (b"Secret", b"", b"secret\0", bytes(64)):
        assert verdict(channel(other), datagram) == "unopened"


def test_the_same_plain_text_never_looks_the_same() -> None:
    one, again = channel(seed=1), channel(seed=2)
    assert len({sealer.seal(b"plain") for sealer in (one, one, again, again)}) == 4


def test_the_plain_text_does_not_show() -> None:
    assert b"plain text" not in channel().seal(b"plain text")


@given(st.binary(max_size=MAX_DATAGRAM + 10))
def test_any_bytes_are_dropped(noise: bytes) -> None:
    assert verdict(channel(), noise) in {"size", "version", "unopened"}


@given(st.integers(0, OVERHEAD + 9), st.integers(1, 255))
def test_every_single_byte_counts(place: int, change: int) -> None:
    datagram = bytearray(channel().seal(b"0123456789"))
    datagram[place] ^= change
    assert verdict(channel(), bytes(datagram)) == ("version" if place == 0 else "unopened")


@given(st.integers(0, OVERHEAD + 9))
def test_a_truncated_datagram_is_dropped(length: int) -> None:
    datagram = channel().seal(b"0123456789")[:length]
    assert verdict(channel(), datagram) == ("size" if length <= OVERHEAD else "unopened")


def test_sizes_at_the_bounds() -> None:
    assert verdict(channel(), b"") == "size"
    assert verdict(channel(), b"\x01" * OVERHEAD) == "size"
    assert verdict(channel(), b"\x01" * (OVERHEAD + 1)) == "unopened"
    assert verdict(channel(), b"\x01" * MAX_DATAGRAM) == "unopened"
    assert verdict(channel(), b"\x01" * (MAX_DATAGRAM + 1)) == "size"
    with pytest.raises(ValueError, match=f"{MAX_PLAIN + 1} bytes do not fit"):
        channel().seal(bytes(MAX_PLAIN + 1))


def test_golden_bytes() -> None:
    """The format is pinned: version, nonce of boot and count, ciphertext and tag."""
    datagram = Channel(b"secret", lambda n: bytes(range(n))).seal(b"coterie")
    assert datagram[:25].hex() == "01000102030405060708090a0b0c0d0e0f0000000000000001"
    assert datagram[25:].hex() == "755419a7c4babd4bdfbb419a83534058abfc2c3912ed04"
