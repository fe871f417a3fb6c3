"""The keys that a reader can see, in order, without a price on every write.

Order is wanted when somebody walks through a range or counts one, and costs several times a write.
So a write only notes its key, and the next reader who asks for order pays for what was noted; the
first one for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from sortedcontainers import SortedList

from .keys import after_prefix

REBUILD = 4
"""Sorting all anew is cheaper than finding places for more than one in four; measured."""


class Name:
    """A name on the way to some keys: how many, and the names that follow it, by type."""

    __slots__ = ("below", "keys")

    def __init__(self) -> None:
        self.keys = 0
        self.below: dict[bytes, Names] = {}


Names = dict[bytes, Name]


class KeyOrder:
    """`shown(key)` tells whether a reader can see a key, `everything()` gives all keys. Keys may
    be paths: `steps(key)` gives, for each step, where its name begins and ends, and where it ends.
    """

    __slots__ = ("_everything", "_keys", "_names", "_noted", "_shown", "_steps")

    def __init__(
        self,
        shown: Callable[[bytes], bool],
        everything: Callable[[], Collection[bytes]],
        steps: Callable[[bytes], Iterable[tuple[int, int, int]]],
    ) -> None:
        self._shown = shown
        self._everything = everything
        self._steps = steps
        self._keys: SortedList[bytes] = SortedList()
        self._noted: dict[bytes, None] | None = None
        self._names: Names | None = None

    def note(self, key: bytes) -> None:
        """A key may have come, or gone."""
        if self._noted is not None:
            self._noted[key] = None

    def forget(self) -> None:
        """Anything may have come or gone: sort all anew when somebody asks."""
        self._noted = None

    def count(self, prefix: bytes = b"") -> int:
        """How many keys start with `prefix`, in logarithmic time."""
        keys = self._current()
        if not prefix:
            return len(keys)
        stop = after_prefix(prefix)
        above = len(keys) if stop is None else keys.bisect_left(stop)
        return int(above - keys.bisect_left(prefix))

    def names(self, prefix: bytes) -> int:
        """How many names there are directly after `prefix`, without counting them every time."""
        keys = self._current()
        if self._names is None:
            self._names = {}
            for key in keys:
                self._tally(key, 1)
        names = self._names
        for start, middle, end in self._steps(prefix):
            name = names.get(prefix[start:middle])
            names = {} if name is None else name.below.get(prefix[middle:end], {})
        return len(names)

    def range(self, low: bytes, high: bytes | None) -> Iterator[bytes]:
        """The keys from `low` to before `high`, in order; to the end when that is None."""
        keys: Iterator[bytes] = self._current().irange(low, high, (True, False))
        return keys

    def first(self, low: bytes, prefix: bytes = b"") -> bytes | None:
        """The first key from `low` on, if it starts with `prefix`."""
        key = next(self.range(low, None), None)
        return key if key is not None and key.startswith(prefix) else None

    def _current(self) -> SortedList[bytes]:
        noted, everything = self._noted, self._everything()
        if noted is None or len(noted) * REBUILD > len(everything):
            self._keys = SortedList(filter(self._shown, everything))
            self._noted = {}
            self._names = None
        elif noted:
            for key in noted:
                self._look_at(key)
            noted.clear()
        return self._keys

    def _look_at(self, key: bytes) -> None:
        held, shown = key in self._keys, self._shown(key)
        if shown and not held:
            self._keys.add(key)
            self._tally(key, 1)
        elif held and not shown:
            self._keys.remove(key)
            self._tally(key, -1)

    def _tally(self, key: bytes, change: int) -> None:
        """Count a key in, or out, under every name on the way to it."""
        names = self._names
        if names is None:
            return
        for start, middle, end in self._steps(key):
            called = key[start:middle]
            name = names.setdefault(called, Name())
            name.keys += change
            if not name.keys:
                del names[called]  # and with it all that is below
                return
            names = name.below.setdefault(key[middle:end], {})
