"""A run as one HTML page: nodes as lanes, datagrams as slanted lines, and what led to what.

The page holds the whole log of a run in columns, and what a machine would ask of it is worked out
here: which kinds of messages a datagram held, what each node saw of the others and of the data,
when it was gone and when the network was cut. What eyes ask of it (where to look, what to leave
out, what an event goes back to) is the page's own, in `report.html`. The page asks for nothing from
any network and opens from any disk.
"""

from __future__ import annotations

import json
from ast import literal_eval
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from importlib.metadata import version
from importlib.resources import files
from itertools import pairwise
from typing import Any

from gossip.wire.channel import Channel, Dropped
from gossip.wire.messages import (
    KINDS,
    Ack,
    Claims,
    Delta,
    Join,
    Message,
    Piece,
    Probe,
    ProbeRequest,
    Pull,
    Table,
    Want,
    decode_datagram,
)
from sim.agenda import SECOND
from sim.disk import Health
from sim.faults import Faults
from sim.network import PARTITION
from sim.plan import Plan
from sim.runner import Outcome, play
from sim.simulation import Simulation
from sim.streams import derived
from sim.trace import Kind, Record
from sim.workload import Workload

ROWS_MAX = 400_000
"""The most events a page holds: some ten megabytes. Of a longer run it shows the end, where a
violation is.
"""

LOOK = 0.25
"""Virtual seconds between two looks at the digests; longer in a long run, see `LOOKS_MAX`."""

LOOKS_MAX = 4000

WORDS_MAX = 160
"""Longer words about one event are cut off."""

MICROSECOND = SECOND // 1_000_000

ARRIVALS = {Kind.DELIVER, Kind.REFUSE, Kind.VANISH}
DATAGRAMS = {*ARRIVALS, Kind.LOSE}
ENDINGS = {
    Kind.CRASH: "crashed",
    Kind.POWER_LOSS: "without power",
    Kind.LEFT: "left",
    Kind.HALT: "halted",
    Kind.UNFIT: "unfit",
}

MESSAGES = tuple(message.__name__ for message, _ in KINDS.values())
UNREADABLE = len(MESSAGES)
"""Stands for the kind of a datagram that does not open."""

STATES = ("alive", "suspect", "failed", "left")

Change = list[Any]
"""[microsecond, what it is from then on, …]."""


class Looks:
    """What the digests of the nodes were. It looks as the run goes, which leaves no trace."""

    def __init__(self, plan: Plan) -> None:
        self._pause = max(LOOK, (plan.seconds + plan.settle) / LOOKS_MAX)
        self.digests: list[list[Change]] = [[] for _ in range(plan.nodes)]

    def begin(self, sim: Simulation) -> None:
        """Look now, and again and again."""
        for changes, handle in zip(self.digests, sim.nodes, strict=True):
            note(changes, round(sim.now * 1e6), handle.digest()[:8] if handle.running else "")
        sim.at(sim.now + self._pause, self.begin)


def note(changes: list[Change], at: int, *now: Any) -> None:
    """Add what is so from `at` on, if it was not so already."""
    if not changes or changes[-1][1:] != [*now]:
        changes.append([at, *now])


def report(plan: Plan, command: str, *, workload: bool = False) -> tuple[Outcome, str]:
    """Play a plan; what became of it, and the page that shows it."""
    looks = Looks(plan)

    def begin(sim: Simulation) -> None:
        sim.replay = command
        looks.begin(sim)
        if workload:
            Workload(sim)

    outcome = play(plan, keep=True, begin=begin)
    data = head(outcome, command) | {"digests": looks.digests}
    return outcome, page(data | picture(outcome.simulation.log, plan, data["end"]))


def picture(log: Sequence[Record], plan: Plan, end: int) -> dict[str, Any]:
    """Everything that is drawn from a log, which ends at the microsecond `end`."""
    opened = list(map(Opener(plan), log))
    return {
        "rows": rows(log, opened),
        "states": states(log, plan.nodes),
        "contexts": contexts(log, opened, plan.nodes),
        "bands": list(bands(log, plan.nodes, end)),
        "gaps": list(gaps(log, plan.nodes, end)),
    }


def page(data: Mapping[str, Any]) -> str:
    """The template with the data in it."""
    template = files("sim").joinpath("report.html").read_text("utf-8")
    # Inside a script, "</" would end it and "<!--" would swallow the rest of the page.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    before, after = template.split('"THE DATA OF THE RUN"')
    return before + text + after


def head(outcome: Outcome, command: str) -> dict[str, Any]:
    """What names the run, and what was found in it."""
    sim, plan = outcome.simulation, outcome.plan
    return {
        "command": command,
        "version": version("coterie"),
        "seed": plan.seed,
        "trace_hash": outcome.trace_hash,
        "nodes": [handle.name for handle in sim.nodes],
        "end": round(sim.now * 1e6),
        "delay": round(plan.faults.delay * 1e6),
        "messages": list(MESSAGES),
        "kinds": ["", *(kind.name.lower().replace("_", " ") for kind in Kind)],
        "sent": sim.messages,
        "plan": plan.to_data(),
        "marks": dict(outcome.marks),
        "violations": [
            {
                "invariant": each.invariant,
                "words": each.words,
                "detail": each.detail,
                "node": each.node,
                "at": round(each.time * 1e6),
            }
            for each in outcome.violations
        ],
    }


# The log, in columns.


Opened = list[Message] | None
"""What a datagram held: None when it does not open; and nothing for what is no datagram."""


class Opener:
    """Reads datagrams with the key of the run, as nobody outside of the cluster could."""

    def __init__(self, plan: Plan) -> None:
        self._channel = Channel(derived(plan.seed, "cluster secret"), bytes)

    def __call__(self, record: Record) -> Opened:
        """The messages of one event."""
        if record.kind not in DATAGRAMS:
            return []
        try:
            return decode_datagram(self._channel.open(record.payload))[2]
        except Dropped:
            return None


class Words:
    """Everything that is said about events, each text once; an event holds its number."""

    def __init__(self) -> None:
        self.all: list[tuple[str, list[int]]] = []
        self._places: dict[tuple[str, tuple[int, ...]], int] = {}

    def place(self, text: str, messages: tuple[int, ...] = ()) -> int:
        """The number of a text, with the kinds of messages that it is about."""
        if len(text) > WORDS_MAX:
            text = text[: WORDS_MAX - 1] + "…"
        place = self._places.setdefault((text, messages), len(self.all))
        if place == len(self.all):
            self.all.append((text, list(messages)))
        return place


def rows(log: Sequence[Record], opened: Sequence[Opened]) -> dict[str, Any]:
    """The columns: times as differences in microseconds, causes as distances (0 for none)."""
    first = max(0, len(log) - ROWS_MAX)
    shown = log[first:]
    words, seen = Words(), set[bytes]()
    what = [
        words.place(*said(record, messages, seen))
        for record, messages in zip(shown, opened[first:], strict=True)
    ]
    times = [record.at // MICROSECOND for record in shown]
    return {
        "missing": first,
        "at": times[:1] + [after - before for before, after in pairwise(times)],
        "kind": [int(record.kind) for record in shown],
        "node": [record.node for record in shown],
        "peer": [record.peer for record in shown],
        "cause": [
            place - record.cause if record.cause >= first else 0
            for place, record in enumerate(shown, first)
        ],
        "size": [len(record.payload) if record.kind in DATAGRAMS else 0 for record in shown],
        "what": what,
        "words": words.all,
    }


def said(record: Record, messages: Opened, seen: set[bytes]) -> tuple[str, tuple[int, ...]]:
    """An event in words, and the kinds of the messages in it; `seen` is what arrived before."""
    if record.kind is Kind.MEMBER:
        event, name, _, incarnation = record.payload.decode().split()
        return f"{event.removeprefix('Member').lower()} {name}, incarnation {incarnation}", ()
    if record.kind not in DATAGRAMS:
        return fault_words(record), ()
    again = ""
    if record.kind is not Kind.LOSE:
        again = "again: " if record.payload in seen else ""
        seen.add(record.payload)
    if messages is None:
        return f"{again}does not open", (UNREADABLE,)
    kinds = dict.fromkeys(MESSAGES.index(type(message).__name__) for message in messages)
    return again + "; ".join(map(described, messages)), tuple(kinds)


def fault_words(record: Record) -> str:
    """What befell a node or the network; "" where the name of the kind says it all."""
    payload = record.payload.decode(errors="replace")
    match record.kind:
        case Kind.PERSIST | Kind.ROT | Kind.RESTORE | Kind.REBIND:
            return ""  # bytes of data: long, and never twice the same
        case Kind.BOUNCE:
            return f"n{record.peer} has no process"
        case Kind.SKEW:
            return f"wall clock {int(payload) / SECOND:+g} s"
        case Kind.DRIFT:
            return f"clocks drift {int(payload) / 1000:+g} µs a second"
        case Kind.JUMP:
            by, both = payload.split()
            return (
                f"{'both clocks jump' if int(both) else 'wall clock jumps'} {int(by) / SECOND:+g} s"
            )
        case Kind.SLOW:
            return f"slow: {int(payload.split()[0]) / SECOND:g} s an event"
        case Kind.DISK:
            return f"disk: {unusual(Health(), payload)}"
        case Kind.LINK:
            return f"link: {unusual(Faults(), payload)}"
        case Kind.PARTITION:
            groups, one_way = literal_eval(payload)
            told = " | ".join(" ".join(f"n{node}" for node in group) for group in groups)
            return f"partition {told} | the others{', one way' if one_way else ''}"
        case Kind.CUT:
            name, _, flap = literal_eval(payload)
            return f"cut {name}{', in turns' if flap else ''}"
        case _:
            return payload


def unusual(usual: Health | Faults, payload: str) -> str:
    """What of the values in a record is not as usual."""
    now = zip(fields(usual), literal_eval(payload), strict=True)
    changed = [f"{each.name} {value}" for each, value in now if value != getattr(usual, each.name)]
    return ", ".join(changed) or "as usual"


def described(message: Message) -> str:
    """One message in a few words: those that many have in common, for the page holds each once."""
    words = type(message).__name__.lower()
    if isinstance(message, Claims):
        words = ", ".join(
            f"{claim.name} {claim.state.name.lower()} {claim.incarnation}"
            for claim in message.claims
        )
    elif isinstance(message, Probe | ProbeRequest):
        words = f"{'probe' if isinstance(message, Probe) else 'please probe'} {message.target}"
    elif isinstance(message, Join):
        words = f"join of {message.claim.name}"
    elif isinstance(message, Table):
        words = f"table of {len(message.claims)}"
    elif isinstance(message, Pull):
        words = f"pull {message.session}" if message.session else "pull"
    elif isinstance(message, Delta):
        end = ("", ", the last", ", more to pull")[message.end]
        words = f"delta for pull {message.session}{end}" if message.session else "delta, pushed"
    elif isinstance(message, Piece):
        words = f"piece {message.place + 1} of {message.total}"
    elif isinstance(message, Want):
        words = f"want {len(message.places)} pieces"
    return words


# What was so for a while.


def states(log: Sequence[Record], nodes: int) -> list[list[Change]]:
    """Of each node: how many members it saw alive, suspect, failed and left, itself included."""
    views: list[dict[str, str]] = [{} for _ in range(nodes)]
    changes: list[list[Change]] = [[] for _ in range(nodes)]
    for record in log:
        if record.kind is Kind.START:
            views[record.node] = {f"n{record.node}": "alive"}
        elif record.kind is Kind.MEMBER:
            _, name, state, _ = record.payload.decode().split()
            views[record.node][name] = state
        elif record.kind in ENDINGS:
            views[record.node] = {}
        else:
            continue
        seen = [*views[record.node].values()]
        note(changes[record.node], record.at // MICROSECOND, *map(seen.count, STATES))
    return changes


def contexts(log: Sequence[Record], opened: Sequence[Opened], nodes: int) -> list[list[Change]]:
    """Of each node: the hash of what it had seen of the data, as it told others with its probes."""
    told: list[list[tuple[int, str]]] = [[] for _ in range(nodes)]
    for record, messages in zip(log, opened, strict=True):
        lost = record.kind is Kind.LOSE
        sender = record.node if lost else record.peer
        sent = record.at if lost or record.cause < 0 else log[record.cause].at
        for message in messages or ():
            if isinstance(message, Probe | Ack):
                told[sender].append((sent // MICROSECOND, message.data.hex()))
    changes: list[list[Change]] = [[] for _ in range(nodes)]
    for node, each in enumerate(told):
        for at, data in sorted(each, key=lambda one: one[0]):
            note(changes[node], at, data[:8])
    return changes


def bands(log: Sequence[Record], nodes: int, end: int) -> Iterator[Change]:
    """The cuts of the network: [from, to, the side of each node (-1 for no matter), in words]."""
    since: dict[str, Record] = {}
    for record in (*log, Record(end * MICROSECOND, Kind.HEAL, -1, -1, b"", -1)):
        ended: list[Record] = []
        if record.kind is Kind.HEAL:
            ended, since = [*since.values()], {}
        elif record.kind in {Kind.PARTITION, Kind.CUT, Kind.MEND}:
            name = cut_name(record)
            ended = [since.pop(name)] if name in since else []
            if record.kind is not Kind.MEND:
                since[name] = record
        for began in ended:
            times = [began.at // MICROSECOND, record.at // MICROSECOND]
            yield [*times, sides(began, nodes), fault_words(began)]


def cut_name(record: Record) -> str:
    """The name under which a cut begins or ends."""
    if record.kind is Kind.CUT:
        return str(literal_eval(record.payload.decode())[0])
    return record.payload.decode() if record.kind is Kind.MEND else PARTITION


def sides(record: Record, nodes: int) -> list[int]:
    """Of each node its side of a cut: those of one side reach each other, both ways."""
    told = literal_eval(record.payload.decode())
    if record.kind is Kind.PARTITION:
        places = {node: side for side, group in enumerate(told[0]) for node in group}
        return [places.get(node, len(told[0])) for node in range(nodes)]
    cut = {(source, target) for source, targets in told[1] for target in targets}
    touched = sorted({node for way in cut for node in way})
    found: list[list[int]] = []
    for node in touched:
        for side in found:
            if not any((node, other) in cut or (other, node) in cut for other in side):
                side.append(node)
                break
        else:
            found.append([node])
    places = {node: side for side, group in enumerate(found) for node in group}
    return [places.get(node, -1) for node in range(nodes)]


def gaps(log: Sequence[Record], nodes: int, end: int) -> Iterator[Change]:
    """When a node was gone or stood still: [from, to, node, in which way]."""
    close = [Record(end * MICROSECOND, Kind.START, node, -1, b"", -1) for node in range(nodes)]
    since: dict[int, tuple[int, str]] = {}
    for record in (*log, *close):
        at, node = record.at // MICROSECOND, record.node
        way = ENDINGS.get(record.kind) or ("paused" if record.kind is Kind.PAUSE else None)
        if node in since and (way or record.kind in {Kind.START, Kind.RESUME}):
            began, before = since.pop(node)
            yield [began, at, node, before]
        if way:
            since[node] = (at, way)
