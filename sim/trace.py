"""The run as one hash: equal hashes mean that two runs were the same, event by event.

Every event adds a record to a running BLAKE2b: when, what, at which node, with which peer, and what
it carried. Only what happens is recorded. What is merely looked at, or where a `run` was split,
leaves no trace.
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

_RECORD = Struct("<qBiiI")

NOBODY = -1
"""Stands for "no node" and "no peer" in a record."""


class Kind(IntEnum):
    """What happened. The numbers are part of the hash: a new kind goes to the end."""

    START = 1
    WAKE = 2
    WRITE = 3
    DELIVER = 4
    """A datagram reached a process."""
    LOSE = 5
    """The network lost a datagram, by chance, by a cut, or because its address is nobody's."""
    REFUSE = 6
    """A datagram reached a host that is up and has no process for it."""
    VANISH = 7
    """A datagram reached a host without power, or a socket buffer that was full."""
    PERSIST = 8
    MEMBER = 9
    """A member told its user something about another."""
    LEAVE = 10
    LEFT = 11
    CRASH = 12
    POWER_LOSS = 13
    PAUSE = 14
    RESUME = 15
    SKEW = 16
    PARTITION = 17
    HEAL = 18
    LINK = 19
    CUT = 20
    MEND = 21
    """One cut was healed, alone."""
    REBIND = 22
    """A NAT gave a host another address."""
    DRIFT = 23
    JUMP = 24
    SLOW = 25
    DISK = 26
    """A disk became worse, or better."""
    ROT = 27
    RESTORE = 28
    """A disk was replaced by a copy of what it, or another, once held."""
    HALT = 29
    """A process ended because it could not save its state."""
    UNFIT = 30
    """A process could not start from what it found on its disk."""
    SAY = 31
    """A user broadcast something."""
    HEAR = 32
    """A member told its user what another user said."""
    BOUNCE = 33
    """A process is told that a host had none for a datagram that came from its address."""


class Record(NamedTuple):
    """One event, as it is kept for a story, a picture or a comparison."""

    at: int
    kind: Kind
    node: int
    peer: int
    payload: bytes
    cause: int
    """The place in the log of what led to it: of a datagram that arrives, what its sender was at
    when it sent it; -1 for what nothing in the run led to."""


class Trace:
    """The running hash of all events so far; and the events themselves, when they are kept."""

    __slots__ = ("_hash", "length", "log")

    def __init__(self, *, keep: bool = False) -> None:
        self._hash = blake2b(digest_size=16, person=b"coterie.trace")
        self.length = 0
        self.log: list[Record] | None = [] if keep else None

    def record(
        self,
        at: int,
        kind: Kind,
        node: int = NOBODY,
        peer: int = NOBODY,
        payload: bytes = b"",
        cause: int = NOBODY,
    ) -> int:
        """Add one event; its place in the log. What led to it is no part of the hash."""
        self._hash.update(_RECORD.pack(at, kind, node, peer, len(payload)) + payload)
        if self.log is not None:
            self.log.append(Record(at, kind, node, peer, payload, cause))
        self.length += 1
        return self.length - 1

    def hexdigest(self) -> str:
        """The hash of everything recorded until now."""
        return self._hash.hexdigest()
