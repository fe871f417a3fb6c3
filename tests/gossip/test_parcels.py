"""What is larger than a datagram: whole in the end, or forgotten, whatever the network does."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gossip import Address
from gossip.data import parcels as module
from gossip.data.parcels import MAX_TRIES, WINDOW, Parcels
from gossip.timers import Timers
from gossip.wire.channel import Dropped
from gossip.wire.messages import MAX_PIECES, Message, Piece, Want, decode_parcel

HERE, THERE = Address("10.0.0.1", 1), Address("10.0.0.2", 2)
PATIENCE = 100


class End:
    """One end: what it sent, and what it was delivered."""

    def __init__(self, first: int = 0) -> None:
        self.timers = Timers()
        self.sent: list[Message] = []
        self.delivered: list[bytes] = []
        self.parcels = Parcels(
            timers=self.timers, first=first, patience=PATIENCE, piece_bytes=10,
            send=lambda _, message: self.sent.append(message),
            deliver=lambda sender, source, frame, now: self.delivered.append(frame),
        )  # fmt: skip

    def takes(self, message: Message, now: int = 0) -> None:
        if isinstance(message, Piece):
            self.parcels.arrived(message, "bob", HERE, now)
        elif isinstance(message, Want):
            self.parcels.wanted(message)

    def wake(self, now: int) -> None:
        for action in self.timers.due(now):
            action(now)

    def out(self) -> list[Message]:
        sent, self.sent = self.sent, []
        return sent


def talk(sender: End, receiver: End, random: Random, loss: float, twice: float) -> int:
    """Exchange until nobody has anything to say; how long that took."""
    for now in range(0, 200 * PATIENCE, PATIENCE):
        under_way = sender.out()
        while under_way:
            random.shuffle(under_way)
            for message in under_way:
                for _ in range((random.random() >= loss) * (1 + (random.random() < twice))):
                    receiver.takes(message, now)
            for message in receiver.out():
                if random.random() >= loss:
                    sender.takes(message, now)
            under_way = sender.out()
        if receiver.timers.next is None:
            return now
        receiver.wake(now + PATIENCE)
        for message in receiver.out():
            sender.takes(message, now)
    raise AssertionError("the two never stop talking")


@pytest.mark.parametrize("size", [1, 10, 11, 320, 321, 640, 3333])
def test_a_frame_arrives_whole_and_its_memory_is_given_back(size: int) -> None:
    sender, receiver = End(), End()
    frame = Random(size).randbytes(size)
    sender.parcels.ship(THERE, frame)
    assert len(sender.sent) == min(WINDOW, -(-size // 10))
    assert talk(sender, receiver, Random(1), 0, 0) == 0
    assert receiver.delivered == [frame]
    assert receiver.timers.next is None
    assert not receiver.parcels._arriving


@given(st.integers(1, 900), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_loss_duplicates_and_any_order_are_overcome(size: int, random: Random) -> None:
    sender, receiver = End(), End()
    frames = [b"1" + random.randbytes(size), b"2" + random.randbytes(size)]
    for frame in frames:
        sender.parcels.ship(THERE, frame)
    talk(sender, receiver, random, 0.3, 0.3)
    for frame in receiver.delivered:
        assert frame in frames
    assert len(receiver.delivered) == len(set(receiver.delivered))


def test_a_late_copy_of_a_piece_does_not_begin_the_parcel_again() -> None:
    sender, receiver = End(), End()
    sender.parcels.ship(THERE, bytes(100))
    pieces = sender.out()
    for piece in [*pieces, *pieces]:
        receiver.takes(piece)
    assert receiver.delivered == [bytes(100)]
    assert receiver.timers.next is None
    assert receiver.out() == []


def test_pieces_of_two_boots_of_a_sender_are_never_put_together() -> None:
    """Numbers start at random, for both boots have the same address."""
    before, after, receiver = End(first=1000), End(first=77), End()
    before.parcels.ship(THERE, b"a" * 40)
    after.parcels.ship(THERE, b"b" * 40)
    for piece in before.out()[:2] + after.out():
        receiver.takes(piece)
    assert receiver.delivered == [b"b" * 40]


def test_a_parcel_whose_pieces_stop_coming_is_asked_for_and_then_forgotten() -> None:
    sender, receiver = End(), End()
    sender.parcels.ship(THERE, bytes(1000))
    first, *_ = sender.out()
    receiver.takes(first)
    for turn in range(1, 20):
        receiver.wake(turn * PATIENCE)
    wants = receiver.out()
    assert wants == [Want(1, tuple(range(1, WINDOW + 1)))] * MAX_TRIES
    assert receiver.timers.next is None
    assert not receiver.parcels._arriving


def test_only_what_is_missing_is_asked_for() -> None:
    sender, receiver = End(), End()
    sender.parcels.ship(THERE, bytes(100))
    for piece in sender.out():
        if isinstance(piece, Piece) and piece.place not in (3, 7):
            receiver.takes(piece)
    receiver.wake(PATIENCE)
    assert receiver.out() == [Want(1, (3, 7))]


@pytest.mark.parametrize(
    "pieces",
    [
        [Piece(1, 0, 0, b"")],
        [Piece(1, 1, 1, b"x")],
        [Piece(1, MAX_PIECES - 1, 3, b"x")],
        [Piece(1, 0, 2, b"x"), Piece(1, 1, 3, b"y"), Piece(1, 0, 2, b"z"), Piece(1, 2, 3, b"y")],
    ],
)
def test_nonsense_is_ignored(pieces: list[Piece]) -> None:
    receiver = End()
    for piece in pieces:
        receiver.takes(piece)
    assert receiver.delivered == []
    receiver.takes(Piece(1, 1, 2, b"y"))
    assert receiver.delivered == ([b"xy"] if len(pieces) > 1 else [])


def test_wants_for_what_is_not_there_are_ignored_and_an_answer_is_bounded() -> None:
    sender = End()
    sender.parcels.ship(THERE, bytes(35))
    sender.out()
    for want in (Want(99, (0,)), Want(1, ()), Want(1, (4, 1023))):
        sender.takes(want)
    assert sender.out() == []
    sender.takes(Want(1, (0,) * MAX_PIECES))
    assert len(sender.out()) == WINDOW


def test_what_is_here_of_parcels_that_are_not_whole_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_ARRIVING_BYTES", 100)
    receiver = End()
    for place in range(3):
        for number in range(1, 5):
            receiver.takes(Piece(number, place, MAX_PIECES, bytes(20)))
            arriving = receiver.parcels._arriving.values()
            here = sum(len(part) for parcel in arriving for part in parcel.parts.values())
            assert receiver.parcels._arriving_bytes == here <= 100
    receiver.takes(Piece(9, 0, 2, bytes(100)))
    receiver.takes(Piece(9, 1, 2, b"whole"))
    assert receiver.delivered == []  # alone it is too large; the newest of several is not
    receiver.takes(Piece(10, 0, 2, bytes(50)))
    receiver.takes(Piece(10, 1, 2, bytes(30)))
    assert receiver.delivered == [bytes(80)]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PARCELS", 3)
    sender, receiver = End(), End()
    for number in range(1, 9):
        sender.parcels.ship(THERE, bytes(20))
        receiver.takes(Piece(number, 0, 2, b"x"))
    sender.out()
    sender.takes(Want(5, (0,)))
    assert sender.out() == []
    sender.takes(Want(6, (0,)))
    assert len(sender.out()) == 1
    assert [number for _, number in receiver.parcels._arriving] == [6, 7, 8]
    for number in range(20, 40):
        receiver.takes(Piece(number, 0, 1, b"x"))
    assert len(receiver.parcels._done) == 3
    assert len(receiver.timers._live) <= 3


def test_a_parcel_of_empty_maps_is_refused_before_it_is_large() -> None:
    bomb = b"\x92\x0b\xdd\x00\x40\x00\x00" + b"\x80" * 0x400000
    tracemalloc.start()
    try:
        with pytest.raises(Dropped, match="malformed"):
            decode_parcel(bomb)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    finally:
        tracemalloc.stop()
