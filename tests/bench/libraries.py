"""pycrdt and loro as far as `bench/peers.py` calls them: whether they are installed here decides
nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class Map(dict[str, str]):
    """A map that tells its document of every change."""

    def __init__(self, doc: Doc) -> None:
        self.doc = doc

    def __setitem__(self, key: str, value: str) -> None:
        super().__setitem__(key, value)
        if not self.doc.batched:
            self.doc.commit()


class Doc:
    """A document of pycrdt with one map."""

    updates = 0
    """How many updates were looked at, of all documents."""

    def __init__(self, client_id: int) -> None:
        self.batched = False
        self.map = Map(self)
        self.observers: list[Callable[[Any], object]] = []

    def get(self, name: str, *, type: type[Map]) -> Map:  # noqa: A002  # as pycrdt calls it
        assert type is Map
        return self.map

    def observe(self, callback: Callable[[Any], object]) -> Callable[[Any], object]:
        self.observers.append(callback)
        return callback

    def unobserve(self, subscription: Callable[[Any], object]) -> None:
        self.observers.remove(subscription)

    def commit(self) -> None:
        for observer in self.observers:
            observer(self)

    @property
    def update(self) -> bytes:
        Doc.updates += 1
        return b"update"

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.batched = True
        yield
        self.batched = False

    def get_state(self) -> bytes:
        return b"state"

    def get_update(self, state: bytes = b"") -> bytes:
        return json.dumps(self.map).encode()

    def apply_update(self, update: bytes) -> None:
        self.map.update(json.loads(update))


class LoroDoc:
    """A document of loro with one map and one counter."""

    commits = 0
    """How often any document was told to commit."""
    peer_id = 0
    oplog_frontiers = "frontiers"
    oplog_vv = "vector"

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}
        self.count = 0

    def get_map(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(insert=self.entries.__setitem__, get=self.entries.__getitem__)

    def get_counter(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(increment=self.increment)

    def increment(self, by: int) -> None:
        self.count += by

    def commit(self) -> None:
        LoroDoc.commits += 1

    def export(self, mode: str) -> bytes:
        return (mode + json.dumps(self.entries)).encode()


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are installed, and have the least that is asked of them."""
    pycrdt, loro = ModuleType("pycrdt"), ModuleType("loro")
    pycrdt.__dict__.update(Doc=Doc, Map=Map)
    loro.__dict__.update(
        LoroDoc=LoroDoc,
        ExportMode=SimpleNamespace(
            Snapshot=lambda: "snapshot", ShallowSnapshot=str, Updates="since {}".format
        ),
        VersionVector=SimpleNamespace(decode=bytes.decode),
    )
    monkeypatch.setitem(sys.modules, "pycrdt", pycrdt)
    monkeypatch.setitem(sys.modules, "loro", loro)
    monkeypatch.setattr(Doc, "updates", 0)
    monkeypatch.setattr(LoroDoc, "commits", 0)


def uninstall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is installed."""
    monkeypatch.setitem(sys.modules, "pycrdt", None)
    monkeypatch.setitem(sys.modules, "loro", None)
