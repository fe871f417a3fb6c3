"""The story of a failure: what the members concerned did and heard last, in sentences.

A failure is one line: the invariant in words, when, at which node, and the command that brings it
back. The story under it is read off the log of the run. Datagrams are opened with the key of the
run, and labelled by what they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gossip.wire.channel import Channel, Dropped
from gossip.wire.messages import Delta, Join, Message, Probe, ProbeRequest, decode_datagram
from sim.agenda import SECOND
from sim.errors import InvariantViolation
from sim.streams import derived
from sim.trace import NOBODY, Kind, Record

LINES = 20
"""How many events a story has, unless another number is asked for: about a screen."""

DULL = frozenset({Kind.WAKE, Kind.PERSIST})
"""Left out of stories: what a process does at an alarm shows in what it then sends or tells."""

HAPPENED = {
    Kind.START: "starts",
    Kind.WAKE: "wakes",
    Kind.WRITE: "its user writes",
    Kind.LEAVE: "leaves",
    Kind.LEFT: "has left",
    Kind.CRASH: "crashed",
    Kind.POWER_LOSS: "crashed (power)",
    Kind.PAUSE: "paused",
    Kind.RESUME: "goes on",
    Kind.HEAL: "the partition heals",
    Kind.PERSIST: "saves records",
    Kind.BOUNCE: "hears that no process is there",
}
"""What is said of kinds that carry nothing else; a new kind is told by its name."""

ARRIVES = {
    Kind.DELIVER: "",
    Kind.REFUSE: "refused, no process there",
    Kind.VANISH: "vanished at the host",
}
"""What becomes of a datagram at its host."""


def failure(violation: InvariantViolation, replay: str) -> str:
    """One line: what broke, when and where, what was seen, and how to see it again."""
    return (
        f"{violation.invariant} is broken at {violation.node}, {violation.time:.3f} s: "
        f"{violation.words}; seen: {violation.detail}; replay: {replay}"
    )


def told(
    log: Sequence[Record], seed: int, violation: InvariantViolation, lines: int = LINES
) -> list[str]:
    """The last events, up to a violation, of the members that it concerns; all, for 0 lines."""
    until, reader = round(violation.time * SECOND), Reader(seed)
    events = list(concerning(log, concerned(violation), until))
    return [reader.sentence(record) for record in events[-lines:]]


def concerned(violation: InvariantViolation) -> set[int]:
    """The node that broke an invariant, and those that are named in what was seen."""
    words = f"{violation.node} {violation.detail}"
    return {int(number) for number in re.findall(r"\bn(\d+)\b", words)}


def concerning(log: Iterable[Record], nodes: set[int], until: int) -> Iterator[Record]:
    """What happened to these nodes, and to the network of all, up to a moment.

    Of the datagrams, those among the nodes; of one node alone, all of its own.
    """
    for record in log:
        if record.at > until:
            return
        if record.kind in DULL:
            continue
        ends = {record.node, record.peer} - {NOBODY}
        if not ends or ends <= nodes or (len(nodes) == 1 and ends & nodes):
            yield record


class Reader:
    """Turns the events of one run into sentences."""

    def __init__(self, seed: int) -> None:
        self._channel = Channel(derived(seed, "cluster secret"), bytes)

    def sentence(self, record: Record) -> str:
        """One event, with its time in virtual seconds."""
        return f"{record.at / SECOND:.3f} s {self._words(record)}"

    def holds(self, datagram: bytes) -> str:
        """What a datagram holds, in the words of the protocol."""
        try:
            _, _, messages = decode_datagram(self._channel.open(datagram))
        except Dropped as dropped:
            return f"{len(datagram)} bytes that do not open ({dropped.reason})"
        kinds = [_message(message) for message in messages]
        return ", ".join(dict.fromkeys(kinds)) or "nothing"

    def _words(self, record: Record) -> str:
        node, peer, kind = f"n{record.node}", f"n{record.peer}", record.kind
        if kind in ARRIVES:
            fate = f" ({ARRIVES[kind]})" if ARRIVES[kind] else ""
            return f"{node} ← {peer} {self.holds(record.payload)}{fate}"
        if kind is Kind.LOSE:
            target = "an address that is nobody's" if record.peer == NOBODY else peer
            return f"{node} → {target} {self.holds(record.payload)}, lost"
        if kind is Kind.MEMBER:
            return f"{node}: {record.payload.decode()}"
        where = "the network" if record.node == NOBODY else node
        if record.peer != NOBODY:
            where += f" → {peer}"
        what = HAPPENED.get(kind, kind.name.lower().replace("_", " "))
        detail = "" if kind in HAPPENED else f" {_payload(record.payload)}"
        return f"{where}: {what}{detail}".rstrip()


def _message(message: Message) -> str:
    match message:
        case Probe(target=target) | ProbeRequest(target=target):
            return f"{_name(message)} of {target}"
        case Delta(end=end):
            return "delta" if not end else "last delta"
        case Join(claim=claim):
            return f"join of {claim.name}"
    claims: Any = getattr(message, "claims", None)
    if claims:
        said = ", ".join(
            f"{claim.name} {claim.state.name.lower()} {claim.incarnation}" for claim in claims[:3]
        )
        return f"{_name(message)} ({said}{', …' if len(claims) > 3 else ''})"
    return _name(message)


def _name(message: Message) -> str:
    """`ProbeRequest` as `probe request`."""
    return re.sub(r"(?<=.)([A-Z])", r" \1", type(message).__name__).lower()


def _payload(payload: bytes) -> str:
    """The words that a record carries, if it carries words."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return f"({len(payload)} bytes)"
    return text if text.isprintable() else f"({len(payload)} bytes)"
