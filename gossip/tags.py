"""Changing our own tags while we run.

What is set at one moment goes out as one change: the incarnation is raised once, however many tags
were set one after the other before the driver came to `wake`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .member import MAX_TAGS, MAX_TAGS_BYTES, State, tags_fit
from .membership import Membership
from .timers import Timers


class Tags:
    """The tags that others are to see of us."""

    def __init__(self, membership: Membership, timers: Timers) -> None:
        self._membership = membership
        self._timers = timers
        self._wanted: tuple[tuple[str, str], ...] | None = None

    @property
    def current(self) -> dict[str, str]:
        """The tags as they were set last, also when nobody was told yet."""
        return dict(self._membership.me.tags if self._wanted is None else self._wanted)

    def set(self, tags: Mapping[str, str], now: int) -> None:
        """Have these tags and no others from now on; `ValueError` when they cannot be carried."""
        self._wanted = encoded(tags)
        self._timers.set("tags", now, self._declare)

    def _declare(self, _: int) -> None:
        me, wanted, self._wanted = self._membership.me, self._wanted, None
        if wanted is not None and wanted != me.tags and me.state is State.ALIVE:
            self._membership.retag(wanted)


def encoded(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Tags as a claim has them; `ValueError` when they are too many, too large, or not text."""
    pairs = tuple(sorted(tags.items()))
    if not tags_fit(pairs):  # a UnicodeEncodeError, for half a character, is a ValueError too
        raise ValueError(f"at most {MAX_TAGS} tags, of {MAX_TAGS_BYTES} bytes in all")
    return pairs
