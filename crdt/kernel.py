"""Here, but not there: unseen, or removed?

That is the one question of a replicated set, and the kernel answers it for every type. State is an
ordered map `key -> {dot -> payload}` (a *leaf*: one element of a set, one entry of a map, one
replica's part of a counter) under one causal context. A leaf's dots are its live writes. Two
replicas join leaf by leaf:

* a dot that both have lives;
* a dot that one has lives if the other has not *seen* it;
* a dot that one has seen and no longer holds was overwritten or removed, and is gone.

So a removal leaves nothing behind but its dot in the context. Which of several concurrent writes a
reader gets to see is each type's own affair; the join never looks into a payload, and that is why
it is associative.

**Honest context.** A dot may enter the context only with its whole effect, which is its leaf *and*
the death of the dots that it covered. What a message knows beyond that is kept per leaf (`extra`)
until the context catches up. Leaving this out loses or resurrects data as soon as messages come out
of order (`docs/architecture.md`).

References: Almeida, Shoker, Baquero (2018), causal δ-CRDTs; Bieniusa et al. (2012), optimised
OR-sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sortedcontainers import SortedDict

from .clock import HybridClock
from .context import MAX_COUNTER, CausalContext, Dot, Span
from .errors import OutOfRange
from .keys import after_prefix

Payload = Any
"""What a type keeps with a dot; plain, and never changed once written."""

Entry = dict[Dot, Payload]
"""The live writes of one leaf."""

NOTHING = CausalContext()
"""An empty context that is shared and never written to."""


class Leaf(NamedTuple):
    """What a message says about one key."""

    entry: Entry
    """The dots that live."""
    extra: CausalContext
    """Dots known here besides those of the fragment: seen for this key, and dead unless in `entry`.
    """
    slots: tuple[Span, ...]
    """The events whose whole effect this leaf carries: they may enter the receiver's context."""


class Fragment(NamedTuple):
    """A part of a state, or all of it. It can be joined at any time, in any order, any number of
    times.
    """

    leaves: dict[bytes, Leaf]
    known: CausalContext = NOTHING
    """Seen for every key in `leaves` (for every key at all when `complete`)."""
    complete: bool = False
    """Whether `leaves` holds every live leaf there is, so that absence of a key means that it is
    gone.
    """


class Kernel:
    """One replica's state: leaves under a causal context."""

    def __init__(self, replica: str, clock: HybridClock) -> None:
        if type(replica) is not str or not replica:
            raise ValueError(f"a replica's name is a non-empty str, not {replica!r}")
        replica.encode()  # a lone surrogate is a ValueError here, not later on the wire
        self.replica = replica
        self.clock = clock
        self.context = CausalContext()
        self.entries: SortedDict[bytes, Entry] = SortedDict()
        self.extra: dict[bytes, CausalContext] = {}

    # Local events.

    def write(self, key: bytes, payload: Payload) -> Leaf:
        """A new event that replaces all that this replica holds under `key`."""
        dot = self._next_dot()
        return self._happen(dot, key, {dot: payload})

    def remove(self, key: bytes) -> Leaf:
        """A new event that takes away all that this replica holds under `key`."""
        return self._happen(self._next_dot(), key, {})

    def _next_dot(self) -> Dot:
        counter = self.context.last(self.replica) + 1
        if counter > MAX_COUNTER:
            raise OutOfRange(f"no event of {self.replica!r} is left")
        return self.replica, counter

    def _happen(self, dot: Dot, key: bytes, entry: Entry) -> Leaf:
        covered = self.entries.get(key)
        extra = NOTHING
        if covered:
            extra = CausalContext((replica, counter, counter) for replica, counter in covered)
        if entry:
            self.entries[key] = entry
        elif covered:
            del self.entries[key]
        self.context.add(dot)
        slots = ((*dot, dot[1]),)
        self._closed(key, slots)
        return Leaf(entry, extra, slots)

    def _closed(self, key: bytes, slots: tuple[Span, ...]) -> None:
        """An occasion for the store to log which key an event was about."""

    # Joining what others say.

    def join(self, fragment: Fragment) -> bool:
        """Join a fragment; True when anything changed."""
        unseen = CausalContext(fragment.known.beyond(self.context))
        changed = False
        for key, leaf in fragment.leaves.items():
            changed |= self._join_leaf(key, leaf, fragment.known, unseen)
        if fragment.complete:
            gone = Leaf({}, NOTHING, ())
            for key in [key for key in self.keys() if key not in fragment.leaves]:
                changed |= self._join_leaf(key, gone, fragment.known, unseen)
            changed |= self.context.merge(fragment.known)
        for key in fragment.leaves if not fragment.complete else list(self.extra):
            self._forget_extra(key)
        return changed

    def _join_leaf(
        self, key: bytes, leaf: Leaf, known: CausalContext, unseen: CausalContext
    ) -> bool:
        local: Entry = self.entries.get(key, {})
        incoming, extra, _ = leaf
        mine = self.extra.get(key, NOTHING)
        entry = {
            dot: payload
            for dot, payload in local.items()
            if dot in incoming or not (dot in known or dot in extra)
        }
        for dot, payload in incoming.items():
            if dot not in entry and dot not in self.context and dot not in mine:
                entry[dot] = payload
        changed = entry.keys() != local.keys()
        if changed and entry:
            self.entries[key] = entry
        elif changed:
            del self.entries[key]
        fresh = False
        for span in leaf.slots:
            fresh |= self.context.add_span(*span)
        changed |= self._learn_extra(key, leaf, unseen)
        if fresh or changed:
            self._closed(key, leaf.slots)
        return fresh or changed

    def _learn_extra(self, key: bytes, leaf: Leaf, unseen: CausalContext) -> bool:
        """Remember what the message knows of this key and the context does not cover; True when
        that is news.
        """
        news = [*leaf.extra.beyond(self.context)]
        news += [(*dot, dot[1]) for dot in leaf.entry if dot not in self.context]
        mine = self.extra.get(key)
        if not news and mine is None:
            if unseen and not self.context.covers(unseen):
                self.extra[key] = unseen  # shared by every key of the session, and never written to
                return True
            return False
        grown = CausalContext(news)
        grown.merge(unseen)
        if mine is not None:
            if mine.covers(grown):
                return False
            grown.merge(mine)
        self.extra[key] = grown
        return True

    def _forget_extra(self, key: bytes) -> bool:
        extra = self.extra.get(key)
        if extra is None or not self.context.covers(extra):
            return False
        del self.extra[key]
        return True

    def prune(self) -> None:
        """Drop what is remembered per leaf and the context has caught up with."""
        for key in list(self.extra):
            self._forget_extra(key)

    # Reading.

    def keys(self, prefix: bytes = b"") -> Iterator[bytes]:
        """Keys of live leaves that start with `prefix`, in order."""
        if not prefix:
            return iter(self.entries)
        keys: Iterator[bytes] = self.entries.irange(prefix, after_prefix(prefix), (True, False))
        return keys

    def count(self, prefix: bytes = b"") -> int:
        """How many live leaves start with `prefix`, in logarithmic time."""
        if not prefix:
            return len(self.entries)
        stop = after_prefix(prefix)
        above = len(self.entries) if stop is None else self.entries.bisect_left(stop)
        return int(above - self.entries.bisect_left(prefix))

    def known(self, key: bytes) -> CausalContext:
        """Every dot seen for `key`, dead or alive: a copy."""
        known = self.context.copy()
        known.merge(self.extra.get(key, NOTHING))
        return known

    def state(self, prefix: bytes = b"") -> Fragment:
        """Everything under `prefix`, to be joined elsewhere, with the prefix taken off. It shares
        the entries.
        """
        cut = len(prefix)
        ahead = {
            key: CausalContext(known.beyond(self.context))
            for key, known in self.extra.items()
            if key.startswith(prefix)
        }
        extra = {key: known for key, known in ahead.items() if known}
        keys = sorted({*self.keys(prefix), *extra})
        leaves = {
            key[cut:]: Leaf(self.entries.get(key, {}), extra.get(key, NOTHING), ()) for key in keys
        }
        return Fragment(leaves, self.context.copy(), complete=True)

    def check(self) -> None:
        """Assert the invariants: no empty leaf, every live dot seen, contexts in form, a dot in one
        place only.
        """
        self.context.check()
        holders: dict[Dot, bytes] = {}
        for key, entry in self.entries.items():
            assert entry, f"an empty leaf at {key!r}"
            for dot in entry:
                assert dot in self.context or dot in self.extra.get(key, NOTHING), (
                    f"{dot} at {key!r} was never seen"
                )
                assert holders.setdefault(dot, key) == key, (
                    f"{dot} lives at {holders[dot]!r} and at {key!r}"
                )
        for extra in self.extra.values():
            extra.check()
