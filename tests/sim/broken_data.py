"""Broken rules of the data; see `mutants`."""

from __future__ import annotations

from typing import Any

from crdt import BoundedCounter, CausalContext, ORSet, PNCounter, Store
from crdt import kernel as kernel_module
from crdt.bounded import _Row
from crdt.fragment import NOTHING, Entry, Fragment, Mark, join_entries
from crdt.kernel import Kernel
from crdt.store import Missing


def removals_are_not_told(patch: Any) -> None:
    """A message does not say which removals it is about."""
    honest = Store.leaf

    def leaf(self: Store, key: bytes, spans: Any) -> tuple[Entry, Mark]:
        entry, mark = honest(self, key, spans)
        return entry, Mark(beyond=mark.beyond)

    patch.setattr(Store, "leaf", leaf)


def removals_are_not_heard(patch: Any) -> None:
    """A write that the other side has seen and no longer holds is kept."""

    def joined(mine: Entry, seen: Any, ahead: Any, theirs: Entry, known: Any) -> Entry:
        return join_entries(mine, seen, ahead, theirs, NOTHING)

    patch.setattr(kernel_module, "join_entries", joined)


def dead_writes_return(patch: Any) -> None:
    """A write that was seen and is dead is taken for a new one."""

    def joined(mine: Entry, seen: Any, ahead: Any, theirs: Entry, known: Any) -> Entry:
        return join_entries(mine, NOTHING, NOTHING, theirs, known)

    patch.setattr(kernel_module, "join_entries", joined)


def knows_nothing_ahead(patch: Any) -> None:
    """What a message knows of a key ahead of the context is not remembered."""
    patch.setattr(Kernel, "_learn", lambda self, *rest: False)


def sees_all_that_it_hears_of(patch: Any) -> None:
    """All that the sender had seen counts as seen, whatever the message was about."""
    honest = Kernel._join_leaves

    def join_leaves(self: Kernel, fragment: Fragment) -> bool:
        changed = honest(self, fragment)
        for replica, low, high in list(fragment.known.beyond(self.context)):
            for counter in range(low, high + 1):
                self._closed(next(fragment.leaves())[0], [(replica, counter, counter)])
            self.context.add_span(replica, low, high)
        return changed

    patch.setattr(Kernel, "_join_leaves", join_leaves)


def leaves_are_not_saved(patch: Any) -> None:
    """Events are saved, and what they wrote is not."""
    patch.setattr(Store, "_leaf_record", lambda self, key: None)


def decrements_do_not_count(patch: Any) -> None:
    """A decrement changes nothing."""
    honest = PNCounter._add
    patch.setattr(PNCounter, "_add", lambda self, up, down: honest(self, up, 0))


def discards_nothing(patch: Any) -> None:
    """An element that is discarded stays."""
    patch.setattr(ORSet, "discard", lambda self, element: None)


def spends_the_rights_of_others(patch: Any) -> None:
    """What anybody was handed by somebody else counts as handed to this replica."""

    def rights(self: BoundedCounter) -> int:
        rows = self._rows()
        mine = rows.pop(self.replica, _Row())
        got = sum(n for row in rows.values() for _, n in row.handed)
        return max(0, mine.added + got - mine.taken - sum(n for _, n in mine.handed))

    patch.setattr(BoundedCounter, "rights", property(rights))


def resets_remember_nothing(patch: Any) -> None:
    """A counter that is reset, or deleted with what is around it, begins anew from nothing."""
    patch.setattr(PNCounter, "taken_back", classmethod(lambda cls, entry: (0, 0, 0, 0)))


def keeps_one_of_concurrent_writes(patch: Any) -> None:
    """Of concurrent writes under a key the greatest is kept, and the others are dropped."""

    def joined(mine: Entry, seen: Any, ahead: Any, theirs: Entry, known: Any) -> Entry:
        return join_entries(mine, seen, ahead, theirs, known)[:1]

    patch.setattr(kernel_module, "join_entries", joined)


def digest_forgets_removals(patch: Any) -> None:
    """The hash of what was removed stays in the digest."""
    honest = Store.digest

    def digest(self: Store) -> str:
        for key in [key for key in self._unhashed if key not in self.entries]:
            del self._unhashed[key]
        return honest(self)

    patch.setattr(Store, "digest", digest)


def misses_the_last_key(patch: Any) -> None:
    """An answer to a pull leaves out its last key, if there are several."""
    honest = Store.missing

    def missing(self: Store, theirs: CausalContext) -> Missing:
        keys, more = honest(self, theirs)
        if len(keys) > 1:
            keys.popitem()
        else:
            keys.clear()
        return Missing(keys, more)

    patch.setattr(Store, "missing", missing)
