"""The part of a node that is about the other members: who they are, and what users tell them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import trio

from gossip import Address, Member, MemberEvent, Peer, QuorumView, Statistics
from node.config import GOSSIP_PORT, checked_join, split_address
from node.explaining import REACH, case_object, gathered, reach
from node.seeds import Seeds
from node.tags import Tags
from node.talking import Answerer, Answers, BroadcastReader, Selection, Talk
from node.udp import resolve
from node.watching import EventReader, QuorumReader

NS = 1_000_000_000


class Company(ABC):
    """The calls of `Node` that concern other members."""

    _seeds: Seeds

    def __init__(self) -> None:
        self._peer: Peer | None = None
        self._undelivered: Counter[str] = Counter()
        # Weak: a reader that its user dropped, by a break or otherwise, is not told any more.
        self._readers: WeakSet[EventReader[MemberEvent]] = WeakSet()
        self._quorum_readers: WeakSet[QuorumReader] = WeakSet()
        self._talk = Talk(clock, self._perform)
        self._talk.answer(REACH, lambda _: reach(self._running().unreached()))
        self.tags = Tags(lambda: self._running().tags, self._set_tags)
        """What other members see beside the name; to be read and changed."""

    @abstractmethod
    def _running(self) -> Peer:
        """The peer, once there is one."""

    @abstractmethod
    def _open(self) -> Peer:
        """The peer, while it has not left."""

    @abstractmethod
    def _perform(self) -> None:
        """Do what the peer asks for."""

    # Members.

    @property
    def id(self) -> str:
        """This member's id, hex."""
        return self._running().id

    @property
    def address(self) -> Address:
        """Where other members reach this one."""
        return self._running().address

    @property
    def phase(self) -> str:
        """One of new, running, leaving, left."""
        return "new" if self._peer is None else self._peer.phase

    def members(self) -> tuple[Member, ...]:
        """All members heard of, this one included, by name."""
        return self._running().members()

    def rtt(self, a: str, b: str) -> float | None:
        """The round trip between two members in seconds: as measured from here, else estimated from
        their coordinates; None when neither is known.
        """
        return self._running().rtt(a, b)

    @property
    def quorum(self) -> QuorumView:
        """Whether most of the expected members are there, as seen from here. It is advice: nothing
        happens by it, and for some seconds both sides of a partition may be told so.
        """
        return self._running().quorum

    def quorum_changes(self) -> QuorumReader:
        """Iterate over the quorum view: first as it is now, then whenever its state changed, until
        this node has left. A slow reader gets the latest.
        """
        self._open()
        reader = QuorumReader(lambda: self.quorum)
        self._quorum_readers.add(reader)
        return reader

    def _set_tags(self, tags: Mapping[str, str]) -> None:
        self._open().set_tags(tags, clock())
        self._perform()

    def why(self, name: str) -> list[dict[str, Any]]:
        """The suspicions of a member that are known here, the latest first: accusers, outcome, and
        what was known then of the link to it and of this node's own health.
        """
        return [case_object(case, clock()) for case in self._running().why(name)]

    async def reachability(self, timeout: float = 1.0) -> dict[str, Any]:
        """Who does not reach whom itself, as each member says: `unreached` has objects with `from`,
        `to` and whether `others` reach it, and `silent` the members that said nothing in time.
        """
        me, mine = self._running().name, self._running().unreached()
        return await gathered(me, mine, await self.query(REACH, timeout=timeout))

    def converged(self) -> bool:
        """Whether every other member, as last heard, sees the same members and holds the same
        data.
        """
        return self._has_met() and self._running().converged()

    def _has_met(self) -> bool:
        """Whether another member was ever met, or nobody is to be met: a name of which nothing is
        known yet may stand for the whole cluster.
        """
        return self._running().joined and (len(self.members()) > 1 or not self._seeds.unheard)

    def statistics(self) -> Statistics:
        """What went over the wire so far."""
        undelivered = {name: self._undelivered[name] for name in sorted(self._undelivered)}
        return replace(self._running().statistics(), undelivered=undelivered)

    async def join(self, addresses: Sequence[str]) -> None:
        """Call members at further addresses. `OSError` for a host name that cannot be resolved."""
        peer = self._open()
        places = [split_address("join", text, GOSSIP_PORT) for text in checked_join(addresses)]
        peer.join([at for place in places for at in await resolve(*place)], clock())
        self._perform()

    def force_leave(self, name: str) -> None:
        """Have a suspected or failed member count as one that left, which it refutes by being there
        after all; or one that is listed no more, and still expected here. `ValueError` for any
        other.
        """
        if not self._open().force_leave(name, clock()):
            raise ValueError(f"{name!r} is no other member that is suspected or has failed")
        self._perform()

    def events(self) -> EventReader[MemberEvent]:
        """Iterate over membership events from now on, until this node has left. Before it is
        started, from the first one on.
        """
        if self.phase != "new":
            self._open()
        reader = EventReader[MemberEvent]()
        self._readers.add(reader)
        return reader

    def also_tell(self, reader: EventReader[Any]) -> None:
        """Tell a reader everything: of members, and what users tell each other."""
        self._open()
        self._readers.add(reader)
        self._talk.listeners.add(reader)

    # What users tell and ask each other.

    async def broadcast(self, topic: str, payload: Any = None) -> None:
        """Send an event to all members, this one included; plain data of up to 800 bytes.

        It waits while more is under way than can be repaired. `ValueError` or `TypeError` for what
        cannot be carried.
        """
        await self._talk.broadcast(self._open, topic, payload)

    def broadcasts(self, topic: str | None = None) -> BroadcastReader:
        """Iterate over the events of a topic, or of all, from now on, until this node has left.

        Those of one member come in the order in which it sent them, each once. `UserEventsLost`
        says that some of them could not be had any more, `Lagged` that this reader was too slow.
        """
        self._open()
        return self._talk.reader(topic)

    async def query(
        self,
        topic: str,
        payload: Any = None,
        *,
        timeout: float = 5.0,
        where: Selection = None,
        relays: int = 0,
    ) -> Answers:
        """Ask the members that `where` selects, all if it is left out; iterate over the answers.

        `where` is a mapping of tags, a list of names, or what `node.where(…)` makes. The iteration
        ends when all have answered, at the latest after `timeout` seconds; `silent` then names
        those from which nothing came. With `relays`, each answer comes through so many others too.
        """
        return await self._talk.query(self._open, topic, payload, timeout, where, relays)

    def answer(self, topic: str, function: Answerer | None) -> None:
        """Have a function answer the queries about a topic: called with a `Question`, it returns
        the answer, and may be async. Another one takes its place, None ends it.
        """
        self._open()
        self._talk.answer(topic, function)


def clock() -> int:
    """The time for the peer, in nanoseconds."""
    # Rounded, so that a deadline is reached when its float is: cut off, it could be a nanosecond
    # away for ever, on a clock that stands still between two events.
    return round(trio.current_time() * NS)
