"""The events of one origin, as another member has them: in order, each once, and what is missing.

A stream begins where the origin owes its member the first event: `next` is the lowest number that
was not delivered yet, None while it is not known where the stream begins. What arrives early waits;
what was delivered, and what waits, is *kept* as it travels, for others who lack it.

This knows no time and no network; `broadcasts` decides whom to ask and when to give up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gossip.wire.user_messages import Event

MAX_KEPT = 64
"""Events of one origin that are kept; as many may wait for those before them."""

MAX_KEPT_BYTES = 64 * 1024
"""How large they may be in all."""


@dataclass(slots=True)
class Stream:
    """What is known of one boot of an origin."""

    boot: int
    next: int | None = None
    greatest: int = 0
    """The greatest number that was heard of."""
    kept: dict[int, bytes] = field(default_factory=dict)
    kept_bytes: int = 0
    waiting: dict[int, Event] = field(default_factory=dict)

    @property
    def lacking(self) -> bool:
        """Whether events are known of that are not here, or the beginning is not known."""
        return self.next is None or self.next <= self.greatest

    def is_news(self, sequence: int) -> bool:
        """Whether this event was neither delivered nor waits."""
        return sequence not in self.waiting and (self.next is None or sequence >= self.next)

    def hear_of(self, sequence: int) -> None:
        """There is such an event, somewhere."""
        self.greatest = max(self.greatest, sequence)

    def take(self, event: Event, frame: bytes) -> bool:
        """An event that is news arrived. False when it is not taken: too many wait before it."""
        self.hear_of(event.sequence)
        if event.sequence != self.next and len(self.waiting) >= MAX_KEPT:
            furthest = max(self.waiting)
            if event.sequence > furthest:
                return False
            del self.waiting[furthest]  # it will be asked for again, when its turn comes
        self.waiting[event.sequence] = event
        self.keep(event.sequence, frame)
        return True

    def keep(self, sequence: int, frame: bytes) -> None:
        """Keep an event for others."""
        self.kept[sequence] = frame
        self.kept_bytes += len(frame)
        while len(self.kept) > MAX_KEPT or self.kept_bytes > MAX_KEPT_BYTES:
            self.kept_bytes -= len(self.kept.pop(min(self.kept)))

    def begin(self, sequence: int) -> None:
        """The first event that is owed to us is this one: what came before it is not for us."""
        if self.next is None:
            self.next = sequence
            self.greatest = max(self.greatest, sequence - 1)
            self.waiting = {at: event for at, event in self.waiting.items() if at >= sequence}

    def ready(self) -> Iterator[Event]:
        """Take the events whose turn it is, in order."""
        while self.next is not None and self.next in self.waiting:
            event = self.waiting.pop(self.next)
            self.next += 1
            yield event

    def missing(self, limit: int) -> tuple[int, ...]:
        """The lowest numbers that are not here."""
        found: list[int] = []
        if self.next is not None:
            at = self.next
            while at <= self.greatest and len(found) < limit:
                if at not in self.waiting:
                    found.append(at)
                at += 1
        return tuple(found)

    def skip(self, to: int | None = None) -> int:
        """Give up what is missing before `to`, or before the next event that is here; how many
        events that were.
        """
        begin = 1 if self.next is None else self.next
        following = min(self.waiting, default=self.greatest + 1)
        target = following if to is None else min(to, following)
        self.next = max(begin, target)
        self.greatest = max(self.greatest, self.next - 1)
        return self.next - begin

    def check(self) -> None:
        """Assert what holds between two calls."""
        assert len(self.kept) <= MAX_KEPT, "too many events are kept"
        assert self.kept_bytes == sum(map(len, self.kept.values())), "their size is out of step"
        assert len(self.waiting) <= MAX_KEPT, "too many events wait"
        assert self.next is None or self.next not in self.waiting, "an event was not delivered"
        assert self.next is None or self.next <= self.greatest + 1, "delivered beyond what there is"
