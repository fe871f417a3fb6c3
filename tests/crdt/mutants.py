"""Ways to get the synchronisation wrong, as changes of the real code that tests must notice.

The first three are the broken variants of the executable specification.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crdt import CausalContext, ORSet, Store
from crdt.context import Span
from crdt.kernel import NOTHING, Entry, Fragment, Kernel, Leaf
from crdt.store import Missing

Mutant = Callable[[pytest.MonkeyPatch], None]


def advances_to_the_senders_context(patch: pytest.MonkeyPatch) -> None:
    """A datagram's whole context is taken for seen, though others of its session may be lost."""
    join = Store.join

    def mutant(self: Store, fragment: Fragment) -> bool:
        changed = join(self, fragment)
        for replica, low, high in fragment.known.beyond(self.context):
            changed = True
            for counter in range(low, high + 1):  # there has to be some key for it in the log
                self._closed(next(iter(fragment.leaves)), ((replica, counter, counter),))
            self.context.add_span(replica, low, high)
        return changed

    patch.setattr(Store, "join", mutant)


def remembers_no_extra_context(patch: pytest.MonkeyPatch) -> None:
    """Of what a message knows, only the dots it carries are remembered."""

    def mutant(self: Kernel, key: bytes, leaf: Leaf, unseen: CausalContext) -> bool:
        news = False
        for dot in leaf.entry:
            if dot in self.entries.get(key, {}) and self.context.add(dot):
                self._closed(key, ((*dot, dot[1]),))
                news = True
        return news

    patch.setattr(Kernel, "_learn_extra", mutant)


def closes_events_apart_from_their_keys(patch: pytest.MonkeyPatch) -> None:
    """The events of an answer all ride with its first key, whatever becomes of the others."""
    missing = Store.missing

    def mutant(self: Store, theirs: CausalContext) -> Missing:
        keys, more = missing(self, theirs)
        everything = tuple(span for slots in keys.values() for span in slots)
        apart = {key: () if at else everything for at, key in enumerate(keys)}
        return Missing(apart, more)

    patch.setattr(Store, "missing", mutant)


def says_nothing_of_its_context(patch: pytest.MonkeyPatch) -> None:
    """Without the sender's context the receiver cannot tell what died."""
    leaf = Store.leaf

    def mutant(self: Store, key: bytes, slots: tuple[Span, ...]) -> Leaf:
        return leaf(self, key, slots)._replace(extra=NOTHING)

    def join(self: Kernel, fragment: Fragment, real: Callable[..., bool] = Kernel.join) -> bool:
        return real(self, fragment._replace(known=NOTHING))

    patch.setattr(Store, "leaf", mutant)
    patch.setattr(Kernel, "join", join)


def forgets_extra_context_early(patch: pytest.MonkeyPatch) -> None:
    """The end of a session forgets what was known beyond the context, caught up with or not."""
    patch.setattr(Kernel, "_forget_extra", lambda self, key: self.extra.pop(key, None) is not None)


def keeps_its_extra_context_to_itself(patch: pytest.MonkeyPatch) -> None:
    """What was learned about a leaf ahead of the context is not passed on with the leaf."""
    leaf = Store.leaf

    def mutant(self: Store, key: bytes, slots: tuple[Span, ...]) -> Leaf:
        return leaf(self, key, slots)._replace(extra=NOTHING)

    patch.setattr(Store, "leaf", mutant)


def takes_dots_it_saw_die(patch: pytest.MonkeyPatch) -> None:
    """A dot that the context has seen, and that is gone here, comes back with an old datagram."""
    real = Kernel._join_leaf

    def mutant(
        self: Kernel, key: bytes, leaf: Leaf, known: CausalContext, unseen: CausalContext
    ) -> bool:
        changed = real(self, key, leaf, known, unseen)
        back: Entry = {dot: None for dot in leaf.entry if dot not in self.entries.get(key, {})}
        if back:
            self.entries[key] = {**self.entries.get(key, {}), **back}
        return changed or bool(back)

    patch.setattr(Kernel, "_join_leaf", mutant)


def removes_what_it_has_not_seen(patch: pytest.MonkeyPatch) -> None:
    """A leaf replaces the receiver's, as in a last-writer-wins table."""
    real = Kernel._join_leaf

    def mutant(
        self: Kernel, key: bytes, leaf: Leaf, known: CausalContext, unseen: CausalContext
    ) -> bool:
        self.entries.pop(key, None)
        return real(self, key, leaf, known, unseen)

    patch.setattr(Kernel, "_join_leaf", mutant)


def removes_without_an_event(patch: pytest.MonkeyPatch) -> None:
    """A removal that leaves no slot in the log is never missed by anybody."""

    def mutant(self: ORSet, keys: list[bytes]) -> None:
        for key in keys:
            del self._kernel.entries[self._prefix + key]

    patch.setattr(ORSet, "_remove", mutant)


MUTANTS: list[Mutant] = [
    advances_to_the_senders_context,
    remembers_no_extra_context,
    closes_events_apart_from_their_keys,
    says_nothing_of_its_context,
    forgets_extra_context_early,
    keeps_its_extra_context_to_itself,
    takes_dots_it_saw_die,
    removes_what_it_has_not_seen,
    removes_without_an_event,
]
