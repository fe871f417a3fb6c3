"""A map in which the last writer wins, entry by entry.

Each entry is a leaf whose payload is the value, or `DELETED`: a delete is a write like any other.
Concurrent writes stay side by side in the leaf until the next write; a reader sees the one with the
greatest `(timestamp, replica)`, which comes first. Dropping the losers at the merge would look
simpler and would make the merge depend on its order as soon as an entry can also be dropped by what
a replica has seen. A deleted key is remembered until it is collected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .clock import MAX_TIMESTAMP
from .delta import Delta
from .errors import CrdtError
from .fragment import Entry, Payload
from .keys import MAX_KEY_BYTES, after_prefix, decode_key, encode_key
from .replicated import Replicated
from .schema import Kind
from .values import DELETED, SCALARS, SMALL_TEXT, TEXTS, Value, check_value, detached, normalise

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
    STAMPED = True
    __slots__ = ()

    def put(self, key: Key, value: Value) -> Delta:
        """Set one entry. `TypeError` or `ValueError` for what cannot be carried; nothing is changed
        then.
        """
        full, normal = self._prefix + encode_key(key), normalise(value)
        kernel = self._kernel
        entry = kernel.entries.get(full)
        return self._write(full, normal, kernel.clock.tick(entry[0][0] if entry else 0))

    def update(self, mapping: Mapping[Key, Value]) -> Delta:
        """Set many entries, as one delta; all or, when one cannot be carried, none."""
        if not isinstance(mapping, Mapping):
            raise TypeError(f"update takes a mapping, not {type(mapping).__name__}")
        values = {encode_key(key): normalise(value) for key, value in mapping.items()}
        entries, prefix = self._kernel.entries, self._prefix
        held = [entries.get(prefix + key) for key in values]
        stamps = self.clock.ticks([entry[0][0] if entry else 0 for entry in held])
        return self._change(list(zip(values, values.values(), stamps, strict=True)))

    def delete(self, key: Key) -> Delta:
        """Delete one entry; `KeyError` when it is not there."""
        full = self._prefix + encode_key(key)
        entry = self._kernel.entries.get(full)
        if entry is None or entry[0][3] is DELETED:
            raise KeyError(key)
        return self._write(full, DELETED, self.clock.tick(entry[0][0]))

    def __setitem__(self, key: Key, value: Value) -> None:
        self.put(key, value)

    def __delitem__(self, key: Key) -> None:
        self.delete(key)

    def __getitem__(self, key: Key) -> Value:
        try:
            entry = self._kernel.entries[self._prefix + encode_key(key)]
        except (TypeError, ValueError, KeyError):  # what cannot be a key is not there
            raise KeyError(key) from None
        value = entry[0][3]
        if type(value) in SCALARS:
            return value
        if value is DELETED:
            raise KeyError(key)
        return detached(value)

    def __contains__(self, key: object) -> bool:
        try:
            entry = self._entry(encode_key(key))  # type: ignore[arg-type]  # anything may be asked
        except (TypeError, ValueError):
            return False
        return entry is not None and entry[0][3] is not DELETED

    def __iter__(self) -> Iterator[Key]:
        return map(decode_key, self._keys())

    def __len__(self) -> int:
        return self._kernel.count(self._prefix)

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

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """The key of an entry."""
        decode_key(key)
        return cls

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """A value, or that the entry is deleted."""
        return payload if payload is DELETED else check_value(payload)

    @classmethod
    def checked(
        cls, keys: Sequence[bytes], stamps: Sequence[int], payloads: Sequence[Payload]
    ) -> Sequence[Payload]:
        """As for every type; usual entries all at once, which is ten times faster."""
        if keys and not _usual(keys, payloads):
            return super().checked(keys, stamps, payloads)
        if keys and not 0 < min(stamps) <= max(stamps) <= MAX_TIMESTAMP:
            raise CrdtError("malformed map: a time stamp out of range")
        return payloads

    @classmethod
    def shows(cls, entry: Entry) -> bool:
        """Whether the latest write is no delete."""
        return entry[0][3] is not DELETED

    def _slice(self, low: bytes, high: bytes | None) -> Iterator[tuple[Key, Value]]:
        cut = len(self._prefix)
        entries = self._kernel.entries
        keys = list(self._kernel.order.range(low, high))  # now, not at the first step
        latest = ((key, entries[key][0][3]) for key in keys)
        return (
            (decode_key(key[cut:]), detached(value))
            for key, value in latest
            if value is not DELETED
        )


def _usual(keys: Sequence[bytes], payloads: Sequence[Payload]) -> bool:
    """Whether these are ASCII keys, and small values that need no normalising."""
    return (
        {key[:1] for key in keys} == {b"\x01"}
        and b"".join(keys).isascii()
        and max(map(len, keys)) <= MAX_KEY_BYTES
        and set(map(type, payloads)) <= SCALARS
        and max((len(each) for each in payloads if type(each) in TEXTS), default=0) < SMALL_TEXT
    )
