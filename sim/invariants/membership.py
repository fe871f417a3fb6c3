"""What members believe of each other, beside what is true.

The oracle knows what no member can: which (epoch, incarnation) each process really took for itself,
and since when a process has been down. A table is looked through when its member tells its user
something, and now and then: the larger the cluster, the more seldom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gossip import Peer
from gossip.member import Claim, State
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.bounds import excess
from sim.invariants.promises import (
    BOUNDED,
    COMPLETE,
    FORWARD,
    OWN_WORD,
    PRECEDENCE,
    RETURN,
    Report,
)

LOOK = SECOND // 10
"""A table is looked through once in so long, times the members: the work grows with the cluster,
not with its square.
"""

PATIENCE = 2
"""How many times as long as it should take at worst something may take: clocks drift."""


@dataclass(slots=True)
class Belief:
    """What one process believes of one member, and since when it was seen to."""

    order: tuple[int, int, State]
    wrong: int | None = None
    """Since when, by the observer's own clock, it has seemed to be there and was not."""


@dataclass(slots=True)
class Observer:
    """One process, as it was when it was last looked at."""

    boot: int
    me: Claim | None = None
    stepped: int = 0
    """When it last did something, by its own clock."""
    look: int = 0
    factor: int = 1
    """How many times slower than it should be it has found itself, at worst."""
    version: int = -1
    """Of the table that was looked through last."""
    beliefs: dict[str, Belief] = field(default_factory=dict)


class Members:
    """Watches every table of members."""

    __slots__ = ("_down", "_hosts", "_observers", "_report", "_said")

    def __init__(self, hosts: Sequence[Host], report: Report) -> None:
        self._hosts = hosts
        self._report = report
        self._said: dict[str, dict[tuple[int, int], None]] = {}
        self._down: dict[str, int] = {}
        self._observers: dict[int, Observer] = {}

    def ended(self, host: Host, now: int) -> None:
        """A process is no more."""
        self._down[host.name] = now

    def stepped(self, host: Host, peer: Peer, now: int, clock: int) -> bool:
        """A process has done something, at `clock` by its own; True when it was time to look
        through all it has.
        """
        observer = self._observers.get(host.index)
        if observer is None or observer.boot != host.boots:
            observer = self._observers[host.index] = Observer(host.boots)
            self._down.pop(host.name, None)
        membership, timing = peer._membership, peer._timing
        if observer.me is not membership.me:
            self._spoke(host, observer, membership.me, now)
        if clock - observer.stepped > timing.probe_interval + timing.probe_timeout // 2:
            self._stood_still(observer)
        observer.stepped = clock
        observer.factor = max(observer.factor, membership.health.factor)
        if now < observer.look:
            return False
        observer.look = now + LOOK * len(self._hosts)
        if host.service:  # a slow process may be too late for every verdict
            self._stood_still(observer)
        if self._down or observer.version != membership.version:  # else it is as it was, and right
            observer.version = membership.version
            for claim in membership.claims():
                self._believes(host, peer, observer, claim, now)
        for detail in excess(host, peer, len(self._hosts)):
            self._report(BOUNDED, host.name, now, detail)
        return True

    def told(self, host: Host, peer: Peer, name: str, now: int) -> None:
        """A process has told its user something about a member."""
        observer, claim = self._observers.get(host.index), peer._membership.get(name)
        if observer is not None and claim is not None:
            self._believes(host, peer, observer, claim, now)

    def _stood_still(self, observer: Observer) -> None:
        """What a process did not do in time says nothing about it."""
        for belief in observer.beliefs.values():
            belief.wrong = None

    def _spoke(self, host: Host, observer: Observer, me: Claim, now: int) -> None:
        """A member says something new of itself."""
        before, observer.me = observer.me, me
        if before is not None and _order(me) < _order(before):
            detail = (
                f"{host.name} says {_words(_order(me))} of itself after {_words(_order(before))}"
            )
            self._report(FORWARD, host.name, now, detail)
        self._said.setdefault(me.name, {})[_order(me)[:2]] = None

    def _believes(self, host: Host, peer: Peer, observer: Observer, claim: Claim, now: int) -> None:
        """What a process believes of a member now."""
        order = _order(claim)
        belief = observer.beliefs.get(claim.name)
        if belief is None or belief.order != order:
            if belief is not None and order < belief.order and not _forgotten(peer, claim, belief):
                self._back(host, claim, belief, now)
            observer.beliefs[claim.name] = belief = Belief(order)
            if order[:2] not in self._said.get(claim.name, {}):
                detail = f"{claim.name} in {_words(order)}, which it never said of itself"
                self._report(OWN_WORD, host.name, now, detail)
        down = self._down.get(claim.name)
        if down is None or not claim.state.running or peer.phase != "running":
            belief.wrong = None
        elif belief.wrong is None:
            belief.wrong = observer.stepped
        elif observer.stepped - belief.wrong > self._bound(peer, observer, claim.state):
            state, seconds = claim.state.name.lower(), (now - down) / SECOND
            detail = f"{claim.name} is {state} here, {seconds:.1f} s after it ended"
            self._report(COMPLETE, host.name, now, detail)

    def _back(self, host: Host, claim: Claim, belief: Belief, now: int) -> None:
        came_back = claim.state.running and not belief.order[2].running
        detail = f"{claim.name} in {_words(_order(claim))}, after {_words(belief.order)}"
        self._report(RETURN if came_back else PRECEDENCE, host.name, now, detail)

    def _bound(self, peer: Peer, observer: Observer, state: State) -> int:
        """How long a process may go on believing that somebody is there who is not.

        It asks everybody itself, once in two rounds at the very worst, and nobody answers.
        """
        timing, members = peer._timing, len(self._hosts)
        longest = (2 * members + 1) * timing.probe_interval * observer.factor
        if state is State.SUSPECT:
            longest = timing.suspicion_timeout(members)
        return PATIENCE * longest


def _forgotten(peer: Peer, claim: Claim, belief: Belief) -> bool:
    """Whether a member was listed no longer, so that its last word is as good as a newer one."""
    floor = peer._membership._floors.of(claim)
    return floor == belief.order[:2] == _order(claim)[:2]


def _order(claim: Claim) -> tuple[int, int, State]:
    """What makes a claim newer than another: not the property of the code that is judged here."""
    return claim.epoch, claim.incarnation, claim.state


def _words(order: tuple[int, int, State]) -> str:
    epoch, incarnation, state = order
    return f"epoch {epoch}, incarnation {incarnation}, {State(state).name.lower()}"
