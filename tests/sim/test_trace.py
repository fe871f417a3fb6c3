"""The running hash: it tells any two histories apart."""

from __future__ import annotations

import pytest

from sim.trace import Kind, Trace


def hash_of(*records: tuple[int, Kind, int, int, bytes]) -> str:
    trace = Trace()
    for record in records:
        trace.record(*record)
    return trace.hexdigest()


BASE = (5, Kind.DELIVER, 1, 2, b"x")


@pytest.mark.parametrize(
    "other",
    [
        (6, Kind.DELIVER, 1, 2, b"x"),
        (5, Kind.LOSE, 1, 2, b"x"),
        (5, Kind.DELIVER, 0, 2, b"x"),
        (5, Kind.DELIVER, 1, 3, b"x"),
        (5, Kind.DELIVER, 1, 2, b"y"),
        (5, Kind.DELIVER, 1, 2, b""),
    ],
)
def test_every_part_of_an_event_counts(other: tuple[int, Kind, int, int, bytes]) -> None:
    assert hash_of(BASE) != hash_of(other)
    assert hash_of(BASE, other) != hash_of(other, BASE)


def test_equal_histories_have_equal_hashes_however_often_they_are_looked_at() -> None:
    trace = Trace()
    for _ in range(2):
        trace.record(*BASE)
        trace.hexdigest()
    assert trace.hexdigest() == hash_of(BASE, BASE)
    assert trace.length == 2


def test_the_numbers_of_the_kinds_are_distinct() -> None:
    assert len(set(map(int, Kind))) == len(Kind.__members__)
