"""What users ask each other, and what they answer, against what they are told of it.

An answer is what the user of that member really answered to that query, one from each, and it comes
before the query is over. A query is over when all who were meant and are there have answered, and
at its deadline in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gossip import Peer, QueryAnswered, QueryAsked, QueryDone
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.promises import ANSWERED, OVER, Report
from sim.invariants.records import Process
from sim.questions import Question

CALM_BOUND = SECOND
"""How long an answer may take in a network that was never disturbed."""

LATE = 2 * SECOND
"""How long after its deadline a query may go on: its process may be slow."""


@dataclass(slots=True)
class Asked:
    """One query, at its asker."""

    question: Question
    until: int
    """By the clock of its asker."""
    given: dict[str, tuple[Any, int]] = field(default_factory=dict)
    """What users answered, by their names, and when."""
    answers: dict[str, None] = field(default_factory=dict)
    """Whose answers the asker was told of."""
    over: bool = False


class Queries:
    """Every query of users, and every answer."""

    __slots__ = ("_asked", "_process", "_report")

    def __init__(self, report: Report, process: Callable[[str, int], Process | None]) -> None:
        self._report = report
        self._process = process
        self._asked: dict[tuple[int, int, int], Asked] = {}
        """By host, boot and number."""

    def asked(self, host: Host, number: int, question: Question, clock: int) -> None:
        """A user asks, at `clock` by his own."""
        asked = Asked(question, clock + question.timeout)
        self._asked[host.index, host.boots, number] = asked

    def given(self, host: Host, asked: QueryAsked, answer: Any, now: int) -> None:
        """The user of a process answers, in time as far as it can tell."""
        source = self._process(asked.id.asker, asked.id.boot)
        query = None if source is None else self._asked.get((*source, asked.id.number))
        if query is not None:
            query.given[host.name] = answer, now

    def answered(self, host: Host, effect: QueryAnswered, now: int) -> None:
        """A user is told of an answer."""
        query = self._asked[host.index, host.boots, effect.query]
        words = f"query {effect.query}, answered by {effect.responder} with {effect.payload!r}"
        if query.over:
            self._report(ANSWERED, host.name, now, f"{words}, which was over")
        if effect.responder in query.answers:
            self._report(ANSWERED, host.name, now, f"{words}, not for the first time")
        given, _ = query.given.get(effect.responder, (None, 0))
        if given != effect.payload:
            self._report(ANSWERED, host.name, now, f"{words}, which said {given!r}")
        query.answers[effect.responder] = None

    def done(self, host: Host, peer: Peer, effect: QueryDone, now: int, *, calm: bool) -> None:
        """A user is told that a query is over."""
        query = self._asked[host.index, host.boots, effect.query]
        words, clock = f"query {effect.query}", host.clocks.monotonic()
        if query.over:
            self._report(OVER, host.name, now, f"{words}, for the second time")
        query.over = True
        for name in effect.silent:
            known = peer._membership.get(name)
            if name in query.answers:
                self._report(OVER, host.name, now, f"{words}: {name} is silent, and has answered")
            if clock < query.until and known is not None and known.state.running:
                left = (query.until - clock) / SECOND
                self._report(OVER, host.name, now, f"{words}: {left:.3f} s early without {name}")
            _, at = query.given.get(name, (None, now))
            if calm and now > at + CALM_BOUND:
                self._report(OVER, host.name, now, f"{words}: {name} had answered and is silent")

    def examine(self, hosts: Sequence[Host], now: int) -> None:
        """No query outlives its deadline."""
        for (index, boots, number), query in self._asked.items():
            host = hosts[index]
            if query.over or host.boots != boots or host.peer is None or host.paused:
                continue
            over = host.clocks.monotonic() - query.until
            if over > LATE and not host.service and host.running:
                self._report(OVER, host.name, now, f"query {number}: {over / SECOND:.1f} s late")
