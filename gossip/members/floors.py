"""The last word of each member that is listed no more, so that nothing older brings it back."""

from __future__ import annotations

from collections import OrderedDict

from gossip.member import Claim

FLOORS_MAX = 32768
"""Of how many members it is kept: four times as many as can be listed."""


class Floors:
    """The epoch and incarnation of each, by name and key."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, bytes], tuple[int, int]] = OrderedDict()

    def of(self, claim: Claim) -> tuple[int, int] | None:
        """The last word of the member that a claim is about, if it was forgotten."""
        return self._last.get((claim.name, claim.key))

    def keep(self, gone: Claim) -> None:
        """A member is forgotten, of which this was believed last."""
        self._last.pop((gone.name, gone.key), None)
        self._last[gone.name, gone.key] = gone.order[:2]
        if len(self._last) > FLOORS_MAX:
            self._last.popitem(last=False)
