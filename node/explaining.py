"""What a node says when somebody asks why, or who cannot reach whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gossip import Case
from node.talking import Answers

NS = 1_000_000_000

REACH = "coterie.reach"
"""The topic under which members ask each other whom they do not reach."""

ROOM = 700
"""Bytes of names in one answer: it has to fit a datagram."""


def case_object(case: Case, now: int) -> dict[str, Any]:
    """A suspicion, as JSON has it. Times are in seconds before now."""
    began, ended = (now - case.began) / NS, None if case.ended is None else (now - case.ended) / NS
    return {
        "incarnation": case.incarnation,
        "began_ago": began,
        "ended_ago": ended,
        "outcome": case.outcome,
        "accusers": [{"name": name, "refused": refused} for name, refused in case.accusers],
        "verdict": case.verdict or None,
        "rtt": case.rtt,
        "health": case.health,
        "words": in_words(case, now),
    }


def in_words(case: Case, now: int) -> str:
    """A suspicion in one sentence."""
    began = (now - case.began) / NS
    accusers = ", ".join(
        f"{name} (refused by its host)" if refused else name for name, refused in case.accusers
    )
    first = f"{began:.1f} s ago {case.name} (incarnation {case.incarnation}) was suspected"
    link = "no round trip to it was known" if case.rtt is None else f"{case.rtt * 1000:.1f} ms away"
    own = "this agent was well" if not case.health else f"this agent's own health was {case.health}"
    if case.ended is None:
        end = "and still is"
    else:
        took = (case.ended - case.began) / NS
        by = f" by the word of {case.verdict}" if case.verdict else ""
        end = f"{took:.2f} s later it was {case.outcome}{by}"
    return f"{first}, accused by {accusers}; {end}; {link}, {own}"


def reach(unreached: Mapping[str, bool]) -> list[Any]:
    """Whom a member does not reach, as it travels: as many as fit, and last how many more."""
    rows: list[Any] = []
    room = ROOM
    for name, others in unreached.items():
        room -= len(name.encode()) + 4
        if room < 0:
            break
        rows.append([name, others])
    return [*rows, len(unreached) - len(rows)]


async def gathered(me: str, mine: Mapping[str, bool], answers: Answers) -> dict[str, Any]:
    """Who does not reach whom, of all that answer; `more` are those that an answer had no room
    for.
    """
    rows = [(me, name, others) for name, others in mine.items()]
    more: dict[str, int] = {}
    async for answer in answers:
        if answer.responder == me or not isinstance(answer.payload, list):
            continue
        rows += [
            (answer.responder, pair[0], bool(pair[1]))
            for pair in answer.payload
            if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
        ]
        if answer.payload and type(answer.payload[-1]) is int and answer.payload[-1] > 0:
            more[answer.responder] = answer.payload[-1]
    return {
        "unreached": [{"from": a, "to": b, "others": others} for a, b, others in sorted(rows)],
        "more": more,
        "silent": sorted(answers.silent),
    }
