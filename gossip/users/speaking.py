"""What a member does for its users beside data: events to all, questions and answers.

This is the part of `Peer` that routes it: to `broadcasts`, which spreads events and puts them in
order, and to `queries`, which asks and answers. Values become payloads here, and again values.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from random import Random
from typing import Any

from crdt import CrdtError
from crdt.values import check_value, normalise, pack, unpack
from gossip.effects import (
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberRecovered,
    QueryId,
    UserEffect,
    UserEvent,
    UserEventsLost,
)
from gossip.members.membership import Membership
from gossip.outbox import Outbox
from gossip.timers import Timers
from gossip.timing import MILLISECOND, Timing
from gossip.wire.selection import Where
from gossip.wire.user_messages import (
    MAX_PAYLOAD,
    MAX_RELAYS,
    MAX_TIMEOUT,
    MAX_TOPIC_BYTES,
    Answer,
    Answered,
    Begins,
    Broadcast,
    Event,
    Heads,
    Lacking,
    Query,
    UserMessage,
    is_topic,
)

from .broadcasts import Broadcasts
from .queries import Queries


class Speaking:
    """The calls of `Peer` for events and queries."""

    phase: str
    _membership: Membership
    _outbox: Outbox

    @abstractmethod
    def _settle(self, now: int) -> None: ...

    def _open_mouth(
        self,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        random: Random,
        outbox: Outbox,
    ) -> None:
        """Make the machines for events and queries."""
        common = membership, timing, timers, random, outbox
        self._broadcasts = Broadcasts(*common, deliver=self._deliver, lost=self._lost)
        self._queries = Queries(
            *common, emit=self._emit, decode=self._decoded, counts=self._broadcasts.counts
        )

    # For users.

    def broadcast(self, topic: str, payload: Any, now: int) -> int:
        """Send an event to the users of all members, this one's included; its number.

        `ValueError` or `TypeError` for a topic or a payload that cannot be carried,
        `TooManyEvents` while there is no room: `broadcast_wait` says for how long.
        """
        _check_topic(topic)
        data = _encoded(payload, MAX_PAYLOAD)

        def make(origin: str, boot: int, sequence: int) -> Broadcast:
            return Broadcast(origin, boot, sequence, topic, data)

        sequence = self._broadcasts.publish(make, now)
        self._settle(now)
        return sequence

    def broadcast_wait(self, now: int) -> int:
        """How long until there is room for another event or query, in nanoseconds; usually 0."""
        return self._broadcasts.wait(now)

    def query(
        self,
        topic: str,
        payload: Any,
        timeout: int,
        now: int,
        *,
        where: Where | None = None,
        relays: int = 0,
    ) -> int:
        """Ask the users of the members that `where` selects; the number of the query.

        Answers come as `QueryAnswered` until `QueryDone`, which comes when all have answered or
        after `timeout` (ns). Each answer comes through so many `relays` besides. Errors are those
        of `broadcast`.
        """
        _check_topic(topic)
        milliseconds = timeout // MILLISECOND
        if not 1 <= milliseconds <= MAX_TIMEOUT:
            raise ValueError(f"a query waits from 1 ms to {MAX_TIMEOUT // 1000} s")
        if type(relays) is not int or not 0 <= relays <= MAX_RELAYS:
            raise ValueError(f"answers go through at most {MAX_RELAYS} relays, not {relays!r}")
        meant = where or Where()
        data = _encoded(payload, MAX_PAYLOAD - (len(pack([*meant])) if where else 0))
        self._queries.admit()

        def make(origin: str, boot: int, sequence: int) -> Query:
            query = Query(origin, boot, sequence, topic, data, milliseconds, relays, meant)
            self._queries.opened(query, now)
            return query

        number = self._broadcasts.publish(make, now)
        self._queries.gone()
        self._settle(now)
        return number

    def answer(self, query: QueryId, payload: Any, now: int) -> bool:
        """Answer a query, once. False when its time is up, or it has been answered.

        `ValueError` or `TypeError` for a payload that cannot be carried.
        """
        answered = self._queries.answer(query, _encoded(payload, MAX_PAYLOAD), now)
        self._settle(now)
        return answered

    def decline(self, query: QueryId, now: int) -> None:
        """Say that nobody here answers this query, so that the asker need not wait."""
        self._queries.answer(query, None, now)
        self._settle(now)

    def cancel_query(self, number: int) -> None:
        """Forget a query of ours; answers to it are dropped."""
        self._queries.cancel(number)

    def user_counts(self) -> Mapping[str, int]:
        """What became of events, queries and answers, by what it is called."""
        counts = self._broadcasts.counts
        dropped = self._outbox.backlog.dropped
        more = {"not passed on": dropped} if dropped else {}
        return {name: counts[name] for name in sorted(counts)} | more

    # What came in.

    def _heard(self, message: UserMessage, sender: str, epoch: int, now: int) -> None:
        if isinstance(message, Broadcast | Query):
            self._broadcasts.receive(message, sender, now)
            return
        known = self._membership.get(sender)
        if known is None or known.epoch != epoch:
            return  # answers and repairs are between members
        match message:
            case Heads():
                self._broadcasts.heard(message, sender, now)
            case Lacking():
                self._broadcasts.answer(message, known)
            case Begins():
                self._broadcasts.begins(message, sender, now)
            case Answer():
                self._queries.answered(message, known)
            case Answered():
                self._queries.received(message, known)

    def _noticed(self, event: MemberEvent) -> None:
        """Something happened to a member."""
        name = event.member.name
        if isinstance(event, MemberJoined):
            known = self._membership.get(name)
            if known is not None:
                self._broadcasts.joined(name, known.epoch)
        elif isinstance(event, MemberRecovered):
            self._broadcasts.recovered(name)
        elif isinstance(event, MemberFailed | MemberLeft):
            self._queries.gone()

    # What goes to users.

    def _deliver(self, event: Event, now: int) -> None:
        """It is the turn of this event."""
        if isinstance(event, Query):
            self._queries.ask(event, now)
            return
        value = self._decoded(event.payload)
        if value is None:
            self._broadcasts.counts["malformed"] += 1
            return
        self._emit(UserEvent(event.origin, event.topic, value[0], event.sequence, event.boot))

    def _lost(self, origin: str, missed: int) -> None:
        self._emit(UserEventsLost(origin, missed))

    def _emit(self, effect: UserEffect) -> None:
        self._outbox.effects.append(effect)

    def _decoded(self, payload: bytes) -> tuple[Any] | None:
        try:
            return (check_value(unpack(payload)),)
        except CrdtError:
            return None

    def _check_speaking(self) -> None:
        self._broadcasts.check()
        self._queries.check()


def _check_topic(topic: str) -> None:
    if not is_topic(topic):
        raise ValueError(f"a topic is text of 1 to {MAX_TOPIC_BYTES} bytes, not {topic!r}")


def _encoded(payload: Any, limit: int) -> bytes:
    data = pack(normalise(payload))
    if len(data) > limit:
        raise ValueError(
            f"a payload has at most {limit} bytes when encoded, and this one {len(data)}:"
            " it travels in one datagram"
        )
    return data
