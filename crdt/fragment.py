"""A part of a state, or all of it: what replicas tell each other.

A fragment can be joined at any time, in any order, any number of times. It speaks of some keys and,
for each of them, says all that its author knew: the writes that live there, and the dots that were
seen. A dot that was seen and does not live there is dead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from .context import CausalContext, Span

Payload = Any
"""What a type keeps with a write; plain, and never changed once written."""

Write = tuple[int, str, int, Payload]
"""One write: (time stamp, replica, counter, payload); the dot is in the middle. Types without time
stamps write 0. Ordered by time stamp, then replica.
"""

Entry = tuple[Write, ...]
"""The writes that live under one key, the greatest first: one, and more when some were concurrent.
"""

NOTHING = CausalContext()
"""An empty context that is shared and never written to."""


class Mark(NamedTuple):
    """What is to be said of one key besides the writes that live there."""

    slots: tuple[Span, ...] = ()
    """Events about this key that are not among these writes, and whose whole effect is here."""
    beyond: CausalContext = NOTHING
    """Dots seen for this key besides those seen for every key of the fragment."""


NO_MARK = Mark()


class Fragment(NamedTuple):
    """What is said of some keys: of those in `entries` and of those in `marks`."""

    entries: Mapping[bytes, Entry]
    """What lives under each key; a key where nothing does is in `marks` alone."""
    known: CausalContext = NOTHING
    """Seen for each of the keys (for every key at all when `complete`); never written to."""
    marks: Mapping[bytes, Mark] = {}  # a default that nobody writes to
    complete: bool = False
    """Whether every live key is in `entries`, so that the absence of a key means that it is gone.
    """

    def leaves(self) -> Iterator[tuple[bytes, Entry, Mark]]:
        """Every key that is spoken of, with all that is said of it."""
        marks = self.marks
        for key, entry in self.entries.items():
            yield key, entry, marks.get(key, NO_MARK)
        for key, mark in marks.items():
            if key not in self.entries:
                yield key, (), mark

    def events(self) -> Iterator[tuple[bytes, list[Span]]]:
        """Every key with its events whose whole effect is here."""
        for key, entry, mark in self.leaves():
            yield key, closing(entry, mark)


class Base:
    """What a replica had seen before some of its events: `context`, and every event of its own
    between that and each of them. Shared by all events until something is heard from elsewhere.
    """

    __slots__ = ("context", "replica", "told")

    def __init__(self, replica: str, context: CausalContext) -> None:
        self.replica = replica
        self.context = context
        """Never written to."""
        self.told: tuple[int, bytes, list[int], int] | None = None
        """How the codec begins to tell of an event after it, once that was asked for."""


Event = tuple[Entry, int, Base]
"""A local event, as its delta will tell of it: what lives now, the event's counter, and what was
seen before.
"""


def closing(entry: Entry, mark: Mark) -> list[Span]:
    """The events that may enter the context of whoever joins this leaf: those told apart, and every
    write that lives, since all that is known of its key came along.
    """
    spans = [(replica, counter, counter) for _, replica, counter, _ in entry]
    spans += mark.slots
    return spans


def dots(entry: Entry) -> CausalContext:
    """The dots of the writes that live under one key."""
    return CausalContext((replica, counter, counter) for _, replica, counter, _ in entry)


def join_entries(
    mine: Entry, seen: CausalContext, ahead: CausalContext, theirs: Entry, known: CausalContext
) -> Entry:
    """What lives of two entries of one key: a write that both have, and one that the other side has
    not seen. My side has seen what is in `seen` or in `ahead`, theirs what is `known`.
    """
    if mine == theirs:
        return mine
    shared = [write[1:3] for write in theirs]
    held = [write[1:3] for write in mine]
    kept = [w for w in mine if w[1:3] in shared or w[1:3] not in known]
    fresh = [w for w in theirs if w[1:3] not in held and w[1:3] not in seen and w[1:3] not in ahead]
    if not fresh and len(kept) == len(mine):
        return mine
    if not kept and len(fresh) == len(theirs):
        return theirs
    return tuple(sorted(kept + fresh, reverse=True))


def join_fragments(fragments: Iterable[Fragment]) -> Fragment:
    """Several fragments, none of them complete, as one; the same one in whatever order they come.

    An event that any of them closes is known to be about its own key, so it counts as seen for all.
    """
    entries: dict[bytes, Entry] = {}
    events: dict[bytes, CausalContext] = {}
    contexts: list[CausalContext] = []  # most keys share theirs
    known: dict[bytes, int] = {}
    for fragment in fragments:
        shared = len(contexts)
        contexts.append(fragment.known)
        for key, entry, mark in fragment.leaves():
            at, spans = shared, closing(entry, mark)
            if mark.beyond:
                at = len(contexts)
                contexts.append(union(fragment.known, mark.beyond))
            if key in known:
                mine = contexts[known[key]]
                entries[key] = join_entries(entries[key], mine, NOTHING, entry, contexts[at])
                contexts.append(union(mine, contexts[at]))
                at = len(contexts) - 1
            else:
                entries[key] = entry
            known[key] = at
            seen = events.setdefault(key, CausalContext())
            for span in spans:
                seen.add_span(*span)
    return _normal(entries, events, contexts, known)


def _normal(
    entries: Mapping[bytes, Entry],
    events: Mapping[bytes, CausalContext],
    contexts: Sequence[CausalContext],
    known: Mapping[bytes, int],
) -> Fragment:
    """What is known for all keys said once, and per key just what goes beyond it."""
    closed = union(*events.values())
    wide = {at: union(contexts[at], closed) for at in sorted(set(known.values()))}
    common = next(iter(wide.values()), NOTHING)
    for context in wide.values():
        if context != common:
            common = common.common(context)
    rest = {at: context.ahead_of(common) for at, context in wide.items()}
    marks: dict[bytes, Mark] = {}
    for key, entry in entries.items():
        beyond = rest[known[key]]
        slots = tuple(events[key].beyond(dots(entry)))
        if slots or beyond or not entry:
            marks[key] = Mark(slots, beyond)
    return Fragment({key: entry for key, entry in entries.items() if entry}, common, marks)


def union(*contexts: CausalContext) -> CausalContext:
    """The dots that are in any of these: a copy."""
    joined = contexts[0].copy() if contexts else CausalContext()
    for context in contexts[1:]:
        joined.merge(context)
    return joined


def renamed(fragment: Fragment, section: bytes) -> Fragment:
    """The same with names of replicas that are those of one section of their kernel alone; they
    come in the same order as before.
    """
    tail = "\0" + blake2b(section, digest_size=6).hexdigest()

    def spans(context: CausalContext) -> CausalContext:
        return CausalContext((replica + tail, low, high) for replica, low, high in context.spans())

    entries = {
        key: tuple(
            (stamp, name + tail, counter, payload) for stamp, name, counter, payload in entry
        )
        for key, entry in fragment.entries.items()
    }
    marks = {key: Mark(beyond=spans(mark.beyond)) for key, mark in fragment.marks.items()}
    return Fragment(entries, spans(fragment.known), marks, fragment.complete)
