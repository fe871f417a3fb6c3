"""Chance from the seed: the same everywhere, and different for everyone."""

from __future__ import annotations

from sim.streams import derived, stream


def test_the_bytes_are_the_same_on_every_machine() -> None:
    """Pinned: a change here changes every seed that anyone has written down."""
    assert derived(7, "n0", "choices", 1, size=8).hex() == "73756900df0b3a87"


def test_no_two_names_and_no_two_seeds_share_a_stream() -> None:
    names: list[tuple[str | int, ...]] = [(), ("a",), ("a", 1), ("a", 11), ("a", 1, 1), ("a1",)]
    drawn = [stream(seed, *name).random() for seed in (0, 1, -1) for name in names]
    assert len(set(drawn)) == len(drawn)


def test_a_stream_repeats() -> None:
    first, second = stream(3, "x"), stream(3, "x")
    assert [first.random() for _ in range(5)] == [second.random() for _ in range(5)]
    assert first.randbytes(16) == second.randbytes(16)
