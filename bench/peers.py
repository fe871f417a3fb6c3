"""How the libraries are called that our values are measured beside.

Both are Rust behind a Python binding, made for texts and trees, and keep the whole history; ours
keeps none. Each method is a whole loop with nothing of ours inside, so that what is timed is what
their users pay. They are an extra, `pip install -e '.[bench]'`: without them their columns say so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from bench.measure import Prepare, Run

Pair = tuple[str, str]


class Library(ABC):
    """A document of another library, in which there is one map."""

    NAME: ClassVar[str]

    @classmethod
    def module(cls) -> Any:
        """The library; `ImportError` when it is not installed."""
        return import_module(cls.NAME)

    @abstractmethod
    def put_all(self, pairs: Iterable[Pair]) -> None:
        """Set entries in one transaction."""

    @abstractmethod
    def read(self, keys: Iterable[str]) -> None:
        """Look up one key after the other."""

    @abstractmethod
    def state(self) -> bytes:
        """All of it, as a replica gets it that has nothing."""

    @abstractmethod
    def digest(self) -> bytes:
        """What a replica says that it has."""

    @abstractmethod
    def since(self, digest: bytes) -> bytes:
        """What a replica lacks that has said `digest`."""


class Pycrdt(Library):
    """pycrdt: Yrs, the Rust port of Yjs."""

    NAME = "pycrdt"

    def __init__(self) -> None:
        pycrdt = self.module()
        self._doc = pycrdt.Doc(client_id=1)
        self._map = self._doc.get("m", type=pycrdt.Map)

    def put_each(self, pairs: Iterable[Pair]) -> None:
        """Set entries in a transaction each, and take the update of each as bytes."""
        subscription = self._doc.observe(lambda event: event.update)
        entries = self._map
        for key, value in pairs:
            entries[key] = value
        self._doc.unobserve(subscription)

    def put_all(self, pairs: Iterable[Pair]) -> None:
        """Set entries in one transaction."""
        entries = self._map
        with self._doc.transaction():
            for key, value in pairs:
                entries[key] = value

    def read(self, keys: Iterable[str]) -> None:
        """Look up one key after the other."""
        entries = self._map
        for key in keys:
            entries[key]

    def state(self) -> bytes:
        """The update from nothing."""
        update: bytes = self._doc.get_update()
        return update

    def apply(self, state: bytes) -> None:
        """Take up what another document has."""
        self._doc.apply_update(state)

    def digest(self) -> bytes:
        """The state vector."""
        vector: bytes = self._doc.get_state()
        return vector

    def since(self, digest: bytes) -> bytes:
        """The update from a state vector."""
        update: bytes = self._doc.get_update(digest)
        return update


class Loro(Library):
    """loro, which can also drop its history."""

    NAME = "loro"

    def __init__(self) -> None:
        self._loro = self.module()
        self._doc = self._loro.LoroDoc()
        self._doc.peer_id = 1
        self._map = self._doc.get_map("m")

    def put_all(self, pairs: Iterable[Pair]) -> None:
        """Set entries in one transaction."""
        insert = self._map.insert
        for key, value in pairs:
            insert(key, value)
        self._doc.commit()

    def read(self, keys: Iterable[str]) -> None:
        """Look up one key after the other."""
        get = self._map.get
        for key in keys:
            get(key)

    def increment_each(self, times: int) -> None:
        """Raise a counter in a transaction each."""
        increment, commit = self._doc.get_counter("c").increment, self._doc.commit
        for _ in range(times):
            increment(1)
            commit()

    def state(self) -> bytes:
        """A snapshot, with its history."""
        return self._export(self._loro.ExportMode.Snapshot())

    def shallow_state(self) -> bytes:
        """A snapshot without history: replicas that have only older states cannot use it."""
        return self._export(self._loro.ExportMode.ShallowSnapshot(self._doc.oplog_frontiers))

    def digest(self) -> bytes:
        """The version vector."""
        vector: bytes = self._doc.oplog_vv.encode()
        return vector

    def since(self, digest: bytes) -> bytes:
        """The updates from a version vector."""
        seen = self._loro.VersionVector.decode(digest)
        return self._export(self._loro.ExportMode.Updates(seen))

    def _export(self, mode: object) -> bytes:
        exported: bytes = self._doc.export(mode)
        return exported


L = TypeVar("L", bound=Library)
T = TypeVar("T")


def asked(library: type[L], ask: Callable[[L], T]) -> tuple[str, T | None]:
    """A library's name, and what `ask` makes of a fresh document of it; None when it is not
    installed.
    """
    try:
        library.module()
    except ImportError:
        return library.NAME, None
    return library.NAME, ask(library())


def turns(library: type[L], use: Callable[[L], Run]) -> tuple[str, Prepare | None]:
    """A library's name, and its runs, each on a fresh document; None when it is not installed."""
    return asked(library, lambda _: lambda: use(library()))
