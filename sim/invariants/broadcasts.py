"""What users were told by other users, against what these said.

The oracle knows who said what, and whom the origin knew as a member at that moment: to these the
event is owed. A process gets the events of each origin in order, each once, and none that nobody
said; and where it gets one and not those before it, it was told of at least as many that are lost.
Whether everything owed has come can only be asked once the network works again: `owed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gossip import Peer, UserEvent, UserEventsLost
from gossip.member import State
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.promises import HEARD, IN_ORDER, NO_GAP, SAID, Report

CALM_BOUND = SECOND
"""How long an event may take in a network that was never disturbed: far longer than it does."""


class Said(NamedTuple):
    """One event, at its origin."""

    at: int
    topic: str
    payload: Any
    owed: tuple[tuple[int, int], ...]
    """The processes that the origin took for members then, by host and boot."""


@dataclass(slots=True)
class Heard:
    """What one process was told of one boot of an origin."""

    last: int = 0
    lost: int = 0
    """How many events it was told are lost, since it was told of the last that is not."""
    numbers: dict[int, None] = field(default_factory=dict)


class Broadcasts:
    """Every event of users, as it was said and as it was heard."""

    __slots__ = ("_boots", "_heard", "_hosts", "_report", "_said", "_told_lost")

    def __init__(self, hosts: Sequence[Host], report: Report) -> None:
        self._hosts = hosts
        self._report = report
        self._said: dict[tuple[str, int], dict[int, Said]] = {}
        """By origin and its boot number, and by their numbers."""
        self._boots: dict[tuple[str, int], int] = {}
        """Which boot of its host an origin's boot number belongs to."""
        self._heard: dict[tuple[int, int], dict[tuple[str, int], Heard]] = {}
        """By host and boot, and by origin."""
        self._told_lost: dict[tuple[int, int, str], int] = {}

    def said(self, host: Host, peer: Peer, number: int, topic: str, payload: Any, now: int) -> None:
        """A user broadcasts; to be told before it is heard."""
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
        )
        origin = host.name, peer._membership.me.epoch
        self._boots[origin] = host.boots
        self._said.setdefault(origin, {})[number] = Said(now, topic, payload, owed)

    def lost(self, host: Host, effect: UserEventsLost) -> None:
        """A process was told that it will not be told something."""
        key = host.index, host.boots, effect.origin
        self._told_lost[key] = self._told_lost.get(key, 0) + effect.missed
        for (origin, _), heard in self._heard.get(key[:2], {}).items():
            if origin == effect.origin:
                heard.lost += effect.missed

    def heard(self, host: Host, event: UserEvent, now: int) -> None:
        """A process was told what somebody said."""
        origin, process = (event.origin, event.boot), (host.index, host.boots)
        said = self._said.get(origin, {}).get(event.sequence)
        words = f"{event.payload!r}, number {event.sequence} of {event.origin}"
        if said is None or (said.topic, said.payload) != (event.topic, event.payload):
            self._report(SAID, host.name, now, f"{words} about {event.topic!r}")
        heard = self._heard.setdefault(process, {}).setdefault(origin, Heard())
        if event.sequence <= heard.last:
            self._report(IN_ORDER, host.name, now, f"{words}, after number {heard.last}")
        between = [
            number
            for number in range(heard.last + 1, event.sequence)
            if process in self._owed_to(origin, number)
        ]
        if heard.last == 0:  # losses may have been told before there was anything to hear
            heard.lost = self._told_lost.get((*process, event.origin), 0)
        if len(between) > heard.lost:
            detail = f"{words}, without {len(between)} before it, and {heard.lost} said to be lost"
            self._report(NO_GAP, host.name, now, detail)
        heard.last, heard.lost = max(heard.last, event.sequence), 0
        heard.numbers[event.sequence] = None

    def _owed_to(self, origin: tuple[str, int], number: int) -> tuple[tuple[int, int], ...]:
        said = self._said.get(origin, {}).get(number)
        return said.owed if said is not None else ()

    def owed(self) -> Iterator[tuple[Host, str, int, Said]]:
        """What running processes have not heard, of origins that run, and were not told is lost:
        who, of whom, which number, and what it was.
        """
        for origin, events in self._said.items():
            source = next(host for host in self._hosts if host.name == origin[0])
            if source.peer is None or self._boots[origin] != source.boots:
                continue
            for host in self._hosts:
                if host.peer is None or not host.running or host.paused:
                    continue
                process = host.index, host.boots
                heard = self._heard.get(process, {}).get(origin, Heard())
                missing = [
                    (host, origin[0], number, said)
                    for number, said in events.items()
                    if process in said.owed and number not in heard.numbers
                ]
                # Which ones were lost is not told, and only the oldest ever are.
                yield from missing[self._told_lost.get((*process, origin[0]), 0) :]

    def examine(self, now: int, *, calm: bool) -> None:
        """In a network that was never disturbed, everybody hears everything within a moment."""
        if not calm:
            return
        for host, origin, number, said in self.owed():
            if now - said.at > CALM_BOUND:
                detail = f"number {number} of {origin}, said {(now - said.at) / SECOND:.1f} s ago"
                self._report(HEARD, host.name, now, detail)
