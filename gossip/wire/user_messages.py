"""What members carry for their users: events, queries and answers, and what keeps them in order.

The kinds 20 to 29 of `messages`, validated like all others. An *event* is a `Broadcast` or a
`Query`: both are numbered by the member that they come from (its *origin*), in one sequence per
boot, and travel in the same way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgpack

from .fields import Field, integer, name, u64
from .selection import Condition, Where, check

MAX_PAYLOAD = 800
"""The largest payload, encoded; chosen by us: with the longest names and a selection around it, an
event still fits a datagram.
"""

MAX_EVENT_BYTES = 1000
"""The largest event as a frame: beside the longest name of a sender it fits a datagram."""

MAX_TOPIC_BYTES = 64
"""The longest topic, in UTF-8."""

MAX_TIMEOUT = 3_600_000
"""The longest that a query waits, in milliseconds."""

MAX_RELAYS = 4
"""Through how many others an answer may be sent; each costs a datagram more for each answer."""

MAX_HEADS = 24
"""How many streams are told of in one message: they fit a datagram with the longest names, almost
always in the room beside others.
"""

MAX_NUMBERS = 64
"""How many events are asked for at once: as many as are kept."""

MAX_SEQUENCE = 2**63 - 1
"""Nobody broadcasts as often, and there is always a number that comes after."""


class Broadcast(NamedTuple):
    """An event for the users of all members."""

    origin: str
    boot: int
    sequence: int
    topic: str
    payload: bytes


class Query(NamedTuple):
    """An event that asks the users of some members, who have so many milliseconds to answer."""

    origin: str
    boot: int
    sequence: int
    topic: str
    payload: bytes
    timeout: int
    relays: int
    where: Where


class Answer(NamedTuple):
    """What `responder` answers to the query of that number; None: nobody there answers such. Who is
    not the asker passes it on to him.
    """

    asker: str
    boot: int
    sequence: int
    responder: str
    payload: bytes | None


class Answered(NamedTuple):
    """The asker has the answer of `responder`. Who is not the responder passes it on to him."""

    asker: str
    boot: int
    sequence: int
    responder: str


class Heads(NamedTuple):
    """The latest events that the sender knows of: origin, boot and number of each."""

    heads: tuple[tuple[str, int, int], ...]


class Lacking(NamedTuple):
    """Send me these events of this origin; without numbers: tell me where I begin."""

    origin: str
    boot: int
    numbers: tuple[int, ...]


class Begins(NamedTuple):
    """The origin to one member: events from `owed` on are meant for you, those from `kept` on can
    still be had.
    """

    origin: str
    boot: int
    owed: int
    kept: int


Event = Broadcast | Query
UserMessage = Broadcast | Query | Answer | Answered | Heads | Lacking | Begins


def is_topic(value: Any) -> bool:
    """Whether this can be a topic: text of 1 to `MAX_TOPIC_BYTES` bytes."""
    if type(value) is not str:
        return False
    return 0 < len(value.encode(errors="replace")) <= MAX_TOPIC_BYTES


def _topic(value: Any) -> str:
    if not is_topic(value):
        raise ValueError
    text: str = value
    return text


def _payload(value: Any) -> bytes:
    if type(value) is not bytes or len(value) > MAX_PAYLOAD:
        raise ValueError
    return value


def _perhaps_payload(value: Any) -> bytes | None:
    return None if value is None else _payload(value)


def _where(value: Any) -> Where:
    if type(value) is not tuple or len(value) != 2:
        raise ValueError
    names, conditions = value
    if type(names) is not tuple or type(conditions) is not tuple:
        raise ValueError
    for condition in conditions:
        if type(condition) is not tuple or tuple(map(type, condition)) != (str, bool, str):
            raise ValueError
    where = Where(names, tuple(Condition(*condition) for condition in conditions))
    check(where)
    return where


def _head(value: Any) -> tuple[str, int, int]:
    if type(value) is not tuple or len(value) != 3:
        raise ValueError
    return name(value[0]), u64(value[1]), _sequence(value[2])


def _heads(value: Any) -> tuple[tuple[str, int, int], ...]:
    if type(value) is not tuple or len(value) > MAX_HEADS:
        raise ValueError
    return tuple([_head(head) for head in value])


def _numbers(value: Any) -> tuple[int, ...]:
    if type(value) is not tuple or len(value) > MAX_NUMBERS:
        raise ValueError
    return tuple([_sequence(number) for number in value])


_sequence = integer(MAX_SEQUENCE, 1)
_FROM = (name, u64, _sequence)

USER_KINDS: dict[int, tuple[type[Any], tuple[Field, ...]]] = {
    20: (Broadcast, (*_FROM, _topic, _payload)),
    21: (Query, (*_FROM, _topic, _payload, integer(MAX_TIMEOUT), integer(MAX_RELAYS), _where)),
    22: (Answer, (*_FROM, name, _perhaps_payload)),
    23: (Answered, (*_FROM, name)),
    24: (Heads, (_heads,)),
    25: (Lacking, (name, u64, _numbers)),
    26: (Begins, (*_FROM, _sequence)),
}
"""The kinds of `messages.KINDS` that are for users."""

_NUMBERS = {message: kind for kind, (message, _) in USER_KINDS.items()}


def encode_user(message: UserMessage) -> bytes:
    """The frame of a message for users."""
    data: bytes = msgpack.packb((_NUMBERS[type(message)], *message))
    return data


def decode_event(frame: bytes) -> Event:
    """The event in a frame that we made ourselves."""
    kind, *values = msgpack.unpackb(frame, use_list=False)
    message, fields = USER_KINDS[kind]
    event: Event = message(*(field(value) for field, value in zip(fields, values, strict=True)))
    return event
