"""What the arguments of actions are: each has a check, which refuses what cannot be meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crdt.values import normalise, pack
from gossip.members.tags import encoded
from gossip.wire.user_messages import MAX_PAYLOAD, MAX_RELAYS, MAX_TIMEOUT, is_topic
from sim.agenda import finite, nanoseconds
from sim.clocks import drift as drift_rate
from sim.disk import Health
from sim.errors import SimError
from sim.faults import Faults
from sim.liar import LIES
from sim.partitions import SHAPES

MILLISECOND = 1_000_000

MAX_TEXT = 512
"""Bytes of a name or a key of data: enough for any, and escaped it still fits."""

TIMES_MAX = 10_000
"""How often one step may say a thing: our choice. All of them are said at one moment."""

Check = Callable[[Any, str, set[str]], None]
"""Refuses an argument (its value, its name, the names of the nodes) with a `SimError`."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an action."""

    check: Check
    required: bool = True


def _node(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not str or value not in nodes:
        raise SimError(f"{what}: there is no node {value!r}: they are n0 to n{len(nodes) - 1}")


def _groups(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not list or not all(type(group) is list for group in value):
        raise SimError(f"{what} is a list of lists of nodes, not {value!r}")
    placed = [name for group in value for name in group]
    for name in placed:
        _node(name, what, nodes)
        if placed.count(name) > 1:
            raise SimError(f"{what}: {name} is in two groups")


def _text(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not str:
        raise SimError(f"{what} is text, not {value!r}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:  # half a pair, which JSON can write
        raise SimError(f"{what} is text, and {value!r} cannot be encoded") from None
    if size > MAX_TEXT:
        raise SimError(f"{what} is text of at most {MAX_TEXT} bytes, and this has more")


def _flag(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not bool:
        raise SimError(f"{what} is true or false, not {value!r}")


def _count(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not int or not 0 <= value < 2**63:
        raise SimError(f"{what} is a number from 0 to 2**63 - 1, not {value!r}")


def _duration(value: Any, what: str, _: set[str]) -> None:
    nanoseconds(value, what)


def _seconds(value: Any, what: str, _: set[str]) -> None:
    finite(value, f"{what} is a number of seconds")


def _several(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not list or len(value) < 2:
        raise SimError(f"{what} is a list of two nodes or more, not {value!r}")
    _groups([value], what, nodes)


def _pairs(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not list:
        raise SimError(f"{what} is a list of pairs of nodes, not {value!r}")
    for pair in value:
        if type(pair) is not list or len(pair) != 2:
            raise SimError(f"{what} is a list of pairs of nodes, not of {pair!r}")
        _groups([pair], what, nodes)


def _durations(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not list:
        raise SimError(f"{what} is a list of numbers of seconds, not {value!r}")
    for each in value:
        nanoseconds(each, what)


def _shape(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not str or value not in SHAPES:
        raise SimError(f"{what}: there is no shape {value!r}: {', '.join(SHAPES)}")


def _rate(value: Any, _what: str, _: set[str]) -> None:
    drift_rate(value)


def _some(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not int or value < 1:
        raise SimError(f"{what} is a number from 1, not {value!r}")


def _times(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not int or not 1 <= value <= TIMES_MAX:
        raise SimError(f"{what} is a number from 1 to {TIMES_MAX}, not {value!r}")


def _value(value: Any, what: str, _: set[str]) -> None:
    try:
        normalise(value)
    except (TypeError, ValueError) as error:
        raise SimError(f"{what} is plain data: {error}") from None


def _table(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not dict or not all(type(key) is str for key in value):
        raise SimError(f"{what} is a table of texts, not {value!r}")
    for key in value:
        _text(key, f"a key of {what}", nodes)
    _value(value, what, nodes)


# What users say.


def _topic(value: Any, what: str, nodes: set[str]) -> None:
    _text(value, what, nodes)
    if not is_topic(value):
        raise SimError(f"{what} is a topic: text of 1 to 64 bytes, not {value!r}")


def _payload(value: Any, what: str, nodes: set[str]) -> None:
    _value(value, what, nodes)
    # A query that names whom it is for carries that beside it.
    most = MAX_PAYLOAD // 2
    if len(pack(normalise(value))) > most:
        raise SimError(f"{what} has more than {most} bytes")


def _timeout(value: Any, what: str, _: set[str]) -> None:
    if not 1 <= nanoseconds(value, what) // MILLISECOND <= MAX_TIMEOUT:
        raise SimError(f"{what} is 0.001 to {MAX_TIMEOUT // 1000} seconds, not {value!r}")


def _nodes(value: Any, what: str, nodes: set[str]) -> None:
    if type(value) is not list:
        raise SimError(f"{what} is a list of nodes, not {value!r}")
    _groups([value], what, nodes)


def _relays(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not int or not 0 <= value <= MAX_RELAYS:
        raise SimError(f"{what} is a number from 0 to {MAX_RELAYS}, not {value!r}")


def _tags(value: Any, what: str, nodes: set[str]) -> None:
    _table(value, what, nodes)
    if not all(type(text) is str for text in value.values()):
        raise SimError(f"{what} is a table of texts, not {value!r}")
    try:
        encoded(value)
    except ValueError as error:
        raise SimError(f"{what}: {error}") from None


def _lie(value: Any, what: str, _: set[str]) -> None:
    if type(value) is not str or value not in LIES:
        raise SimError(f"{what}: there is no lie {value!r}: {', '.join(LIES)}")


def part_of(record: type[Faults | Health], name: str) -> Argument:
    """An argument that is a field of this record, and checked by it."""

    def check(value: Any, _what: str, _: set[str]) -> None:
        record(**{name: value})

    return Argument(check, required=False)


NODE, GROUPS, TEXT, COUNT = Argument(_node), Argument(_groups), Argument(_text), Argument(_count)
SECONDS, DURATION, RATE = Argument(_seconds), Argument(_duration), Argument(_rate)
SEVERAL, PAIRS, SHAPE = Argument(_several), Argument(_pairs), Argument(_shape)
VALUE, TABLE = Argument(_value), Argument(_table)
MAYBE, PERHAPS_TEXT, PERHAPS_NODE, PERHAPS_LONG, PERHAPS_SOME, PERHAPS_DURATIONS = (
    Argument(check, required=False) for check in (_flag, _text, _node, _duration, _some, _durations)
)
TOPIC, TIMEOUT, TAGS, LIE = Argument(_topic), Argument(_timeout), Argument(_tags), Argument(_lie)
PAYLOAD, PERHAPS_NODES, PERHAPS_RELAYS, PERHAPS_TIMES = (
    Argument(check, required=False) for check in (_payload, _nodes, _relays, _times)
)
WORDS = frozenset(argument.check for argument in (TEXT, TOPIC, TAGS, PAYLOAD))
"""The checks of what is a user's own, where "n1" names no node."""
