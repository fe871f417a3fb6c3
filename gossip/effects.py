"""What a peer asks of its driver, and what it tells its users. The twin of the calls into
`Peer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

from .member import Address, Member


class Transmit(NamedTuple):
    """Send this datagram there; it may get lost."""

    datagram: bytes
    destination: Address


transmit: Callable[[tuple[bytes, Address]], Transmit] = partial(tuple.__new__, Transmit)
"""What the constructor does, without a call in Python around it: there is one of each datagram."""


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


@dataclass(frozen=True, slots=True)
class NameConflict(MemberEvent):
    """Another process goes by our name, or runs with our key. Both are told, at most once in ten
    seconds; neither is shut down, and which of them others see does not change for it.
    """

    rival: Address
    """Where the other one is."""


QuorumState = Literal["majority", "minority", "unknown"]


@dataclass(frozen=True, slots=True)
class QuorumView:
    """Whether most of the expected members are there; see `gossip/members/quorum.py`."""

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


class QueryId(NamedTuple):
    """Names a query: who asks, in which boot, and under which number."""

    asker: str
    boot: int
    number: int


@dataclass(frozen=True, slots=True)
class UserEvent:
    """Somebody's `broadcast`, in the order in which he made them."""

    origin: str
    topic: str
    payload: Any
    sequence: int
    boot: int


@dataclass(frozen=True, slots=True)
class UserEventsLost:
    """So many events of this origin cannot be had any more, and what follows comes after them.

    The number counts broadcasts and queries alike, whether a query was meant for us or not. Where
    the origin is gone, and we never heard where its events begin for us, it is an upper bound.
    """

    origin: str
    missed: int


@dataclass(frozen=True, slots=True)
class QueryAsked:
    """Somebody asks: to be answered with `Peer.answer(id, …)`, or `Peer.decline(id, …)`."""

    id: QueryId
    topic: str
    payload: Any
    timeout: int
    """How long there is to answer, in nanoseconds."""


@dataclass(frozen=True, slots=True)
class QueryAnswered:
    """A member answered our query of this number."""

    query: int
    responder: str
    payload: Any


@dataclass(frozen=True, slots=True)
class QueryDone:
    """Our query of this number is over: everybody has answered, or its time is up."""

    query: int
    silent: tuple[str, ...]
    """The members it was meant for from which nothing came."""


UserEffect = UserEvent | UserEventsLost | QueryAsked | QueryAnswered | QueryDone

Effect = Transmit | Persist | MemberEvent | QuorumChanged | UserEffect
