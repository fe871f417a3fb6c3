"""A map of replicated values, to any depth.

There is no leaf for an entry: a key is there while something of the values below it is. A leaf's
own key comes after the path to its value (`paths.py`), so a value within a map is the same facade
as one that stands alone, and a delete removes every leaf below the key, each by what was seen of
it. An update that the delete has not seen is a write that it did not remove, and survives with just
its own part. Counters have to remember what was taken back, to tell it from what is added later.

Reference: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), section 7.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from .counter import PNCounter
from .delta import Delta
from .flag import EWFlag
from .fragment import Payload
from .keys import after_prefix, close, decode_key, encode_key
from .orset import ORSet
from .paths import Step, check, claim, leaf_type, names, section, walk
from .registers import LWWRegister, MVRegister
from .replicated import Replicated
from .schema import TYPES, Kind

Key = str | bytes
T = TypeVar("T", bound=Replicated)


class ORMap(Replicated):
    """A map from `str` or `bytes` to replicated values, which it makes when they are first changed.

    >>> a = ORMap("a")
    >>> change = a.map("cart").counter("milk").increment(2)
    >>> b = a.fork("b")
    >>> del a["cart"]
    >>> change = b.map("cart").counter("milk").increment()  # concurrent
    >>> change = b.map("cart").register("note").set("ripe")
    >>> a.merge(b), a.value
    (True, {'cart': {'milk': 1, 'note': 'ripe'}})
    """

    KIND = 9
    NAME = "ormap"
    INSIDE: ClassVar[Mapping[int, Kind]] = {
        kind.KIND: kind for kind in (PNCounter, EWFlag, LWWRegister, MVRegister, ORSet)
    }
    __slots__ = ()

    def counter(self, key: Key) -> PNCounter:
        """The counter under `key`, live. `CrdtError` when another type is there."""
        return self._open(key, PNCounter)

    def set(self, key: Key) -> ORSet:
        """The set under `key`, live. `CrdtError` when another type is there."""
        return self._open(key, ORSet)

    def map(self, key: Key) -> ORMap:
        """The map of values under `key`, live. `CrdtError` when another type is there."""
        return self._open(key, ORMap)

    def register(self, key: Key) -> LWWRegister:
        """The register under `key`, live. `CrdtError` when another type is there."""
        return self._open(key, LWWRegister)

    def mvregister(self, key: Key) -> MVRegister:
        """The multi-value register under `key`, live. `CrdtError` when another type is there."""
        return self._open(key, MVRegister)

    def flag(self, key: Key) -> EWFlag:
        """The flag under `key`, live. `CrdtError` when another type is there."""
        return self._open(key, EWFlag)

    def delete(self, key: Key) -> Delta:
        """Delete what is under `key`, at every depth, as far as it was seen here; `KeyError` when
        it is not there.
        """
        cut = len(self._prefix)
        below = list(self._kernel.keys(self._prefix + close(encode_key(key))))
        if not below:
            raise KeyError(key)
        writes: list[tuple[bytes, Payload, int]] = []
        removals: list[bytes] = []
        for full in below:
            kind = self._kernel.schema.leaf_type(full)
            instead = kind.taken_back(self._kernel.entries[full])
            if instead is None:
                removals.append(full[cut:])
            else:
                writes.append((full[cut:], instead, 0))
        return self._change(writes, removals)

    def __delitem__(self, key: Key) -> None:
        self.delete(key)

    def __contains__(self, key: object) -> bool:
        try:
            path = self._prefix + close(encode_key(key))  # type: ignore[arg-type]
        except (TypeError, ValueError):  # what cannot be a key is not there
            return False
        return self._kernel.order.first(path, path) is not None

    def __len__(self) -> int:
        return self._kernel.order.names(self._prefix)

    def __iter__(self) -> Iterator[Key]:
        """The keys, in order."""
        return iter([decode_key(name) for name, _ in names(self._kernel.order, self._prefix, b"")])

    @property
    def value(self) -> dict[Key, Any]:
        """The plain values by key, in key order. Of a key that was made with several types at once,
        the first counts of counter, flag, register, mvregister, set, map.
        """
        order, root = self._kernel.order, self._prefix
        values: dict[Key, Any] = {}
        way: list[tuple[Step, dict[Key, Any]]] = []  # the maps that the last value was in
        at: bytes | None = root
        while at is not None and (key := order.first(at, root)) is not None:
            around = values
            for depth, step in enumerate(walk(key[len(root) :], self.INSIDE)):
                if depth == len(way) or way[depth][0] != step:
                    del way[depth:]
                    name, section_end = decode_key(step.name), len(root) + step.end
                    if step.kind is not ORMap or name in around:
                        if name not in around:
                            around[name] = self._value_of(key[:section_end], step.kind)
                        at = after_prefix(key[:section_end])
                        break
                    around[name] = inner = dict[Key, Any]()
                    way.append((step, inner))
                around = way[depth][1]
        return values

    def _value_of(self, path: bytes, kind: Kind) -> Any:
        return TYPES[kind.KIND].over(self._kernel, path, self._root).value

    @classmethod
    def leaf_type(cls, key: bytes) -> Kind:
        """The type of the value that a path leads to."""
        return leaf_type(key, cls.INSIDE)

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """A path, and the key of a leaf of the value that it leads to."""
        return check(key, cls.INSIDE)

    def _open(self, key: Key, kind: type[T]) -> T:
        path = section(self._prefix, key, kind)
        claim(self._kernel.order, path, self._kernel.schema.INSIDE)
        return kind.over(self._kernel, path, self._root)


ORMap.INSIDE = {**ORMap.INSIDE, ORMap.KIND: ORMap}
