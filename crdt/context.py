"""Which events has this replica seen?

Every local change of a replica is an *event*, named by a **dot**: `(replica, counter)`, where the
counter of a replica starts at 1 and never skips. A causal context is a set of dots, kept as a
version vector with exceptions: per replica how far everything was seen, and beyond that the ranges
that came early, sorted and disjoint. A replica heard without loss costs one number, and each gap
costs one range more.

References: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), section 7.2
(causal contexts); Gonçalves et al., "DottedDB" (2017), server-wide clocks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from .errors import OutOfRange

Dot = tuple[str, int]
"""One event of one replica: (replica, counter), counters from 1."""

MAX_COUNTER = 2**63 - 1
"""The greatest counter of a dot; chosen by us, and never reached by counting."""

Span = tuple[str, int, int]
"""Consecutive events of one replica: (replica, first counter, last counter)."""


class CausalContext:
    """A set of dots. Finding a dot is a look-up and a comparison."""

    __slots__ = ("_early", "_vector")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._vector: dict[str, int] = {}
        self._early: dict[str, list[tuple[int, int]]] = {}
        for replica, low, high in spans:
            self.add_span(replica, low, high)

    def __contains__(self, dot: Dot) -> bool:
        replica, counter = dot
        if 0 < counter <= self._vector.get(replica, 0):
            return True
        ranges = self._early.get(replica)
        if ranges is None:
            return False
        at = bisect_left(ranges, (counter + 1,)) - 1
        return at >= 0 and counter <= ranges[at][1]

    def __bool__(self) -> bool:
        return bool(self._vector or self._early)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CausalContext):
            return NotImplemented
        return self._vector == other._vector and self._early == other._early

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def __repr__(self) -> str:
        spans = ", ".join(f"{r}:{low}-{high}" for r, low, high in self.spans())
        return f"CausalContext({spans})"

    def last(self, replica: str) -> int:
        """The greatest counter of `replica` in the set, 0 when there is none."""
        ranges = self._early.get(replica)
        return ranges[-1][1] if ranges else self._vector.get(replica, 0)

    def advance(self, replica: str, events: int = 1) -> int:
        """Count so many events more of `replica`, after its last; the counter of the first.

        `OutOfRange`, and nothing is counted, when there are not that many left.
        """
        early = replica in self._early
        first = 1 + (self.last(replica) if early else self._vector.get(replica, 0))
        last = first + events - 1
        if last > MAX_COUNTER:
            raise OutOfRange(f"no event of {replica!r} is left")
        if early:
            self.add_span(replica, first, last)
        elif events:
            self._vector[replica] = last
        return first

    def add(self, dot: Dot) -> bool:
        """Add one dot; True when it was new."""
        return self.add_span(dot[0], dot[1], dot[1])

    def add_span(self, replica: str, low: int, high: int) -> bool:
        """Add the dots low..high of one replica; True when at least one was new."""
        seen = self._vector.get(replica, 0)
        if high <= seen:
            return False
        ranges = self._early.get(replica)
        if low > seen + 1:
            if ranges is None:
                self._early[replica] = [(low, high)]
                return True
            return _insert(ranges, low, high)
        self._vector[replica] = high
        if ranges is not None:
            self._catch_up(replica, ranges, high)
        return True

    def _catch_up(self, replica: str, ranges: list[tuple[int, int]], seen: int) -> None:
        """Take in the early ranges that what was seen has reached."""
        reached = 0
        while reached < len(ranges) and ranges[reached][0] <= seen + 1:
            seen = max(seen, ranges[reached][1])
            reached += 1
        del ranges[:reached]
        if not ranges:
            del self._early[replica]
        self._vector[replica] = seen

    def merge(self, other: CausalContext) -> bool:
        """Add every dot of `other`; True when at least one was new."""
        changed = False
        for replica, low, high in other.spans():
            changed |= self.add_span(replica, low, high)
        return changed

    def covers(self, other: CausalContext) -> bool:
        """Whether every dot of `other` is in this set."""
        vector, early = self._vector, other._early
        for replica, seen in other._vector.items():
            if vector.get(replica, 0) < seen and not self.holds(replica, 1, seen):
                return False
        return not early or all(
            self.holds(replica, low, high) for replica in early for low, high in early[replica]
        )

    def holds(self, replica: str, low: int, high: int) -> bool:
        """Whether the dots low..high of one replica are all in this set."""
        if high <= self._vector.get(replica, 0):
            return True
        start, end = self._range_of(replica, high)
        return start <= low and high <= end

    def _range_of(self, replica: str, counter: int) -> tuple[int, int]:
        """The range of consecutive dots around a dot; (counter, counter - 1) when it is in none."""
        seen = self._vector.get(replica, 0)
        if counter <= seen:
            return 1, seen
        ranges = self._early.get(replica, ())
        at = bisect_left(ranges, (counter + 1,)) - 1
        return ranges[at] if at >= 0 and counter <= ranges[at][1] else (counter, counter - 1)

    def ahead_of(self, base: CausalContext) -> CausalContext:
        """The one shortest set that makes the same of `base` as this one does when it is added.

        It has what `base` lacks, and what of `base` lies in between: so it takes few ranges also
        where `base` has many gaps, and it is the same for all that add the same to `base`.
        """
        ahead = CausalContext()
        for replica, low, high in self.spans():
            first = base._range_of(replica, low)[1] + 1
            last = base._range_of(replica, high)[0] - 1 if (replica, high) in base else high
            first = max(low, first)
            if first <= last:
                before = ahead.last(replica)
                if before and base.holds(replica, before + 1, first - 1):
                    first = before + 1
                ahead.add_span(replica, first, last)
        return ahead

    def beyond(self, other: CausalContext) -> Iterator[Span]:
        """The dots of this set that `other` lacks, as spans in order of replica and counter."""
        for replica in self._replicas():
            if replica not in self._early and replica not in other._early:  # nearly always
                known, seen = other._vector.get(replica, 0), self._vector[replica]
                if known < seen:
                    yield replica, known + 1, seen
                continue
            theirs = other._ranges(replica)
            for low, high in self._ranges(replica):
                at = bisect_left(theirs, (low,))
                if at and theirs[at - 1][1] >= low:
                    at -= 1
                rest = low
                while at < len(theirs) and theirs[at][0] <= high:
                    their_low, their_high = theirs[at]
                    at += 1
                    if rest < their_low:
                        yield replica, rest, their_low - 1
                    rest = max(rest, their_high + 1)
                if rest <= high:
                    yield replica, rest, high

    def common(self, other: CausalContext) -> CausalContext:
        """The dots that are in both."""
        return CausalContext(self.beyond(CausalContext(self.beyond(other))))

    def spans(self) -> Iterator[Span]:
        """All ranges, in order of replica and counter."""
        if not self._early:
            vector = self._vector
            return ((replica, 1, vector[replica]) for replica in sorted(vector))
        return (
            (replica, low, high)
            for replica in self._replicas()
            for low, high in self._ranges(replica)
        )

    def copy(self) -> CausalContext:
        """An independent copy."""
        twin = CausalContext()
        twin._vector = self._vector.copy()
        if self._early:
            twin._early = {replica: list(ranges) for replica, ranges in self._early.items()}
        return twin

    def check(self) -> None:
        """Assert that numbers are positive, and ranges sorted, disjoint and not touching."""
        assert all(seen > 0 for seen in self._vector.values()), f"nothing seen: {self._vector}"
        for replica, ranges in self._early.items():
            assert ranges, f"an empty range list for {replica!r}"
            last = self._vector.get(replica, 0)
            for low, high in ranges:
                assert last + 2 <= low <= high, f"ranges of {replica!r} are out of order: {ranges}"
                last = high

    def _replicas(self) -> list[str]:
        if not self._early:
            return sorted(self._vector)
        return sorted({**self._vector, **self._early})

    def _ranges(self, replica: str) -> list[tuple[int, int]]:
        early = self._early.get(replica, [])
        seen = self._vector.get(replica)
        return early if seen is None else [(1, seen), *early]


def _insert(ranges: list[tuple[int, int]], low: int, high: int) -> bool:
    """Add low..high to sorted, disjoint ranges; True when something of it was new."""
    first = bisect_left(ranges, (low,))
    if first and ranges[first - 1][1] >= low - 1:
        first -= 1
    after = first
    while after < len(ranges) and ranges[after][0] <= high + 1:
        low, high = min(low, ranges[after][0]), max(high, ranges[after][1])
        after += 1
    if ranges[first:after] == [(low, high)]:
        return False
    ranges[first:after] = [(low, high)]
    return True
