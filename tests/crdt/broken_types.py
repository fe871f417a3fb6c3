"""Broken policies of the types; `mutants.py` says which test notices each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest

from crdt import (
    BoundedCounter,
    Delta,
    HybridClock,
    LWWMap,
    MVRegister,
    ORMap,
    PNCounter,
)
from crdt.counter import Part
from crdt.fragment import Entry, join_entries
from crdt.keys import encode_key
from crdt.values import Value

Join = Callable[..., Entry]


def _join_with(patch: pytest.MonkeyPatch, mutant: Join) -> None:
    """Entries are joined by states, and by deltas with each other."""
    patch.setattr("crdt.kernel.join_entries", mutant)
    patch.setattr("crdt.fragment.join_entries", mutant)


def drops_the_losing_sibling(patch: pytest.MonkeyPatch) -> None:
    """Of concurrent writes only the latest is kept: until a delete comes that saw just that one."""

    def mutant(mine: Entry, *others: Any) -> Entry:
        joined = join_entries(mine, *others)
        return joined[:1] if joined and joined[0][0] else joined

    _join_with(patch, mutant)


def lets_arrival_decide_between_equal_stamps(patch: pytest.MonkeyPatch) -> None:
    """Of two writes with one time stamp the one that was there first comes first."""

    def mutant(mine: Entry, *others: Any) -> Entry:
        joined = join_entries(mine, *others)
        return tuple(sorted(joined, key=lambda write: (-write[0], write not in mine)))

    _join_with(patch, mutant)


def lets_removals_win(patch: pytest.MonkeyPatch) -> None:
    """A key that has nothing there is taken for removed, whether it was seen there or not."""

    def mutant(mine: Entry, *others: Any) -> Entry:
        *_, theirs, _ = others
        return join_entries(mine, *others) if theirs else ()

    _join_with(patch, mutant)


def lets_disabling_win(patch: pytest.MonkeyPatch) -> None:
    """The same for flags; it is one kernel."""
    lets_removals_win(patch)


def deletes_without_a_trace(patch: pytest.MonkeyPatch) -> None:
    """A delete in a map is an observed removal and no write: a put that is earlier survives it."""

    def mutant(self: LWWMap, key: str | bytes) -> Delta:
        if key not in self:
            raise KeyError(key)
        return self._change([], [encode_key(key)])

    patch.setattr(LWWMap, "delete", mutant)


def resets_without_a_baseline(patch: pytest.MonkeyPatch) -> None:
    """A reset removes the parts: an increment that has not seen it brings all of its own back."""
    patch.setattr(PNCounter, "reset", lambda self: self._change([], list(self._keys())))


def sums_concurrent_baselines(patch: pytest.MonkeyPatch) -> None:
    """Two resets that saw the same subtract it twice."""

    def mutant(entry: Entry) -> Part:
        parts = [write[3] for write in entry] or [(0, 0, 0, 0)]
        up, down = (max(part[at] for part in parts) for at in (0, 1))
        return up, down, sum(part[2] for part in parts), sum(part[3] for part in parts)

    patch.setattr("crdt.counter._joined", mutant)


def sums_concurrent_parts(patch: pytest.MonkeyPatch) -> None:
    """Concurrent totals of one replica are added, though one of them contains the other."""

    def mutant(entry: Entry) -> Part:
        up, down, up_reset, down_reset = (sum(write[3][at] for write in entry) for at in range(4))
        return up, down, up_reset, down_reset

    patch.setattr("crdt.counter._joined", mutant)


def deletes_only_the_first_level(patch: pytest.MonkeyPatch) -> None:
    """A delete in a map of values leaves what is in a map below the key."""
    real = ORMap.delete

    def mutant(self: ORMap, key: str | bytes) -> Delta:
        kernel, keys = self._kernel, self._kernel.keys
        with pytest.MonkeyPatch.context() as hidden:
            hidden.setattr(
                kernel,
                "keys",
                lambda prefix: [k for k in keys(prefix) if k[len(prefix)] != ORMap.KIND],
            )
            try:
                return real(self, key)
            except KeyError:
                return self._change([])

    patch.setattr(ORMap, "delete", mutant)


def spends_without_rights(patch: pytest.MonkeyPatch) -> None:
    """A bounded counter lets everybody take away what only the whole has."""
    patch.setattr(BoundedCounter, "_spend", lambda self, n: None)


def hands_on_and_keeps(patch: pytest.MonkeyPatch) -> None:
    """Who hands rights on goes on having them."""

    def mutant(self: BoundedCounter) -> int:
        rows = self._rows()
        mine = rows.get(self.replica)
        got = sum(n for row in rows.values() for to, n in row.handed if to == self.replica)
        return got + (mine.added - mine.taken if mine else 0)

    patch.setattr(BoundedCounter, "rights", property(mutant))


def shows_one_of_the_concurrent_values(patch: pytest.MonkeyPatch) -> None:
    """A register that was to show all concurrent values shows the first."""
    real = vars(MVRegister)["value"]

    def mutant(self: MVRegister) -> list[Value]:
        values: list[Value] = real.fget(self)
        return values[:1]

    patch.setattr(MVRegister, "value", property(mutant))


def follows_any_clock(patch: pytest.MonkeyPatch) -> None:
    """One stamp from the far future drags this clock, and all keys, along."""

    def mutant(self: HybridClock, stamps: Collection[int]) -> None:
        self._last = max([self._last, *stamps])

    patch.setattr(HybridClock, "observe", mutant)


def stamps_with_the_wall_clock(patch: pytest.MonkeyPatch) -> None:
    """A write is not later than the one it replaces, when that came from a clock ahead."""
    real = HybridClock.tick
    patch.setattr(HybridClock, "tick", lambda self, after=0: real(self))
