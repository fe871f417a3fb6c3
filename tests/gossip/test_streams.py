"""Events of one origin: in order, each once, and a bounded number of them kept."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gossip.users.streams import MAX_KEPT, MAX_KEPT_BYTES, Stream
from gossip.wire.user_messages import Broadcast, Event


def event(sequence: int) -> Event:
    return Broadcast("sue", 1, sequence, "t", b"")


def give(stream: Stream, sequence: int) -> list[int]:
    """What becomes deliverable by this event."""
    if stream.is_news(sequence):
        stream.take(event(sequence), b"x" * 100)
    delivered = [ready.sequence for ready in stream.ready()]
    stream.check()
    return delivered


@given(st.integers(1, 50), st.integers(1, 40), st.randoms(use_true_random=False))
def test_in_any_order_and_with_repetitions_each_is_delivered_once_in_order(
    first: int, count: int, random: Random
) -> None:
    stream = Stream(1)
    stream.begin(first)
    arriving = [*range(first, first + count)] * 2 + [*range(max(1, first - 5), first)]
    random.shuffle(arriving)
    delivered = [number for sequence in arriving for number in give(stream, sequence)]
    assert delivered == list(range(first, first + count))
    assert not stream.lacking
    assert stream.missing(9) == ()


def test_what_waits_is_bounded_and_the_next_is_always_taken() -> None:
    stream = Stream(1)
    stream.begin(1)
    for sequence in range(200, 2, -1):
        give(stream, sequence)
    assert sorted(stream.waiting) == list(range(3, 3 + MAX_KEPT))
    assert stream.missing(9) == (1, 2, *range(3 + MAX_KEPT, 10 + MAX_KEPT))
    assert give(stream, 2) == []
    assert give(stream, 1) == list(range(1, 2 + MAX_KEPT))


def test_what_is_kept_is_bounded_in_number_and_size_and_the_oldest_goes() -> None:
    stream = Stream(1, next=1)
    for sequence in range(1, 100):
        give(stream, sequence)
    assert sorted(stream.kept) == list(range(100 - MAX_KEPT, 100))
    stream.keep(100, b"x" * (MAX_KEPT_BYTES - 250))
    assert sorted(stream.kept) == [98, 99, 100]


def test_what_is_given_up_is_counted_and_does_not_come_back() -> None:
    stream = Stream(1, next=1)
    give(stream, 4)
    give(stream, 9)
    assert stream.skip(3) == 2
    assert stream.skip() == 1
    assert [ready.sequence for ready in stream.ready()] == [4]
    assert stream.skip(20) == 4
    assert give(stream, 3) == [9]
    stream.hear_of(12)
    assert stream.missing(9) == (10, 11, 12)
    assert stream.skip() == 3
    assert not stream.lacking


def test_without_a_beginning_nothing_is_delivered_and_nothing_is_known_to_miss() -> None:
    stream = Stream(1)
    assert give(stream, 5) == give(stream, 7) == []
    assert stream.lacking
    assert stream.missing(9) == ()
    stream.begin(6)
    assert give(stream, 6) == [6, 7]
