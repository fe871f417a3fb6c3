"""A member played by hand that can ask "are you there?" more often than its protocol would.

It joins like any other, so the one who is asked knows it and agrees with it on members and data: a
question then costs the one who is asked an opened datagram and a sealed answer, and nothing else.
"""

from __future__ import annotations

import os
import time
from random import Random

from gossip import Address, Peer, Timing, Transmit
from gossip.wire.channel import Channel
from gossip.wire.messages import Probe, decode_datagram, encode, encode_datagram, encode_sender

SECOND = 1_000_000_000


class Asker:
    """A peer, and the questions that look like its last probe."""

    def __init__(self, name: str, secret: bytes, address: Address) -> None:
        self.peer = member(name, secret, address)
        self._channel = Channel(secret, os.urandom)
        self._probe: Probe | None = None
        self._sender = b""

    def outgoing(self) -> list[Transmit]:
        """What the peer wants sent, looked through for a probe."""
        sent = [effect for effect in self.peer.effects() if isinstance(effect, Transmit)]
        for transmit in sent:
            name, epoch, messages = decode_datagram(self._channel.open(transmit.datagram))
            for message in messages:
                if isinstance(message, Probe):
                    self._probe, self._sender = message, encode_sender(name, epoch)
        return sent

    @property
    def ready(self) -> bool:
        """Whether it is one of two members that agree, and has probed the other."""
        together = len(self.peer.members()) == 2 and self.peer.converged()
        return together and self._probe is not None

    def questions(self, count: int) -> list[bytes]:
        """So many sealed probes, each to be answered by the member that was probed last."""
        assert self._probe is not None, "ask for questions when it is ready"
        frames = (encode(self._probe._replace(sequence=number)) for number in range(count))
        return [self._channel.seal(encode_datagram(self._sender, [frame])) for frame in frames]


def member(name: str, secret: bytes, address: Address) -> Peer:
    """A peer with the clocks and the randomness of this machine; not started."""
    return Peer(
        name=name,
        address=address,
        secret=secret,
        wall=time.time_ns,
        random=Random(name),
        entropy=os.urandom,
        timing=Timing.lan(),
        tags={},
        recovered={},
    )
