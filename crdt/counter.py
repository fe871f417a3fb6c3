"""Counters that count every change exactly once, also across resets.

A counter has one leaf per replica that changed it, under that replica's name. Its payload is that
replica's totals so far, which only grow, so concurrent payloads of a leaf are joined number by
number with max; just one replica adds to them, which makes that exact.

A `PNCounter` also keeps how much of the totals resets have seen; its value is the sum of what no
reset has seen. So a reset takes away what it saw, increments concurrent with it survive exactly,
and two concurrent resets subtract nothing twice. The price is that a part stays when all of it was
taken back: one leaf per replica that ever changed the counter, until it is collected.

Reference: Baquero, Almeida, Lerche, "The problem with embedded CRDT counters and a solution"
(2016).
"""

from __future__ import annotations

from .delta import Delta
from .errors import CrdtError, OutOfRange
from .fragment import Entry, Payload
from .replicated import Replicated
from .schema import Kind

LIMIT = 2**63 - 1
"""The greatest amount, total or value; fixed by the contract."""

Part = tuple[int, int, int, int]
"""One replica's part: (up, down, up seen by resets, down seen by resets)."""


def check_amount(n: int) -> None:
    """`TypeError` when it is no int, `ValueError` when it is negative."""
    if type(n) is not int:
        raise TypeError(f"the amount is an int, not {type(n).__name__}")
    if n < 0:
        raise ValueError(f"the amount must not be negative, it is {n}")


def check_total(*totals: int) -> None:
    """`OutOfRange` when one is more than can be carried."""
    for total in totals:
        if not -LIMIT <= total <= LIMIT:
            raise OutOfRange("a counter's total cannot pass 63 bits")


def check_part_key(key: bytes, name: str) -> None:
    """`CrdtError` when a key is not the name of a replica."""
    try:
        named = key.decode() != ""
    except UnicodeDecodeError:
        named = False
    if not named:
        raise CrdtError(f"malformed {name}: a part without a replica")


class GCounter(Replicated):
    """A number that every replica can raise, and nobody can lower.

    >>> a, b = GCounter("a"), GCounter("b")
    >>> change = a.increment(5)
    >>> change_of_b = b.increment(2)
    >>> b.merge(change), b.value
    (True, 7)
    """

    KIND = 1
    NAME = "gcounter"
    __slots__ = ()

    def increment(self, n: int = 1) -> Delta:
        """Add `n`. `ValueError` when n < 0 or the total would pass 63 bits; nothing is changed
        then.
        """
        check_amount(n)
        if n == 0:
            return self._change([])
        full = self._prefix + self.replica.encode()
        entry = self._kernel.entries.get(full)
        mine = _greatest(entry) if entry else 0
        check_total(self.value + n)
        return self._write(full, mine + n)

    @property
    def value(self) -> int:
        """The sum of all that replicas added."""
        return sum(_greatest(entry) for entry in self._leaves())

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """The name of the replica whose part it is."""
        check_part_key(key, cls.NAME)
        return cls

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """A total."""
        if type(payload) is not int or not 0 <= payload <= LIMIT:
            raise CrdtError("malformed gcounter")
        return payload


def _greatest(entry: Entry) -> int:
    return max(payload for _, _, _, payload in entry)  # type: ignore[no-any-return]


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
        if type(n) is not int or n < 1:
            return self._add_nothing(n)
        return self._add(n, 0)

    def decrement(self, n: int = 1) -> Delta:
        """Subtract `n`. `ValueError` when n < 0 or a total would pass 63 bits; nothing is changed
        then.
        """
        if type(n) is not int or n < 1:
            return self._add_nothing(n)
        return self._add(0, n)

    def reset(self) -> Delta:
        """Take away exactly the changes seen here."""
        parts = [(key, self._entry(key)) for key in self._keys()]
        return self._change([(key, self.taken_back(entry), 0) for key, entry in parts if entry])

    @property
    def value(self) -> int:
        """The sum of all changes that no reset has seen."""
        value = 0
        for entry in self._leaves():
            up, down, up_reset, down_reset = entry[0][3] if len(entry) == 1 else _joined(entry)
            value += up - up_reset - down + down_reset
        return value

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """The name of the replica whose part it is."""
        check_part_key(key, cls.NAME)
        return cls

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """A part: four numbers, of which the totals are not below what resets saw."""
        numbers = (
            type(payload) is list and len(payload) == 4 and all(type(n) is int for n in payload)
        )
        if not numbers or not (
            0 <= payload[2] <= payload[0] <= LIMIT and 0 <= payload[3] <= payload[1] <= LIMIT
        ):
            raise CrdtError("malformed counter")
        return tuple(payload)

    @classmethod
    def shows(cls, entry: Entry) -> bool:
        """Whether there is anything that no reset has seen."""
        up, down, up_reset, down_reset = _joined(entry)
        return up != up_reset or down != down_reset

    @classmethod
    def taken_back(cls, entry: Entry) -> Payload:
        """The part with all of it seen by a reset: what comes later is told apart by that."""
        up, down, _, _ = _joined(entry)
        return up, down, up, down

    def _add_nothing(self, n: int) -> Delta:
        check_amount(n)
        return self._change([])

    def _add(self, up: int, down: int) -> Delta:
        kernel = self._kernel
        full = self._prefix + kernel.replica.encode()
        entry = kernel.entries.get(full, ())
        part = entry[0][3] if len(entry) == 1 else _joined(entry)
        raised, lowered, up_reset, down_reset = part
        raised += up
        lowered += down
        if raised > LIMIT or lowered > LIMIT:
            raise OutOfRange("a counter's total cannot pass 63 bits")
        if not entry or len(kernel.entries) > 1:  # others count too
            value = self.value  # which may be beyond the range by what others added meanwhile
            check_total(max(0, value + up) if up else min(0, value - down))
        return self._write(full, (raised, lowered, up_reset, down_reset))


def _joined(entry: Entry) -> Part:
    """Concurrent payloads as one: each number only grows, so the greatest is the latest."""
    parts = [payload for _, _, _, payload in entry]
    up, down, up_reset, down_reset = map(max, zip((0, 0, 0, 0), *parts, strict=True))
    return up, down, up_reset, down_reset
