"""Broadcasts and queries over HTTP, and what there is to watch, as server-sent events.

A stream sends a comment every few seconds in which nothing happens, so that whoever listens can
tell silence from a connection that is dead; it ends when the node leaves.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import trio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from gossip import MemberEvent, UserEvent, UserEventsLost, where
from node.bodies import answer, plain, read_json
from node.durations import seconds
from node.errors import NodeBusy
from node.node import Node
from node.problems import Problem
from node.watching import EventReader, Lagged

QUERY_TIMEOUT = 5.0

KEEP_ALIVE = 10.0
"""Seconds of silence after which a stream says that it is there."""

log = logging.getLogger("coterie")


class TalkRoutes:
    """The handlers for what users tell and ask each other."""

    def __init__(self, node: Node, describe: Callable[[MemberEvent], dict[str, Any]]) -> None:
        """`describe` makes an object of a membership event."""
        self.node = node
        self.describe = describe

    def routes(self) -> list[Route]:
        """Path, handler and method of each."""
        return [
            Route("/v1/broadcast", self.broadcast, methods=["POST"]),
            Route("/v1/broadcasts", self.broadcasts, methods=["GET"]),
            Route("/v1/query", self.query, methods=["POST"]),
            Route("/v1/events", self.events, methods=["GET"]),
            Route("/v1/monitor", self.monitor, methods=["GET"]),
        ]

    async def broadcast(self, request: Request) -> Response:
        """``{"topic": …, "payload": …}``: it is under way to all when this is answered."""
        body = await _body(request, "topic", "payload")
        try:
            await self.node.broadcast(body["topic"], body.get("payload"))
        except (TypeError, ValueError) as error:
            raise Problem(400, str(error)) from None
        return answer({"topic": body["topic"]})

    async def query(self, request: Request) -> Response:
        """``{"topic", "payload", "timeout", "where", "relays"}``: answered when all have answered,
        or with the time-out. ``where`` has ``names``, ``tags`` and ``patterns``.
        """
        body = await _body(request, "topic", "payload", "timeout", "where", "relays")
        try:
            timeout = body.get("timeout", QUERY_TIMEOUT)
            meant = body.get("where", {})
            if not isinstance(meant, dict) or not meant.keys() <= {"names", "tags", "patterns"}:
                raise ValueError("'where' is an object with names, tags and patterns")
            for key, kind in (("names", list), ("tags", dict), ("patterns", dict)):
                if not isinstance(meant.get(key, kind()), kind):
                    raise ValueError(f"'{key}' of 'where' has to be a {kind.__name__}")
            answers = await self.node.query(
                body["topic"],
                body.get("payload"),
                timeout=seconds(timeout) if isinstance(timeout, str) else float(timeout),
                where=where(**meant) if meant else None,
                relays=body.get("relays", 0),
            )
        except (TypeError, ValueError) as error:
            raise Problem(400, str(error)) from None
        except OverflowError:
            raise Problem(400, "the timeout is too large for a number") from None
        except NodeBusy as error:
            raise Problem(503, str(error)) from None
        found = [{"responder": a.responder, "payload": plain(a.payload)} async for a in answers]
        return answer({"answers": found, "silent": list(answers.silent)})

    async def broadcasts(self, request: Request) -> Response:
        """The events of ``?topic=``, or of all, from now on."""
        reader = self.node.broadcasts(request.query_params.get("topic"))
        return _stream(reader, user_object)

    async def events(self, _: Request) -> Response:
        """What becomes of members, from now on."""
        return _stream(self.node.events(), self._object)

    async def monitor(self, _: Request) -> Response:
        """Everything from now on: the log of this agent, members and events of users."""
        reader = EventReader[Any]()
        return StreamingResponse(self._everything(reader), media_type="text/event-stream")

    async def _everything(self, reader: EventReader[Any]) -> AsyncIterator[str]:
        tap = LogTap(reader)
        log.addHandler(tap)
        try:
            # Whatever comes is put into one reader, so that its order is kept.
            self.node.also_tell(reader)
            async for text in _texts(reader, self._object):
                yield text
        finally:
            log.removeHandler(tap)

    def _object(self, event: Any) -> dict[str, Any]:
        if isinstance(event, MemberEvent):
            return {"kind": "member", **self.describe(event)}
        if isinstance(event, logging.LogRecord):
            words = {"level": event.levelname, "message": event.getMessage()}
            return {"kind": "log", **words}
        return user_object(event)


class LogTap(logging.Handler):
    """Puts log records into a reader; those of other threads are left out."""

    def __init__(self, reader: EventReader[Any]) -> None:
        super().__init__()
        self.reader = reader

    def emit(self, record: logging.LogRecord) -> None:
        """Something was logged."""
        if trio.lowlevel.in_trio_run():
            self.reader.notice(record)


def user_object(event: UserEvent | UserEventsLost | Lagged) -> dict[str, Any]:
    """An event of users as JSON."""
    match event:
        case UserEvent():
            return {
                "kind": "event",
                "origin": event.origin,
                "topic": event.topic,
                "payload": plain(event.payload),
                "sequence": event.sequence,
            }
        case UserEventsLost():
            return {"kind": "lost", "origin": event.origin, "missed": event.missed}
        case Lagged():
            return {"kind": "lagged", "missed": event.missed}


def _stream(reader: EventReader[Any], describe: Callable[[Any], dict[str, Any]]) -> Response:
    return StreamingResponse(_texts(reader, describe), media_type="text/event-stream")


async def _texts(
    reader: EventReader[Any], describe: Callable[[Any], dict[str, Any]]
) -> AsyncIterator[str]:
    """Server-sent events, from the first moment on, and a sign of life in between."""
    yield ": here\n\n"
    while True:
        event = None
        with trio.move_on_after(KEEP_ALIVE):
            try:
                event = await anext(reader)
            except StopAsyncIteration:
                return
        if event is None:
            yield ": still here\n\n"
        else:
            content = json.dumps(describe(event), ensure_ascii=False, allow_nan=False)
            yield f"data: {content}\n\n"


async def _body(request: Request, *known: str) -> dict[str, Any]:
    """A body that has to be an object with a topic, and with no other fields than these."""
    body = await read_json(request)
    if not isinstance(body, dict) or not {"topic"} <= body.keys() <= set(known):
        raise Problem(400, f"the body has to be an object with a topic, of {', '.join(known)}")
    return body
