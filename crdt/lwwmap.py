"""A map in which the last writer wins, entry by entry.

Each entry is a leaf with payload `(timestamp, value)`, or `(timestamp,)` for a delete, which is a
write like any other. Concurrent writes stay side by side in the leaf until the next write; a reader
sees the one with the greatest `(timestamp, replica)`. Dropping the loser at the merge would look
simpler and would make the merge depend on its order as soon as an entry can also be removed by what
a replica has seen. A deleted key is remembered until the store's collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .clock import MAX_TIMESTAMP
from .errors import CrdtError
from .kernel import Entry, Payload
from .keys import after_prefix, decode_key, encode_key
from .replicated import Delta, Replicated
from .values import Value, detached, normalise

Key = str | bytes


class LWWMap(Replicated, Mapping[Key, Value]):
    """A map from `str` or `bytes` to plain values, iterated in key order.

    >>> a = LWWMap("a")
    >>> b = a.fork("b")
    >>> a["theme"] = "dark"
    >>> b["theme"] = "light"
    >>> a.merge(b), a["theme"]  # the later write
    (True, 'light')
    """

    KIND = 8
    NAME = "map"
    __slots__ = ()

    def put(self, key: Key, value: Value) -> Delta:
        """Set one entry. `TypeError` or `ValueError` for what cannot be carried; nothing is changed
        then.
        """
        encoded, normal = encode_key(key), normalise(value)
        return self._write({encoded: (self._stamp(encoded), normal)})

    def update(self, mapping: Mapping[Key, Value]) -> Delta:
        """Set many entries, as one delta; all or, when one cannot be carried, none."""
        values = [(encode_key(key), normalise(value)) for key, value in mapping.items()]
        payloads = {key: (self._stamp(key), value) for key, value in values}
        return self._write(payloads)

    def delete(self, key: Key) -> Delta:
        """Delete one entry; `KeyError` when it is not there."""
        encoded = encode_key(key)
        entry = self._entry(encoded)
        if entry is None or len(_latest(entry)) == 1:
            raise KeyError(key)
        return self._write({encoded: (self._stamp(encoded),)})

    def __setitem__(self, key: Key, value: Value) -> None:
        self.put(key, value)

    def __delitem__(self, key: Key) -> None:
        self.delete(key)

    def __getitem__(self, key: Key) -> Value:
        try:
            entry = self._entry(encode_key(key))
        except (TypeError, ValueError):  # what cannot be a key is not there
            entry = None
        if entry is not None:
            payload = _latest(entry)
            if len(payload) == 2:
                return detached(payload[1])
        raise KeyError(key)

    def __iter__(self) -> Iterator[Key]:
        return (key for key, _ in self.range())

    def __len__(self) -> int:
        entries, prefix = self._kernel.entries, self._prefix
        return sum(len(_latest(entries[key])) == 2 for key in self._kernel.keys(prefix))

    def __eq__(self, other: object) -> bool:
        return Replicated.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment]

    def range(
        self, start: Key | None = None, stop: Key | None = None
    ) -> Iterator[tuple[Key, Value]]:
        """Entries with start <= key < stop, in key order: the keys of now, each with its value when
        it is reached.
        """
        low = self._prefix + (b"" if start is None else encode_key(start))
        high = after_prefix(self._prefix) if stop is None else self._prefix + encode_key(stop)
        return self._slice(low, high)

    def prefix(self, prefix: Key) -> Iterator[tuple[Key, Value]]:
        """Entries whose key starts with `prefix`, in key order."""
        low = self._prefix + encode_key(prefix)
        return self._slice(low, after_prefix(low))

    @property
    def value(self) -> dict[Key, Value]:
        """The entries, in key order."""
        return dict(self.range())

    @staticmethod
    def check_key(key: bytes) -> None:
        """The key of an entry."""
        decode_key(key)

    @staticmethod
    def check_payload(payload: Payload) -> Payload:
        """A time stamp and, unless the entry is deleted, a value."""
        if type(payload) is not list or len(payload) not in (1, 2) or type(payload[0]) is not int:
            raise CrdtError("malformed map")
        if not 0 < payload[0] <= MAX_TIMESTAMP:
            raise CrdtError("malformed map: a time stamp out of range")
        try:
            return (payload[0], *(normalise(value) for value in payload[1:]))
        except (TypeError, ValueError) as error:
            raise CrdtError(f"malformed map: {error}") from None

    @staticmethod
    def stamps(entry: Entry) -> list[int]:
        """One per write that lives."""
        return [payload[0] for payload in entry.values()]

    def _stamp(self, key: bytes) -> int:
        """A time stamp for a write that is later than all it has seen under `key`."""
        entry = self._entry(key)
        return self.clock.tick(_latest(entry)[0] if entry else 0)

    def _slice(self, low: bytes, high: bytes | None) -> Iterator[tuple[Key, Value]]:
        cut = len(self._prefix)
        entries = self._kernel.entries
        keys = list(entries.irange(low, high, (True, False)))  # now, not at the first step
        latest = ((key, _latest(entries[key])) for key in keys)
        return ((decode_key(key[cut:]), detached(put[1])) for key, put in latest if len(put) == 2)


def _latest(entry: Entry) -> tuple[Any, ...]:
    """The payload that readers see: the greatest (timestamp, replica)."""
    if len(entry) == 1:
        (payload,) = entry.values()
        return payload  # type: ignore[no-any-return]
    latest = max(entry, key=lambda dot: (entry[dot][0], dot[0]))
    return entry[latest]  # type: ignore[no-any-return]
