"""Watching values and members, at any speed: a slow reader never slows the node down.

A watcher begins with a snapshot. It remembers which keys changed since its reader last looked, not
how often, so a slow reader costs the node nothing: it gets the latest of each. When more keys
changed than are worth telling one by one, it gets `Lagged` and a fresh `Snapshot` instead.

Several tasks may share one reader: each thing goes to one of them. So what they wait for is made
anew only when it has happened, or all but the last would wait for what nobody sets any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import trio

from crdt import BoundedCounter, GCounter, LWWMap, ORSet, PNCounter, Store
from crdt.keys import decode_key
from crdt.store import parse_key
from crdt.values import key_to_element
from gossip import QuorumView
from node.errors import NodeClosed

PENDING = 4096
"""Changed keys, or events, that wait for a slow reader; beyond that it lags."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All watched values by name, as they are now."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lagged:
    """The reader was too slow for this many changes; in a watch a fresh `Snapshot` follows."""

    missed: int


@dataclass(frozen=True, slots=True)
class CounterChanged:
    """A counter has another value."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class ElementAdded:
    """An element is in a set."""

    name: str
    element: Any


@dataclass(frozen=True, slots=True)
class ElementRemoved:
    """An element is not in a set any more."""

    name: str
    element: Any


@dataclass(frozen=True, slots=True)
class EntryPut:
    """An entry of a map has this value."""

    name: str
    key: str | bytes
    value: Any


@dataclass(frozen=True, slots=True)
class EntryDeleted:
    """A map has no such entry any more."""

    name: str
    key: str | bytes


@dataclass(frozen=True, slots=True)
class ValueChanged:
    """A register, a flag or a map of values has another value."""

    name: str
    value: Any


Change = (
    Snapshot
    | Lagged
    | CounterChanged
    | ElementAdded
    | ElementRemoved
    | EntryPut
    | EntryDeleted
    | ValueChanged
)


class Watcher:
    """What one reader has not seen yet of the values whose names start with `prefix`."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix
        self._pending: dict[bytes, None] = {}
        self._missed = 0
        self._fresh = True
        self._news = trio.Event()
        self._news.set()
        self._closed = False

    def notice(self, key: bytes) -> None:
        """A key of the store changed."""
        if self._fresh or not parse_key(key)[0].startswith(self._prefix):
            return  # the snapshot that comes next has it
        self._news.set()
        self._pending[key] = None
        if len(self._pending) > PENDING:
            self._missed += len(self._pending)
            self._pending.clear()

    def close(self) -> None:
        """The node has left: the reader gets `NodeClosed` once it has seen everything."""
        self._closed = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        """The next change; raises `NodeClosed` when the node has left and there is none."""
        while True:
            await self._news.wait()
            if self._fresh:
                return self._snapshot()
            if self._missed:
                missed = self._missed + len(self._pending)
                self._missed, self._fresh = 0, True
                return Lagged(missed)
            if self._pending:
                key = next(iter(self._pending))
                del self._pending[key]
                return self._change(key)
            if self._closed:
                raise NodeClosed("the node has left", remedy="watch another node")
            if self._news.is_set():
                self._news = trio.Event()

    def _snapshot(self) -> Snapshot:
        self._fresh = False
        self._pending.clear()
        types = self._store.types(self._prefix)
        return Snapshot({name: self._store.open(name, kind).value for name, kind in types})

    def _change(self, key: bytes) -> Change:
        name, kind, section = parse_key(key)
        leaf = key[len(section) :]
        if kind is ORSet:
            there = key in self._store.entries
            return (ElementAdded if there else ElementRemoved)(name, key_to_element(leaf))
        if kind is LWWMap:
            entry = decode_key(leaf)
            try:
                return EntryPut(name, entry, self._store.open(name, LWWMap)[entry])
            except KeyError:
                return EntryDeleted(name, entry)
        value = self._store.open(name, kind).value
        counts = issubclass(kind, GCounter | PNCounter | BoundedCounter)
        return (CounterChanged if counts else ValueChanged)(name, value)


E = TypeVar("E")


class EventReader(Generic[E]):
    """The events that one reader has not seen yet."""

    def __init__(self) -> None:
        self._pending: deque[E] = deque()
        self._missed = 0
        self._news = trio.Event()
        self._closed = False

    def notice(self, event: E) -> None:
        """Something happened."""
        self._news.set()
        self._pending.append(event)
        if len(self._pending) > PENDING:
            self._pending.popleft()
            self._missed += 1

    def close(self) -> None:
        """The node has left: the reader ends once it has seen everything."""
        self._closed = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E | Lagged:
        """The next event, or how many were dropped before it."""
        while True:
            await self._news.wait()
            if self._missed:
                missed, self._missed = self._missed, 0
                return Lagged(missed)
            if self._pending:
                return self._pending.popleft()
            if self._closed:
                raise StopAsyncIteration
            if self._news.is_set():
                self._news = trio.Event()


class QuorumReader:
    """What one reader has not seen yet of the quorum view. What counts is how it is, not how it
    came to be so: who is slow gets the latest.
    """

    def __init__(self, view: Callable[[], QuorumView]) -> None:
        self._view = view
        self._seen: str | None = None
        self._news = trio.Event()
        self._news.set()
        self._closed = False

    def notice(self) -> None:
        """The view has another state."""
        self._news.set()

    def close(self) -> None:
        """The node has left: the reader ends."""
        self._closed = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> QuorumView:
        """The view, once its state is another one than was seen last."""
        while True:
            await self._news.wait()
            if self._closed:
                raise StopAsyncIteration
            if self._news.is_set():
                self._news = trio.Event()
            view = self._view()
            if view.state != self._seen:
                self._seen = view.state
                return view
            # It changed and changed back before anybody looked.
