"""Which events has this replica seen?

Every local change of a replica is an *event*, named by a **dot**: `(replica, counter)`, where the
counter of a replica starts at 1 and never skips. A causal context is a set of dots. Because most of
what has been seen is gapless, it is kept as sorted, disjoint, closed ranges per replica: a replica
heard without loss costs one range, and each gap costs one more. In the words of the field: a
version vector with exceptions.

References: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), section 7.2
(causal contexts); Gonçalves et al., "DottedDB" (2017), server-wide clocks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

Dot = tuple[str, int]
"""One event of one replica: (replica, counter), counters from 1."""

MAX_COUNTER = 2**63 - 1
"""The greatest counter of a dot; chosen by us, and never reached by counting."""

Span = tuple[str, int, int]
"""Consecutive events of one replica: (replica, first counter, last counter)."""


class CausalContext:
    """A set of dots, kept as ranges per replica. Reading a dot is a dict look-up and a
    comparison.
    """

    __slots__ = ("_seen",)

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._seen: dict[str, list[tuple[int, int]]] = {}
        for replica, low, high in spans:
            self.add_span(replica, low, high)

    def __contains__(self, dot: Dot) -> bool:
        ranges = self._seen.get(dot[0])
        if ranges is None:
            return False
        counter = dot[1]
        low, high = ranges[0]
        if counter <= high:
            return counter >= low
        if len(ranges) == 1:
            return False
        at = bisect_left(ranges, (counter + 1,)) - 1
        return counter <= ranges[at][1]

    def __bool__(self) -> bool:
        return bool(self._seen)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CausalContext) and self._seen == other._seen

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def __repr__(self) -> str:
        spans = ", ".join(f"{r}:{low}-{high}" for r, low, high in self.spans())
        return f"CausalContext({spans})"

    def last(self, replica: str) -> int:
        """The greatest counter of `replica` in the set, 0 when there is none."""
        ranges = self._seen.get(replica)
        return ranges[-1][1] if ranges else 0

    def add(self, dot: Dot) -> bool:
        """Add one dot; True when it was new."""
        return self.add_span(dot[0], dot[1], dot[1])

    def add_span(self, replica: str, low: int, high: int) -> bool:
        """Add the dots low..high of one replica; True when at least one was new."""
        ranges = self._seen.get(replica)
        if ranges is None:
            self._seen[replica] = [(low, high)]
            return True
        if (
            low == ranges[-1][1] + 1
        ):  # the next event of a replica heard in order: by far the usual case
            ranges[-1] = (ranges[-1][0], high)
            return True
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

    def merge(self, other: CausalContext) -> bool:
        """Add every dot of `other`; True when at least one was new."""
        changed = False
        for replica, low, high in other.spans():
            changed |= self.add_span(replica, low, high)
        return changed

    def covers(self, other: CausalContext) -> bool:
        """Whether every dot of `other` is in this set."""
        return next(other.beyond(self), None) is None

    def beyond(self, other: CausalContext) -> Iterator[Span]:
        """The dots of this set that `other` lacks, as spans in order of replica and counter."""
        for replica in sorted(self._seen):
            theirs = other._seen.get(replica, [])
            for low, high in self._seen[replica]:
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

    def spans(self) -> Iterator[Span]:
        """All ranges, in order of replica and counter."""
        for replica in sorted(self._seen):
            for low, high in self._seen[replica]:
                yield replica, low, high

    def copy(self) -> CausalContext:
        """An independent copy."""
        twin = CausalContext()
        twin._seen = {replica: list(ranges) for replica, ranges in self._seen.items()}
        return twin

    def check(self) -> None:
        """Assert that ranges are sorted, disjoint and do not touch."""
        for replica, ranges in self._seen.items():
            assert ranges, f"an empty range list for {replica!r}"
            last = -1
            for low, high in ranges:
                assert max(1, last + 2) <= low <= high, (
                    f"ranges of {replica!r} are out of order: {ranges}"
                )
                last = high
