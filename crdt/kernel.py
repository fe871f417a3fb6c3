"""Here, but not there: unseen, or removed?

That is the one question of a replicated set, and the kernel answers it for every type. State is a
map `key -> writes` (a *leaf*: one element of a set, one entry of a map, one replica's part of a
counter) under one causal context; each write has a dot. Two replicas join leaf by leaf:

* a write that both have lives;
* a write that one has lives if the other has not *seen* its dot;
* a write that one has seen and no longer holds was overwritten or removed, and is gone.

So a removal leaves nothing behind but its dot in the context. Which of several concurrent writes a
reader gets to see is each type's own affair; the join never looks into a payload, and that is why
it is associative.

**Honest context.** A dot may enter the context only with its whole effect, which is its leaf *and*
the death of the dots that it covered. So whatever speaks of a key says all that its author has seen
for that key, and what a message knows beyond what it closes is kept per leaf (`extra`) until the
context catches up. Leaving this out loses or resurrects data as soon as messages come out of order
(`docs/architecture.md`).

References: Almeida, Shoker, Baquero (2018), causal δ-CRDTs; Bieniusa et al. (2012), optimised
OR-sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .clock import HybridClock
from .context import CausalContext, Dot, Span
from .fragment import (
    NO_MARK,
    NOTHING,
    Base,
    Entry,
    Event,
    Fragment,
    Mark,
    Payload,
    closing,
    dots,
    join_entries,
    renamed,
    union,
)
from .keys import after_prefix
from .order import KeyOrder
from .paths import walk
from .schema import Schema


def check_replica(name: object) -> str:
    """A replica's name; `ValueError` when it is none."""
    if type(name) is not str or not name:
        raise ValueError(f"a replica's name is a non-empty str, not {name!r}")
    name.encode()  # a lone surrogate is a ValueError here, not later on the wire
    return name


class Kernel:
    """One replica's state: leaves under a causal context."""

    def __init__(self, replica: str, clock: HybridClock, schema: Schema) -> None:
        self.replica = check_replica(replica)
        self.clock = clock
        self.schema = schema
        self.context = CausalContext()
        self.entries: dict[bytes, Entry] = {}
        self.extra: dict[bytes, CausalContext] = {}
        self.order = KeyOrder(self._shown, self.entries.keys, self._steps)
        self._base: Base | None = None
        self._joins = 0

    # Local events.

    def write(self, key: bytes, payload: Payload, stamp: int = 0) -> Event:
        """A new event that replaces all that this replica holds under `key`."""
        base = self._seen(key) if self._base is None or self.extra else self._base
        replica = self.replica
        counter = self.context.advance(replica)
        self.entries[key] = entry = ((stamp, replica, counter, payload),)
        self.order.note(key)
        return entry, counter, base

    def change(
        self, writes: Sequence[tuple[bytes, Payload, int]], removals: Sequence[bytes]
    ) -> tuple[dict[bytes, Entry], dict[bytes, Mark]]:
        """Several events at once: writes, each `(key, payload, stamp)`, and removals, no key twice.
        What lives now under each, and how a removal is told. When there are not enough events left,
        nothing happens.
        """
        replica, note = self.replica, self.order.note
        first = self.context.advance(replica, len(writes) + len(removals))
        written: dict[bytes, Entry] = {}
        for counter, (key, payload, stamp) in enumerate(writes, first):
            written[key] = ((stamp, replica, counter, payload),)
            note(key)
        self.entries.update(written)
        removed: dict[bytes, Mark] = {}
        for counter, key in enumerate(removals, first + len(writes)):
            self.entries.pop(key, None)
            removed[key] = Mark(((replica, counter, counter),))
            note(key)
        return written, removed

    def _seen(self, key: bytes) -> Base:
        """All that was seen for a key, but for own events of late."""
        if self._base is None:
            self._base = Base(self.replica, self.context.copy())
        if key not in self.extra:
            return self._base
        return Base(self.replica, union(self._base.context, self.extra[key]))

    def _closed(self, key: bytes, spans: list[Span]) -> None:
        """An occasion for the store to log which key these events were about."""

    # Joining what others say.

    def join(self, fragment: Fragment) -> bool:
        """Join a fragment; True when anything changed."""
        if not fragment.complete:
            changed = self._join_leaves(fragment)
        elif self.context or self.extra:
            changed = self._join_complete(fragment)
        else:
            changed = self._adopt(fragment)
        self._base = None
        self._joins += 1
        if self._joins > len(self.extra):  # so that looking through them costs little per join
            self.prune()
        return changed

    def _join_leaves(self, fragment: Fragment) -> bool:
        changed = False
        for key, entry, mark in fragment.leaves():
            grown = self._join_leaf(key, entry, mark, fragment.known)
            add = self.context.add_span
            fresh = [span for span in closing(entry, mark) if add(*span)]
            if grown or fresh:
                self._closed(key, fresh)
                changed = True
        news = not self.context.covers(fragment.known)
        for key, _, mark in fragment.leaves() if news or fragment.marks or self.extra else ():
            if news or mark.beyond or key in self.extra:
                known = fragment.known if news else NOTHING
                if self._learn(key, union(known, mark.beyond) if mark.beyond else known):
                    self._closed(key, [])
                    changed = True
        return changed

    def _join_complete(self, fragment: Fragment) -> bool:
        changed = False
        entries, marks = fragment.entries, fragment.marks
        for key in [key for key in self.entries if key not in entries]:
            changed |= self._join_leaf(key, (), marks.get(key, NO_MARK), fragment.known)
        for key, entry in entries.items():
            if self.entries.get(key) != entry:
                mark = marks.get(key, NO_MARK)
                changed |= self._join_leaf(key, entry, mark, fragment.known)
        changed |= self.context.merge(fragment.known)
        for key in list({**self.extra, **marks}):
            changed |= self._learn(key, marks.get(key, NO_MARK).beyond)
        return changed

    def _adopt(self, fragment: Fragment) -> bool:
        """Take over a complete state where nothing is."""
        self.entries.update(fragment.entries)
        self.context = fragment.known.copy()
        self.extra = {key: mark.beyond for key, mark in fragment.marks.items()}
        self.order.forget()
        self.prune()
        return bool(self.context or self.extra)

    def _join_leaf(self, key: bytes, theirs: Entry, mark: Mark, known: CausalContext) -> bool:
        """Join what lives under one key; True when that changed anything."""
        mine = self._held(key)
        if mark.beyond:
            known = union(known, mark.beyond)
        entry = join_entries(mine, self.context, self.extra.get(key, NOTHING), theirs, known)
        if entry is mine or not (entry or mine):
            return False
        self._hold(key, entry)
        self.order.note(key)
        return True

    def _held(self, key: bytes) -> Entry:
        """What the join has to go by."""
        return self.entries.get(key, ())

    def _hold(self, key: bytes, entry: Entry) -> None:
        if entry:
            self.entries[key] = entry
        else:
            self.entries.pop(key, None)

    def _learn(self, key: bytes, known: CausalContext) -> bool:
        """Remember what a message knows of a key if the context is behind that, and forget what
        this has caught up with; True when there was news.

        What is remembered may have dots of the context in it: leaving those out would take a range
        for each gap of the context, for each key, instead of one object that many keys share.
        """
        mine = self.extra.get(key)
        rest = known if mine is None else CausalContext(known.beyond(mine))
        news = not self.context.covers(rest)
        if news:
            self.extra[key] = known if mine is None or known.covers(mine) else union(mine, known)
        elif mine is not None and self.context.covers(mine):
            self._forget(key)
        return news

    def _forget(self, key: bytes) -> None:
        """The context has caught up with what was known of a key."""
        del self.extra[key]

    def prune(self) -> None:
        """Drop what is remembered per leaf and the context has caught up with."""
        self._joins = 0
        for key in [key for key, extra in self.extra.items() if self.context.covers(extra)]:
            self._forget(key)

    # Reading.

    def keys(self, prefix: bytes = b"") -> Iterator[bytes]:
        """Keys that start with `prefix` and show something, in order."""
        return self.order.range(prefix, after_prefix(prefix))

    def count(self, prefix: bytes = b"") -> int:
        """How many keys start with `prefix` and show something, in logarithmic time."""
        return self.order.count(prefix)

    def _shown(self, key: bytes) -> bool:
        entry = self.entries.get(key)
        return entry is not None and self.schema.leaf_type(key).shows(entry)

    def _steps(self, key: bytes) -> Iterator[tuple[int, int, int]]:
        start = 0
        for step in walk(key, self.schema.INSIDE):
            yield start, step.end - 1, step.end
            start = step.end

    def known(self, key: bytes) -> CausalContext:
        """Every dot seen for `key`, dead or alive: a copy."""
        return union(self.context, self.extra.get(key, NOTHING))

    def state(self, prefix: bytes = b"") -> Fragment:
        """Everything under `prefix`, to be joined elsewhere, with the prefix taken off; it lasts
        until the next change here.

        A part says what was seen of the whole. Two parts of one whole would each take the events of
        the other for its own, long dead; so the events of a part go by names of their own.
        """
        cut = len(prefix)
        entries = self.entries
        if prefix:
            entries = {k[cut:]: entry for k, entry in entries.items() if k.startswith(prefix)}
        marks = {}
        for key, extra in self.extra.items():
            if key.startswith(prefix) and (ahead := extra.ahead_of(self.context)):
                marks[key[cut:]] = Mark(beyond=ahead)
        state = Fragment(entries, self.context, marks, complete=True)
        return renamed(state, prefix) if prefix else state

    # Residue: what nobody sees and the join still needs.

    def residue(self, prefix: bytes = b"") -> list[bytes]:
        """The keys that show nothing and are remembered: deleted entries, counters taken back, and
        what is known to be gone by a message that overtook others.
        """
        self.prune()
        known = [key for key in self.extra if key not in self.entries]
        return [
            key
            for key in (*self.entries, *known)
            if key.startswith(prefix) and not self._shown(key)
        ]

    def collect(self, stable: CausalContext) -> int:
        """Drop the residue whose every event is in `stable`; how many leaves that were."""
        dropped = [
            key
            for key in self.residue()
            if stable.covers(union(dots(self.entries.get(key, ())), self.extra.get(key, NOTHING)))
        ]
        for key in dropped:
            self.entries.pop(key, None)
            self.extra.pop(key, None)
        return len(dropped)

    def check(self) -> None:
        """Assert the invariants: no empty leaf, every live dot seen, contexts in form, a dot in one
        place only.
        """
        self.context.check()
        holders: dict[Dot, bytes] = {}
        for key, entry in self.entries.items():
            assert entry, f"an empty leaf at {key!r}"
            assert list(entry) == sorted(entry, reverse=True), f"writes out of order at {key!r}"
            for _, replica, counter, _ in entry:
                dot = replica, counter
                assert dot in self.context, f"{dot} at {key!r} was never seen"
                assert holders.setdefault(dot, key) == key, (
                    f"{dot} lives at {holders[dot]!r} and at {key!r}"
                )
        for extra in self.extra.values():
            extra.check()
            assert extra, "an empty extra context"
