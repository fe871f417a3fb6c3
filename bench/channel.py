"""What a datagram costs before any socket: sealing, opening, and being answered by a member.

The answer is the whole way through the protocol core: a sealed probe goes into `Peer.receive`, is
opened, decoded and validated, and a sealed acknowledgement comes out of `Peer.effects`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from bench.asker import SECOND, Asker, member
from bench.measure import Figure, Progress, rates
from gossip import Address, Transmit
from gossip.wire.channel import MAX_PLAIN, Channel

DATAGRAMS = 10_000
SECRET = b"bench"


def measure(say: Progress) -> Iterator[Figure]:
    """Datagrams per second of each step."""
    cases: dict[str, Callable[[], Callable[[int], object]]] = {
        "sealed, 1,200 bytes": sealing,
        "opened, 1,200 bytes": opening,
        "probes answered by a member, no socket": answering,
    }
    for what, prepare in cases.items():
        say(what)
        yield Figure.of("channel", what, rates(prepare, DATAGRAMS), "datagrams/s")


def sealing() -> Callable[[int], object]:
    """Seal the largest datagram."""
    channel, plains = Channel(SECRET, os.urandom), [os.urandom(MAX_PLAIN)] * DATAGRAMS
    return lambda number: channel.seal(plains[number])


def opening() -> Callable[[int], object]:
    """Open as many different ones."""
    channel, plain = Channel(SECRET, os.urandom), os.urandom(MAX_PLAIN)
    datagrams = [channel.seal(plain) for _ in range(DATAGRAMS)]
    return lambda number: channel.open(datagrams[number])


def answering() -> Callable[[int], object]:
    """Let a member answer probes of another with which it agrees."""
    asked = member("asked", SECRET, Address("127.0.0.1", 1))
    asker = Asker("asker", SECRET, Address("127.0.0.1", 2))
    now = 0
    asked.start(now)
    asker.peer.start(now, join=[asked.address])
    while not asker.ready:
        now += SECOND // 20
        asked.wake(now)
        asker.peer.wake(now)
        for transmit in asker.outgoing():
            asked.receive(transmit.datagram, asker.peer.address, now)
        for effect in asked.effects():
            if isinstance(effect, Transmit):
                asker.peer.receive(effect.datagram, asked.address, now)
    questions = asker.questions(DATAGRAMS)

    def answer(number: int) -> None:
        asked.receive(questions[number], asker.peer.address, now)
        (transmit,) = asked.effects()
        assert isinstance(transmit, Transmit)

    return answer
