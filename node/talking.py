"""What the users of nodes tell and ask each other, for readers of any speed.

`node.broadcasts()` and `await node.query(…)` are iterated over; `node.answer(topic, function)` lets
a function answer what others ask. A slow reader never slows the node down: it gets `Lagged`. A
function that fails, or a topic that nobody answers here, is declined, so that whoever asked need
not wait for us.
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self
from weakref import WeakSet, WeakValueDictionary

import trio

from gossip import (
    Peer,
    QueryAnswered,
    QueryAsked,
    QueryDone,
    TooManyEvents,
    UserEffect,
    UserEvent,
    UserEventsLost,
    Where,
)
from gossip import where as selected
from node.errors import NodeBusy
from node.watching import EventReader

log = logging.getLogger("coterie")

NS = 1_000_000_000

BUSY_MAX = 64
"""Questions that may be being answered at once; further ones are declined."""

Selection = Where | Mapping[str, str] | Iterable[str] | None
"""Whom a query is meant for: what `where(…)` made, tags with their texts, or names."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a member asks; what the function returns is the answer, plain data of 800 bytes."""

    asker: str
    topic: str
    payload: Any


Answerer = Callable[[Question], Any]
"""Answers a question, with what it returns; it may be async."""


class BroadcastReader(EventReader[UserEvent | UserEventsLost]):
    """The events of one topic, or of all, that one reader has not seen yet."""

    def __init__(self, topic: str | None) -> None:
        super().__init__()
        self._topic = topic

    def heard(self, event: UserEvent | UserEventsLost) -> None:
        """An event came. What is lost may have been of any topic."""
        if isinstance(event, UserEventsLost) or self._topic in (None, event.topic):
            self.notice(event)


class Answers:
    """The answers to one query, as they come; the iteration ends when all have answered, or with
    the time.
    """

    def __init__(self) -> None:
        self.silent: tuple[str, ...] = ()
        """The members from which nothing came; known when the iteration has ended."""
        self._pending: deque[QueryAnswered] = deque()
        self._done = False
        self._news = trio.Event()

    def answered(self, answer: QueryAnswered) -> None:
        """A member answered."""
        self._pending.append(answer)
        self._news.set()

    def close(self, silent: tuple[str, ...] = ()) -> None:
        """There will be no more answers."""
        self.silent = silent
        self._done = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> QueryAnswered:
        """The next answer: `responder` and `payload`."""
        await trio.lowlevel.checkpoint()
        while True:
            if self._pending:
                return self._pending.popleft()
            if self._done:
                raise StopAsyncIteration
            if self._news.is_set():  # else other tasks wait for it already
                self._news = trio.Event()
            await self._news.wait()


class Talk:
    """The readers, the answers under way and the functions that answer, of one node.

    `now` is the time for the peer, `perform` sees to its effects.
    """

    def __init__(self, now: Callable[[], int], perform: Callable[[], None]) -> None:
        self._now = now
        self._perform = perform
        self._readers: WeakSet[BroadcastReader] = WeakSet()
        self.listeners: WeakSet[EventReader[Any]] = WeakSet()
        """Readers of everything, whatever its topic."""
        self._answers: WeakValueDictionary[int, Answers] = WeakValueDictionary()
        self._open: list[int] = []
        """The numbers of the queries that are not over."""
        self._answerers: dict[str, Answerer] = {}
        self.nursery: trio.Nursery | None = None
        """Where functions run that are async."""
        self.busy = 0
        """How many questions are being answered."""

    # For users.

    def reader(self, topic: str | None) -> BroadcastReader:
        """A reader of what comes from now on."""
        reader = BroadcastReader(topic)
        self._readers.add(reader)
        return reader

    def answer(self, topic: str, function: Answerer | None) -> None:
        """Let a function answer, in place of the one before; None: nobody does any more."""
        if function is None:
            self._answerers.pop(topic, None)
        elif not callable(function):
            raise TypeError(f"an answer to {topic!r} is a function, not {function!r}")
        else:
            self._answerers[topic] = function

    async def broadcast(self, open_: Callable[[], Peer], topic: str, payload: Any) -> int:
        """Send an event as soon as there is room for it."""
        await self._room(open_)
        sequence = open_().broadcast(topic, payload, self._now())
        self._perform()
        return sequence

    async def query(
        self,
        open_: Callable[[], Peer],
        topic: str,
        payload: Any,
        timeout: float,
        where: Selection,
        relays: int,
    ) -> Answers:
        """Ask as soon as there is room for it."""
        if not isfinite(timeout):  # of text it says so at once: "5" * NS takes a gigabyte first
            raise ValueError(f"a query waits for a number of seconds, not for {timeout}")
        meant, nanoseconds = selection(where), round(timeout * NS)
        await self._room(open_)
        for number in [number for number in self._open if number not in self._answers]:
            self._open.remove(number)  # its reader is gone
            open_().cancel_query(number)
        try:
            number = open_().query(
                topic, payload, nanoseconds, self._now(), where=meant, relays=relays
            )
        except TooManyEvents as error:
            raise NodeBusy(str(error), remedy="again, when some of them are over") from None
        answers = self._answers[number] = Answers()
        self._open.append(number)
        self._perform()
        return answers

    async def _room(self, open_: Callable[[], Peer]) -> None:
        await trio.lowlevel.checkpoint()
        while wait := open_().broadcast_wait(self._now()):  # noqa: ASYNC110  # time alone helps
            await trio.sleep(wait / NS)

    def close(self) -> None:
        """The node has left: every iteration comes to its end."""
        for reader in self._readers:
            reader.close()
        for answers in list(self._answers.values()):
            answers.close()

    # From the peer.

    def notice(self, effect: UserEffect, peer: Peer) -> None:
        """The peer has something for users."""
        match effect:
            case UserEvent() | UserEventsLost():
                for reader in self._readers:
                    reader.heard(effect)
                for listener in self.listeners:
                    listener.notice(effect)
            case QueryAsked():
                self._asked(effect, peer)
            case QueryAnswered():
                answers = self._answers.get(effect.query)
                if answers is not None:
                    answers.answered(effect)
            case QueryDone():
                if effect.query in self._open:
                    self._open.remove(effect.query)
                answers = self._answers.pop(effect.query, None)
                if answers is not None:
                    answers.close(effect.silent)

    def _asked(self, asked: QueryAsked, peer: Peer) -> None:
        """Tasks answer, not we: we are in the midst of seeing to effects."""
        if self.nursery is not None:
            function = self._answerers.get(asked.topic) if self.busy < BUSY_MAX else None
            self.busy += function is not None
            self.nursery.start_soon(self._answer, asked, function, peer)

    async def _answer(self, asked: QueryAsked, function: Answerer | None, peer: Peer) -> None:
        answered = False
        if function is not None:
            question = Question(asked.id.asker, asked.topic, asked.payload)
            try:
                with trio.move_on_after(asked.timeout / NS) as scope:
                    value = function(question)
                    if inspect.isawaitable(value):
                        value = await value
                    if peer.phase != "left":
                        peer.answer(asked.id, value, self._now())
                answered = not scope.cancelled_caught
            except Exception:  # what others ask must not end this node, whatever a user's code does
                log.exception("the answer to a query about %r failed", asked.topic)
            finally:
                self.busy -= 1
        if not answered and peer.phase != "left":
            peer.decline(asked.id, self._now())
        self._perform()


def selection(where: Selection) -> Where | None:
    """Whom a query is meant for, as the protocol has it; `ValueError` when it cannot be carried."""
    if where is None or isinstance(where, Where):
        return where
    if isinstance(where, Mapping):
        return selected(tags=where)
    if isinstance(where, str):
        raise ValueError(f"names are a list, not the one text {where!r}")
    return selected(names=where)
