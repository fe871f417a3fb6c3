"""A counter that is never below zero, on any replica, under any partition.

What a counter holds is divided among the replicas as *rights*: a replica may take away as much as
it has rights to, without asking anybody. Adding makes rights at the replica that adds; they can be
handed on. There is one leaf per replica, under that replica's name and written by it alone:
`(added, taken, [(replica, handed on to it), …])`, totals that only grow.

A replica's rights are what it added and got, less what it took and handed on, and never below
nothing. The value is what was added less what was taken. Where all is known that is the sum of all
rights, so it is not below zero; where the taking was heard of before the adding, it counts as zero.

Reference: Balegas et al., "Extending eventually consistent cloud databases for enforcing numeric
invariants" (2015).
"""

from __future__ import annotations

from typing import NamedTuple

from .counter import LIMIT, check_amount, check_part_key, check_total
from .delta import Delta
from .errors import CrdtError, InsufficientRights
from .fragment import Entry, Payload
from .kernel import check_replica
from .replicated import Replicated
from .schema import Kind


class _Row(NamedTuple):
    """One replica's totals."""

    added: int = 0
    taken: int = 0
    handed: tuple[tuple[str, int], ...] = ()


class BoundedCounter(Replicated):
    """A number that is never below zero.

    >>> a = BoundedCounter("a")
    >>> change = a.increment(5)
    >>> b = a.fork("b")
    >>> b.rights  # so a decrement would raise InsufficientRights
    0
    >>> b.merge(a.transfer(2, "b")), b.rights, a.rights
    (True, 2, 3)
    >>> change = b.decrement(2)
    >>> b.value
    3
    """

    KIND = 3
    NAME = "bounded"
    __slots__ = ()

    def increment(self, n: int = 1) -> Delta:
        """Add `n`, and get the rights to it. `ValueError` when n < 0 or a total would pass 63 bits;
        nothing is changed then.
        """
        check_amount(n)
        mine = self._rows().get(self.replica, _Row())
        check_total(mine.added + n, self.value + n)
        return self._set(mine._replace(added=mine.added + n))

    def decrement(self, n: int = 1) -> Delta:
        """Take `n` away. `InsufficientRights` when that is more than `rights`, `ValueError` when
        n < 0; nothing is changed then.
        """
        check_amount(n)
        self._spend(n)
        mine = self._rows().get(self.replica, _Row())
        check_total(mine.taken + n)
        return self._set(mine._replace(taken=mine.taken + n))

    def transfer(self, n: int, to: str) -> Delta:
        """Hand on rights to `n` to another replica; to itself nothing happens.
        `InsufficientRights` when that is more than `rights`, `ValueError` when n < 0 or `to` is no
        replica's name; nothing is changed then.
        """
        check_amount(n)
        check_replica(to)
        if to == self.replica:
            return self._change([])
        self._spend(n)
        mine = self._rows().get(self.replica, _Row())
        handed = dict(mine.handed)
        handed[to] = handed.get(to, 0) + n
        check_total(handed[to])
        return self._set(mine._replace(handed=tuple(sorted(handed.items()))))

    @property
    def rights(self) -> int:
        """How much this replica may take away or hand on."""
        rows = self._rows()
        mine = rows.get(self.replica, _Row())
        got = sum(n for row in rows.values() for to, n in row.handed if to == self.replica)
        return max(0, mine.added + got - mine.taken - sum(n for _, n in mine.handed))

    @property
    def value(self) -> int:
        """What was added less what was taken, as far as is known here."""
        return max(0, sum(row.added - row.taken for row in self._rows().values()))

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """The name of the replica whose totals these are."""
        check_part_key(key, cls.NAME)
        return cls

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """A replica's totals."""
        try:
            added, taken, handed = payload
            totals = dict(handed)
            names = [check_replica(to) for to, _ in handed]
        except (TypeError, ValueError):
            raise CrdtError("malformed bounded counter") from None
        numbers = (added, taken, *totals.values())
        if names != sorted(totals) or not all(type(n) is int for n in numbers):
            raise CrdtError("malformed bounded counter")
        if not 0 <= min(numbers) <= max(numbers) <= LIMIT:
            raise CrdtError("malformed bounded counter: a total out of range")
        return tuple(_Row(added, taken, tuple(totals.items())))

    def _spend(self, n: int) -> None:
        if n > (rights := self.rights):
            raise InsufficientRights(
                f"{self.replica!r} has rights to {rights}, not to {n}:"
                " ask a replica that has more for a transfer"
            )

    def _set(self, row: _Row) -> Delta:
        return self._write(self._prefix + self.replica.encode(), tuple(row))

    def _rows(self) -> dict[str, _Row]:
        return {key.decode(): _joined(self._entry(key) or ()) for key in self._keys()}


def _joined(entry: Entry) -> _Row:
    """Concurrent payloads as one: each total only grows."""
    joined = _Row()
    for _, _, _, (added, taken, handed) in entry:
        totals = dict(joined.handed)
        totals |= {to: max(n, totals.get(to, 0)) for to, n in handed}
        joined = _Row(
            max(joined.added, added), max(joined.taken, taken), tuple(sorted(totals.items()))
        )
    return joined
