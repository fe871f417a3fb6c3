"""Broken kernels, contexts and codecs; `mutants.py` says which test notices each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from crdt import CausalContext, Delta, Store, codec
from crdt.codec import encode
from crdt.context import Span
from crdt.fragment import NOTHING, Entry, Fragment, Mark, closing, dots
from crdt.kernel import Kernel
from crdt.order import KeyOrder
from crdt.store import STORE, Missing


def advances_to_the_senders_context(patch: pytest.MonkeyPatch) -> None:
    """A datagram's whole context is taken for seen, though others of its session may be lost."""
    join = Store.join

    def mutant(self: Store, fragment: Fragment) -> bool:
        changed = join(self, fragment)
        for replica, low, high in fragment.known.beyond(self.context):
            changed = True
            for key, *_ in fragment.leaves():  # there has to be some key for it in the log
                self._closed(key, [(replica, low, high)])
            self.context.add_span(replica, low, high)
        return changed

    patch.setattr(Store, "join", mutant)


def remembers_no_extra_context(patch: pytest.MonkeyPatch) -> None:
    """Of what a message knows, only the events it closes are remembered."""
    patch.setattr(Kernel, "_learn", lambda self, key, known: False)


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

    def join(self: Kernel, fragment: Fragment, real: Callable[..., bool] = Kernel.join) -> bool:
        return real(self, fragment._replace(known=NOTHING))

    keeps_its_extra_context_to_itself(patch)
    patch.setattr(Kernel, "join", join)


def forgets_extra_context_early(patch: pytest.MonkeyPatch) -> None:
    """The end of a session forgets what was known beyond the context, caught up with or not."""

    def mutant(self: Kernel) -> None:
        for key in list(self.extra):
            self._forget(key)

    patch.setattr(Kernel, "prune", mutant)


def keeps_its_extra_context_to_itself(patch: pytest.MonkeyPatch) -> None:
    """What was learned about a leaf ahead of the context is not passed on with the leaf."""
    leaf = Store.leaf

    def mutant(self: Store, key: bytes, spans: tuple[Span, ...]) -> tuple[Entry, Mark]:
        entry, mark = leaf(self, key, spans)
        return entry, mark._replace(beyond=NOTHING)

    patch.setattr(Store, "leaf", mutant)


def takes_dots_it_saw_die(patch: pytest.MonkeyPatch) -> None:
    """A write that the context has seen, and that is gone here, comes back with an old datagram."""
    real = Kernel._join_leaf

    def mutant(self: Kernel, key: bytes, theirs: Entry, mark: Mark, known: CausalContext) -> bool:
        changed = real(self, key, theirs, mark, known)
        mine = self.entries.get(key, ())
        if back := [write for write in theirs if write not in mine]:
            self.entries[key] = tuple(sorted([*mine, *back], reverse=True))
        return changed or bool(back)

    patch.setattr(Kernel, "_join_leaf", mutant)


def removes_what_it_has_not_seen(patch: pytest.MonkeyPatch) -> None:
    """A leaf replaces the receiver's, as in a last-writer-wins table."""
    real = Kernel._join_leaf

    def mutant(self: Kernel, key: bytes, theirs: Entry, mark: Mark, known: CausalContext) -> bool:
        self.entries.pop(key, None)
        return real(self, key, theirs, mark, known)

    patch.setattr(Kernel, "_join_leaf", mutant)


def removes_without_an_event(patch: pytest.MonkeyPatch) -> None:
    """A removal that is no event is never missed by anybody."""
    real = Store.change

    def mutant(self: Store, writes: Sequence[Any], removals: Sequence[bytes]) -> tuple[Any, ...]:
        for key in removals:
            self.entries.pop(key, None)
        return real(self, writes, [])

    patch.setattr(Store, "change", mutant)


def leaves_the_writes_of_a_leaf_open(patch: pytest.MonkeyPatch) -> None:
    """Only the events that are told apart enter the context, not the writes that came with them."""
    patch.setattr("crdt.kernel.closing", lambda entry, mark: iter(mark.slots))


def saves_no_extra_context(patch: pytest.MonkeyPatch) -> None:
    """What is known of a leaf ahead of the context is not written to disk."""

    def mutant(self: Store, key: bytes) -> bytes | None:
        entry = self.entries.get(key, ())
        return encode(STORE, Fragment({key: entry}, dots(entry))) if entry else None

    patch.setattr(Store, "_leaf_record", mutant)


def digests_only_what_lives(patch: pytest.MonkeyPatch) -> None:
    """A digest without the context: equal for one who has seen a removal and one who has seen
    nothing.
    """
    digest = Store.digest

    def mutant(self: Store) -> str:
        with pytest.MonkeyPatch.context() as blind:
            blind.setattr(CausalContext, "spans", lambda self: iter(()))
            return digest(self)

    patch.setattr(Store, "digest", mutant)


# The context, the join, the order.


def takes_gaps_for_seen(patch: pytest.MonkeyPatch) -> None:
    """Who has seen an event has seen all before it: a version vector without exceptions."""
    real = CausalContext.add_span
    patch.setattr(
        CausalContext, "add_span", lambda self, replica, low, high: real(self, replica, 1, high)
    )


def shares_its_copies(patch: pytest.MonkeyPatch) -> None:
    """A copy of a context goes on changing with the original."""
    patch.setattr(CausalContext, "copy", lambda self: self)


def gives_a_dot_twice(patch: pytest.MonkeyPatch) -> None:
    """After `from_bytes` a replica counts on from what lives, and not from what it had seen."""
    real = Kernel._adopt

    def mutant(self: Kernel, fragment: Fragment) -> bool:
        changed = real(self, fragment)
        live = [span for entry in self.entries.values() for span in closing(entry, Mark())]
        others = [span for span in self.context.spans() if span[0] != self.replica]
        self.context = CausalContext(live + others)
        return changed

    patch.setattr(Kernel, "_adopt", mutant)


def says_nothing_in_deltas_of_its_context(patch: pytest.MonkeyPatch) -> None:
    """A delta that knows just its own events does not bury what they replaced."""
    parts = vars(Delta)["parts"]

    def mutant(self: Delta) -> tuple[Fragment, ...]:
        return tuple(
            part._replace(
                known=CausalContext(span for _, events in part.events() for span in events)
            )
            for part in parts.fget(self)
        )

    patch.setattr(Delta, "parts", property(mutant))


def forgets_keys_that_were_written(patch: pytest.MonkeyPatch) -> None:
    """The order was right when it was made."""
    patch.setattr(KeyOrder, "note", lambda self, key: None)


def encodes_in_the_order_of_events(patch: pytest.MonkeyPatch) -> None:
    """Writes are told in the order in which they came, which differs between replicas."""
    patch.setattr(codec, "_in_order", lambda replicas, counters: True)


def believes_in_writes_that_were_not_seen(patch: pytest.MonkeyPatch) -> None:
    """The decoder lets a write live that the message says it has not seen."""
    patch.setattr(CausalContext, "holds", lambda self, replica, low, high: True)
