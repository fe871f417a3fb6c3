"""What users were told by other users, against what these said.

The oracle knows who said what, and whom the origin knew as a member at that moment: to these the
event is owed. A process gets the events of each origin in order, each once, and none that nobody
said; and where it gets one and not those before it, it was told of at least as many that are lost.
Whether everything owed has come can only be asked once the network works again: `owed`.

A query is an event like any other, for the users that it is meant for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gossip import Peer, QueryAsked, UserEvent, UserEventsLost
from gossip.member import State
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.promises import HEARD, IN_ORDER, NO_GAP, SAID, Report
from sim.invariants.records import Process

CALM_BOUND = SECOND
"""How long an event may take in a network that was never disturbed: far longer than it does."""


class Said(NamedTuple):
    """One event, at its origin."""

    at: int
    topic: str
    payload: Any
    owed: tuple[Process, ...]
    """The processes that the origin took for members then, and that it is meant for."""
    only: Collection[str]
    """Whom it is meant for, when not for all."""


@dataclass(slots=True)
class Heard:
    """What one process was told of one process of an origin."""

    last: int = 0
    lost: int = 0
    """How many events it was told are lost, since it was told of the last that is not."""
    numbers: dict[int, None] = field(default_factory=dict)


class Broadcasts:
    """Every event of users, as it was said and as it was heard."""

    __slots__ = ("_heard", "_hosts", "_process", "_report", "_said", "_told_lost")

    def __init__(
        self,
        hosts: Sequence[Host],
        report: Report,
        process: Callable[[str, int], Process | None],
    ) -> None:
        self._hosts = hosts
        self._report = report
        self._process = process
        self._said: dict[Process, dict[int, Said]] = {}
        """By origin, and by their numbers."""
        self._heard: dict[Process, dict[Process, Heard]] = {}
        """By who heard, and by origin."""
        self._told_lost: dict[tuple[int, int, str], int] = {}

    def said(
        self,
        host: Host,
        peer: Peer,
        number: int,
        topic: str,
        payload: Any,
        now: int,
        only: Collection[str] = (),
    ) -> None:
        """A user broadcasts, or asks all or `only` some; to be told before it is heard."""
        known = {
            (claim.name, claim.epoch)
            for claim in peer._membership.claims()
            if claim.state in (State.ALIVE, State.SUSPECT)
        }
        owed = tuple(
            (other.index, other.boots)
            for other in self._hosts
            if other.peer is not None
            and other.running
            and (other.name, other.peer._membership.me.epoch) in known
            and (not only or other.name in only)
        )
        origin = host.index, host.boots
        self._said.setdefault(origin, {})[number] = Said(now, topic, payload, owed, only)

    def lost(self, host: Host, effect: UserEventsLost) -> None:
        """A process was told that it will not be told something."""
        key = host.index, host.boots, effect.origin
        self._told_lost[key] = self._told_lost.get(key, 0) + effect.missed
        for (index, _), heard in self._heard.get(key[:2], {}).items():
            if self._hosts[index].name == effect.origin:
                heard.lost += effect.missed

    def heard(self, host: Host, event: UserEvent | QueryAsked, now: int) -> None:
        """A process was told what somebody said or asks."""
        if isinstance(event, QueryAsked):
            name, boot, number = event.id
        else:
            name, boot, number = event.origin, event.boot, event.sequence
        words = f"{event.payload!r}, number {number} of {name}"
        origin, process = self._process(name, boot), (host.index, host.boots)
        events = self._said.get(origin, {}) if origin else {}
        said = events.get(number)
        if said is None or (said.topic, said.payload) != (event.topic, event.payload):
            self._report(SAID, host.name, now, f"{words} about {event.topic!r}")
        elif said.only and host.name not in said.only:
            self._report(SAID, host.name, now, f"{words}, for {', '.join(said.only)} alone")
        if origin is None:
            return
        heard = self._heard.setdefault(process, {}).setdefault(origin, Heard())
        if number <= heard.last:
            self._report(IN_ORDER, host.name, now, f"{words} after number {heard.last}")
        between = [
            each
            for each in range(heard.last + 1, number)
            if each in events and process in events[each].owed
        ]
        if heard.last == 0:  # losses may have been told before there was anything to hear
            heard.lost = self._told_lost.get((*process, name), 0)
        if len(between) > heard.lost:
            detail = f"{words}, without {len(between)} before it, and {heard.lost} said to be lost"
            self._report(NO_GAP, host.name, now, detail)
        heard.last, heard.lost = max(heard.last, number), 0
        heard.numbers[number] = None

    def owed(self) -> Iterator[tuple[Host, str, int, Said]]:
        """What running processes have not heard, of origins that run, and were not told is lost:
        who, of whom, which number, and what it was.
        """
        for origin, events in self._said.items():
            source = self._hosts[origin[0]]
            if source.peer is None or not source.running or source.boots != origin[1]:
                continue
            for host in self._hosts:
                if host.peer is None or not host.running or host.paused:
                    continue
                process = host.index, host.boots
                heard = self._heard.get(process, {}).get(origin, Heard())
                missing = [
                    (host, source.name, number, said)
                    for number, said in events.items()
                    if process in said.owed and number not in heard.numbers
                ]
                # Which ones were lost is not told, and only the oldest ever are.
                yield from missing[self._told_lost.get((*process, source.name), 0) :]

    def waiting(self, core: Collection[str]) -> Iterator[str]:
        """What those of a core owe each other still, in words."""
        for host, origin, number, said in self.owed():
            if host.name in core and origin in core:
                ago = f"said at {said.at / SECOND:.1f} s"
                yield f"{host.name} has yet to hear number {number} of {origin}, {ago}"

    def examine(self, now: int, *, calm: bool) -> None:
        """In a network that was never disturbed, everybody hears everything within a moment."""
        if not calm:
            return
        for host, origin, number, said in self.owed():
            if now - said.at > CALM_BOUND:
                detail = f"number {number} of {origin}, said {(now - said.at) / SECOND:.1f} s ago"
                self._report(HEARD, host.name, now, detail)
