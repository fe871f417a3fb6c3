"""What a peer asks of its driver, and what it tells its users. The twin of the calls into
`Peer`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from .member import Address, Member


class Transmit(NamedTuple):
    """Send this datagram there; it may get lost."""

    datagram: bytes
    destination: Address


@dataclass(frozen=True, slots=True)
class Persist:
    """Save these records, all together or not at all; None deletes a key."""

    records: tuple[tuple[bytes, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class MemberEvent:
    """Something that users are told about a member."""

    member: Member


class MemberJoined(MemberEvent):
    """A member that was not there is there (also after it left, or as a new boot)."""

    __slots__ = ()


class MemberSuspected(MemberEvent):
    """A member did not answer; it has a while to refute."""

    __slots__ = ()


class MemberRecovered(MemberEvent):
    """A member that was suspected or taken for failed is there after all."""

    __slots__ = ()


class MemberFailed(MemberEvent):
    """A member is taken for failed: it neither answered nor refuted."""

    __slots__ = ()


class MemberLeft(MemberEvent):
    """A member said goodbye."""

    __slots__ = ()


class MemberUpdated(MemberEvent):
    """A member has other tags or another address."""

    __slots__ = ()


QuorumState = Literal["majority", "minority", "unknown"]


@dataclass(frozen=True, slots=True)
class QuorumView:
    """Whether most of the expected members are there; see `gossip/quorum.py`."""

    state: QuorumState
    """What has held for long enough."""

    present: int
    """How many of the expected are there now, ourselves included."""

    expected: int
    """How many should be."""


@dataclass(frozen=True, slots=True)
class QuorumChanged:
    """The view has another state, and has had it for a while."""

    view: QuorumView


Effect = Transmit | Persist | MemberEvent | QuorumChanged
