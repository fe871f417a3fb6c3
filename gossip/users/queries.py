"""Questions to the users of many members, and their answers.

A query travels as an event (`broadcasts`). Whom it is meant for, each member finds out by itself;
its user answers, or there is nobody to do so, and that is said as well. So the asker knows when all
that it can see have been heard, and need not wait for the deadline.

*Answers* go to the asker directly, and through as many others as the query asked for; again, and
from the second time on through another one in any case, until the asker has said that it has it
(`Answered`), or the time is up. So neither loss nor a link that is down one way loses an answer.
Who passes an answer on does so once for each datagram, and only from its author to a member:
nothing grows on the way.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from gossip.effects import QueryAnswered, QueryAsked, QueryDone, QueryId, UserEffect
from gossip.member import Claim
from gossip.members.membership import Membership
from gossip.outbox import Outbox
from gossip.timers import Timers
from gossip.timing import MILLISECOND, Timing
from gossip.wire.user_messages import Answer, Answered, Query, encode_user

from .broadcasts import TooManyEvents

MAX_OPEN = 64
"""Queries of ours that may be open at once."""

MAX_ASKED = 512
"""Queries of others that may wait for our user; the oldest is given up beyond that."""

MAX_UNACKED = 512
"""Answers of ours of which we do not know that they arrived; beyond that the oldest is given up."""

MAX_TRIES = 6
"""How often an answer is sent, the pause doubling each time: from a quarter of a gossip interval to
eight of them.
"""


@dataclass(slots=True)
class Open:
    """A query of ours."""

    expected: dict[str, None]
    """Who was there and meant when it was asked, and has not answered."""
    answered: dict[str, None]


@dataclass(slots=True)
class Reply:
    """An answer of ours that the asker may not have."""

    frame: bytes
    relays: int
    until: int
    due: int
    tries: int = 0


class Queries:
    """Asks, and answers; `emit` tells users, `decode` turns a payload into a value or None when it
    is none.
    """

    def __init__(
        self,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        random: Random,
        outbox: Outbox,
        *,
        emit: Callable[[UserEffect], None],
        decode: Callable[[bytes], tuple[Any] | None],
        counts: Counter[str],
    ) -> None:
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._outbox = outbox
        self._emit = emit
        self._decode = decode
        self._counts = counts
        self._open: dict[int, Open] = {}
        """By number: it is never used again within a process, also if its boot is renumbered."""
        self._asked: OrderedDict[QueryId, tuple[int, int]] = OrderedDict()
        self._unacked: OrderedDict[QueryId, Reply] = OrderedDict()

    # Asking.

    def admit(self) -> None:
        """`TooManyEvents` when no further query can be open."""
        if len(self._open) >= MAX_OPEN:
            raise TooManyEvents(f"more than {MAX_OPEN} queries are open")

    def opened(self, query: Query, now: int) -> None:
        """A query of ours is about to be sent."""
        me, meant = self._membership.me, query.where
        there = [me, *self._membership.others()]
        tags = self._membership.tags
        expected = {c.name: None for c in there if meant.selects(c.name, dict(tags.of(c)))}
        number = query.sequence
        self._open[number] = Open(expected, {})
        until = now + query.timeout * MILLISECOND
        self._timers.set(("query", number), until, lambda _: self._close(number))

    def _close(self, number: int) -> None:
        open_ = self._open.pop(number)
        self._timers.stop(("query", number))
        self._emit(QueryDone(number, tuple(open_.expected)))

    def cancel(self, number: int) -> None:
        """Nobody waits for the answers to our query of this number any more."""
        if self._open.pop(number, None) is not None:
            self._timers.stop(("query", number))

    def _take(self, answer: Answer) -> None:
        """Somebody answered us."""
        open_ = self._open.get(answer.sequence)
        if open_ is None:
            self._counts["late answers"] += 1
            return
        if answer.responder in open_.answered:
            self._counts["known answers"] += 1
            return
        value = None if answer.payload is None else self._decode(answer.payload)
        if answer.payload is not None and value is None:
            self._counts["malformed"] += 1
            return
        open_.answered[answer.responder] = None
        open_.expected.pop(answer.responder, None)
        if value is not None:
            self._counts["answers"] += 1
            self._emit(QueryAnswered(answer.sequence, answer.responder, value[0]))
        self._look(answer.sequence, open_)

    def _look(self, number: int, open_: Open) -> None:
        """Whether there is anybody left to wait for."""
        known = map(self._membership.get, open_.expected)
        if not any(claim is not None and claim.state.running for claim in known):
            self._close(number)

    def gone(self) -> None:
        """A member is gone: nobody waits for its answer."""
        for number, open_ in list(self._open.items()):
            self._look(number, open_)

    # Answering.

    def ask(self, query: Query, now: int) -> None:
        """A query arrived: it is our user's, if it is meant for us."""
        me = self._membership.me
        if not query.where.selects(me.name, dict(self._membership.tags.of(me))):
            return
        value = self._decode(query.payload)
        if value is None:
            self._counts["malformed"] += 1
            return
        number = QueryId(query.origin, query.boot, query.sequence)
        timeout = query.timeout * MILLISECOND
        self._asked[number] = (now + timeout, query.relays)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)
            self._counts["queries given up"] += 1
        self._emit(QueryAsked(number, query.topic, value[0], timeout))

    def answer(self, number: QueryId, payload: bytes | None, now: int) -> bool:
        """Answer a query; None: nobody here does. False when it is too late, or was done."""
        until, relays = self._asked.pop(number, (now, 0))
        if until <= now:
            self._counts["late answers"] += 1
            return False
        me = self._membership.me
        answer = Answer(*number, me.name, payload)
        if number.asker == me.name:
            self._take(answer)
            return True
        self._unacked[number] = reply = Reply(encode_user(answer), relays, until, now)
        if len(self._unacked) > MAX_UNACKED:
            self._unacked.popitem(last=False)
            self._counts["answers given up"] += 1
        self._send(number, reply, now)
        self._plan()
        return True

    def _send(self, number: QueryId, reply: Reply, now: int) -> None:
        asker = self._membership.get(number.asker)
        if asker is not None and asker.epoch == number.boot:
            self._outbox.send(asker.address, reply.frame)
            others = [o for o in self._membership.others() if o.name != number.asker]
            through = max(reply.relays, min(reply.tries, 1))
            for relay in self._random.sample(others, min(through, len(others))):
                self._outbox.send(relay.address, reply.frame)
        reply.due = now + (self._timing.gossip_interval << reply.tries) // 4
        reply.tries += 1

    def _plan(self) -> None:
        if self._unacked:
            due = min(reply.due for reply in self._unacked.values())
            self._timers.set("answers", due, self._again)

    def _again(self, now: int) -> None:
        """Send those answers again that nobody has acknowledged."""
        for number, reply in list(self._unacked.items()):
            if reply.tries >= MAX_TRIES or reply.until <= now:
                del self._unacked[number]
                self._counts["unacknowledged answers"] += 1
            elif reply.due <= now:
                self._send(number, reply, now)
        self._plan()

    # What comes in, for us or for somebody else.

    def answered(self, answer: Answer, sender: Claim) -> None:
        """An answer arrived: to us, or to be passed on to its asker."""
        me = self._membership.me
        if answer.asker != me.name:
            if sender.name == answer.responder:
                self._relay(answer, answer.asker, answer.boot)
            return
        if answer.boot != me.epoch or self._membership.get(answer.responder) is None:
            self._counts["stray answers"] += 1
            return
        self._take(answer)
        # The way back may be the only one that there is.
        receipt = Answered(answer.asker, answer.boot, answer.sequence, answer.responder)
        self._outbox.send(sender.address, encode_user(receipt))

    def received(self, receipt: Answered, sender: Claim) -> None:
        """The asker has an answer: ours, or that of somebody who sent it through us."""
        if receipt.responder == self._membership.me.name:
            self._unacked.pop(QueryId(receipt.asker, receipt.boot, receipt.sequence), None)
        elif sender.name == receipt.asker:
            self._relay(receipt, receipt.responder, None)

    def _relay(self, message: Answer | Answered, to: str, boot: int | None) -> None:
        """Pass a message on, to a member alone."""
        known = self._membership.get(to)
        if known is not None and known.state.running and boot in (None, known.epoch):
            self._counts["relayed"] += 1
            self._outbox.send(known.address, encode_user(message))

    def check(self) -> None:
        """Assert what holds between two calls."""
        assert len(self._open) <= MAX_OPEN, "too many queries are open"
        assert len(self._asked) <= MAX_ASKED, "too many queries wait"
        assert len(self._unacked) <= MAX_UNACKED, "too many answers wait"
        assert not self._unacked or "answers" in self._timers, "nobody sends answers again"
        for number in self._open:
            assert ("query", number) in self._timers, "a query that never ends"
