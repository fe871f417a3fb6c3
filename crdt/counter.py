"""Counters that count every change exactly once, also across resets.

A counter has one leaf per replica that changed it. Its payload is `(up, down, up_reset,
down_reset)`: the replica's totals so far, which only grow, and how much of them resets have seen.
The value is the sum of what no reset has seen. Concurrent payloads of a leaf are joined number by
number with max, which is exact because each number only grows and just one replica adds to the
totals. So a reset takes away what it saw, increments concurrent with it survive exactly, and two
concurrent resets subtract nothing twice.

Reference: Baquero, Almeida, Lerche, "The problem with embedded CRDT counters and a solution"
(2016).
"""

from __future__ import annotations

from collections.abc import Iterator

from .errors import CrdtError, OutOfRange
from .kernel import Entry, Payload
from .replicated import Delta, Replicated

LIMIT = 2**63 - 1
"""The greatest amount, total or value; fixed by the contract."""

Part = tuple[int, int, int, int]
"""One replica's part: (up, down, up seen by resets, down seen by resets)."""

_NOTHING: Part = (0, 0, 0, 0)


class PNCounter(Replicated):
    """A number that every replica can raise, lower and reset.

    >>> a = PNCounter("a")
    >>> change = a.increment(5)
    >>> b = a.fork("b")
    >>> change = b.reset()  # it has seen the 5 ...
    >>> change = a.increment(2)  # ... and not the 2, which is concurrent
    >>> a.merge(b), a.value
    (True, 2)
    """

    KIND = 2
    NAME = "counter"
    __slots__ = ()

    def increment(self, n: int = 1) -> Delta:
        """Add `n`. `ValueError` when n < 0 or a total would pass 63 bits; nothing is changed
        then.
        """
        return self._add(n, 0)

    def decrement(self, n: int = 1) -> Delta:
        """Subtract `n`. `ValueError` when n < 0 or a total would pass 63 bits; nothing is changed
        then.
        """
        return self._add(0, n)

    def reset(self) -> Delta:
        """Take away exactly the changes seen here."""
        parts = list(self._parts())
        return self._write(
            {key: (*part[:2], *part[:2]) for key, part in parts if part[:2] != part[2:]}
        )

    @property
    def value(self) -> int:
        """The sum of all changes that no reset has seen."""
        return sum(
            up - up_reset - down + down_reset
            for _, (up, down, up_reset, down_reset) in self._parts()
        )

    @staticmethod
    def check_key(key: bytes) -> None:
        """The name of the replica whose part it is."""
        try:
            named = key.decode() != ""
        except UnicodeDecodeError:
            named = False
        if not named:
            raise CrdtError("malformed counter: a part without a replica")

    @staticmethod
    def check_payload(payload: Payload) -> Payload:
        """A part: four numbers, of which the totals are not below what resets saw."""
        numbers = (
            type(payload) is list and len(payload) == 4 and all(type(n) is int for n in payload)
        )
        if not numbers or not (
            0 <= payload[2] <= payload[0] <= LIMIT and 0 <= payload[3] <= payload[1] <= LIMIT
        ):
            raise CrdtError("malformed counter")
        return tuple(payload)

    def _add(self, up: int, down: int) -> Delta:
        for amount in (up, down):
            if type(amount) is not int:
                raise TypeError(f"the amount is an int, not {type(amount).__name__}")
            if amount < 0:
                raise ValueError(f"the amount must not be negative, it is {amount}")
        key = self.replica.encode()
        entry = self._entry(key)
        part = _joined(entry) if entry else _NOTHING
        grown = (part[0] + up, part[1] + down, part[2], part[3])
        if max(grown) > LIMIT or abs(self.value + up - down) > LIMIT:
            raise OutOfRange("a counter's total cannot pass 63 bits")
        return self._write({key: grown})

    def _parts(self) -> Iterator[tuple[bytes, Part]]:
        for key in self._keys():
            entry = self._entry(key)
            if entry:
                yield key, _joined(entry)


def _joined(entry: Entry) -> Part:
    """Concurrent payloads as one: each number only grows, so the greatest is the latest."""
    if len(entry) == 1:
        (part,) = entry.values()
        return part  # type: ignore[no-any-return]
    up, down, up_reset, down_reset = (max(numbers) for numbers in zip(*entry.values(), strict=True))
    return up, down, up_reset, down_reset
