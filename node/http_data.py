"""The replicated data over HTTP: counters, sets, maps.

Reads and writes touch local memory alone, so they answer during any partition. A write with
``?acks=N|majority|all&timeout=SECONDS`` answers when that many members hold it, or with 503 and
what was reached; the write stays in both cases.

Beside the contract's routes there is ``PUT /v1/maps/{name}``, whose body is an object: many keys
in one request, as ``LWWMap.update``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crdt import CrdtError, LWWMap, ORSet, PNCounter
from node.bodies import answer, plain, read_json, read_object
from node.durations import seconds
from node.errors import SyncTimeout
from node.node import Node
from node.problems import Problem

ACKS_TIMEOUT = 5.0

T = TypeVar("T")


class DataRoutes:
    """The handlers for counters, sets and maps of one node."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def routes(self) -> list[Route]:
        """Path, handler and method of each."""
        counter, set_ = "/v1/counters/{name:text}", "/v1/sets/{name:text}"
        map_ = "/v1/maps/{name:text}"
        element, key = set_ + "/{element:text}", map_ + "/{key:text}"
        return [
            Route("/v1/names", self.names, methods=["GET"]),
            Route(counter, self.counter_get, methods=["GET"]),
            Route(counter, self.counter_increment, methods=["POST"]),
            Route(counter + "/reset", self.counter_reset, methods=["POST"]),
            Route(set_, self.set_get, methods=["GET"]),
            Route(set_, self.set_clear, methods=["DELETE"]),
            Route(element, self.set_add, methods=["PUT"]),
            Route(element, self.set_remove, methods=["DELETE"]),
            Route(map_, self.map_get, methods=["GET"]),
            Route(map_, self.map_update, methods=["PUT"]),
            Route(key, self.map_get_key, methods=["GET"]),
            Route(key, self.map_put, methods=["PUT"]),
            Route(key, self.map_delete, methods=["DELETE"]),
        ]

    async def names(self, request: Request) -> Response:
        """What exists, with its type."""
        with _refusals():
            return answer({"names": self.node.names(request.query_params.get("prefix", ""))})

    async def counter_get(self, request: Request) -> Response:
        """The value as this member knows it."""
        return answer({"value": self._counter(request).value})

    async def counter_increment(self, request: Request) -> Response:
        """``{"increment": n}``; a negative n decrements."""
        counter, acks = self._counter(request), _acks(request)
        n = (await read_object(request, increment=int))["increment"]
        with _refusals():
            _ = counter.increment(n) if n >= 0 else counter.decrement(-n)
        await self._hold(acks)
        return answer({"value": counter.value})

    async def counter_reset(self, request: Request) -> Response:
        """Take away what this member has seen."""
        counter, acks = self._counter(request), _acks(request)
        with _refusals():
            counter.reset()
        await self._hold(acks)
        return answer({"value": counter.value})

    async def set_get(self, request: Request) -> Response:
        """All elements, in canonical order."""
        return answer({"value": plain(list(self._set(request)))})

    async def set_add(self, request: Request) -> Response:
        """Add one element; the answer is the set."""
        elements, acks = self._set(request), _acks(request)
        with _refusals():
            elements.add(request.path_params["element"])
        await self._hold(acks)
        return answer({"value": plain(list(elements))})

    async def set_remove(self, request: Request) -> Response:
        """Remove one element, 404 if it is absent; the answer is the set."""
        elements, acks = self._set(request), _acks(request)
        element = request.path_params["element"]
        with _refusals(absent=f"{element!r} is not in the set"):
            elements.remove(element)
        await self._hold(acks)
        return answer({"value": plain(list(elements))})

    async def set_clear(self, request: Request) -> Response:
        """Remove every element that this member has seen; the answer is the set."""
        elements, acks = self._set(request), _acks(request)
        with _refusals():
            elements.clear()
        await self._hold(acks)
        return answer({"value": plain(list(elements))})

    async def map_get(self, request: Request) -> Response:
        """The map or, with prefix, start, stop and limit, the part that they select."""
        entries, limit = self._map(request), _limit(request)
        with _refusals():
            return answer({"value": plain(dict(islice(_selected(entries, request), limit)))})

    async def map_update(self, request: Request) -> Response:
        """Put every pair of the object in the body, as one change."""
        entries, acks = self._map(request), _acks(request)
        body = await read_json(request)
        if not isinstance(body, dict):
            raise Problem(400, "the body has to be an object of keys and values")
        with _refusals():
            entries.update(body)
        await self._hold(acks)
        return answer({"updated": len(body)})

    async def map_get_key(self, request: Request) -> Response:
        """The value of one key, 404 if it is absent."""
        with _refusals(absent=f"{request.path_params['key']!r} is not in the map"):
            return answer({"value": plain(self._map(request)[request.path_params["key"]])})

    async def map_put(self, request: Request) -> Response:
        """Put the body, a bare JSON value, under a key."""
        entries, acks = self._map(request), _acks(request)
        value = await read_json(request)
        with _refusals():
            entries.put(request.path_params["key"], value)
        await self._hold(acks)
        return answer({"value": value})

    async def map_delete(self, request: Request) -> Response:
        """Delete a key, 404 if it is absent."""
        entries, acks = self._map(request), _acks(request)
        key = request.path_params["key"]
        with _refusals(absent=f"{key!r} is not in the map"):
            entries.delete(key)
        await self._hold(acks)
        return answer({"value": None})

    def _counter(self, request: Request) -> PNCounter:
        return _opened(self.node.counter, request)

    def _set(self, request: Request) -> ORSet:
        return _opened(self.node.set, request)

    def _map(self, request: Request) -> LWWMap:
        return _opened(self.node.map, request)

    async def _hold(self, acks: tuple[int | Literal["majority", "all"], float] | None) -> None:
        """Wait for the members that the request asked for, if it did."""
        if acks is None:
            return
        try:
            await self.node.sync(acks=acks[0], timeout=acks[1])
        except SyncTimeout as error:
            detail = f"{error}; the write stays and goes on replicating"
            raise Problem(503, detail, reached=error.reached, wanted=error.wanted) from None


def _opened(open_: Callable[[str], T], request: Request) -> T:
    """The collection that the path names; 409 when the name has another type."""
    try:
        return open_(request.path_params["name"])
    except CrdtError as error:
        raise Problem(409, str(error)) from None
    except (TypeError, ValueError) as error:
        raise Problem(400, str(error)) from None


@contextmanager
def _refusals(absent: str = "") -> Iterator[None]:
    """What the types refuse, before any state changes, as problems."""
    try:
        yield
    except KeyError:
        raise Problem(404, absent) from None
    except (TypeError, ValueError, CrdtError) as error:
        raise Problem(400, str(error)) from None


def _acks(request: Request) -> tuple[int | Literal["majority", "all"], float] | None:
    """``?acks=&timeout=``, checked before anything is written."""
    acks = request.query_params.get("acks")
    try:
        timeout = seconds(request.query_params.get("timeout", str(ACKS_TIMEOUT)))
    except ValueError as error:
        raise Problem(400, f"timeout: {error}") from None
    match acks:
        case None:
            return None
        case "majority" | "all":
            return acks, timeout
        case _ if acks.isascii() and acks.isdecimal() and len(acks) < 10 and int(acks):
            return int(acks), timeout
        case _:
            raise Problem(400, f"acks: {acks!r} is neither a positive number, majority nor all")


def _limit(request: Request) -> int | None:
    limit = request.query_params.get("limit")
    if limit is None:
        return None
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 10):
        raise Problem(400, f"limit: {limit!r} is not a number of entries")
    return int(limit)


def _selected(entries: LWWMap, request: Request) -> Iterable[tuple[str | bytes, Any]]:
    """The entries between start and stop, of those with the prefix."""
    prefix, start, stop = (request.query_params.get(name) for name in ("prefix", "start", "stop"))
    if prefix is None:
        return entries.range(start, stop)
    return (
        (key, value)
        for key, value in entries.prefix(prefix)
        if isinstance(key, str) and (start is None or key >= start) and (stop is None or key < stop)
    )
