"""How often one member may ask for what is costly: a bucket of tokens for each."""

from __future__ import annotations

from collections import OrderedDict

from .timing import SECOND

BURST = 64
"""How many such questions a member may ask at once: our choice, more than it ever has."""

PER_SECOND = 16
"""How many it may ask in the long run."""

SOURCES_MAX = 8192
"""Of how many members this is remembered; who asked longest ago is forgotten beyond that."""


class Rates:
    """Who has asked how much lately."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def allow(self, sender: str, now: int) -> bool:
        """Whether a member may ask once more, and count it if so."""
        tokens, since = self._tokens.pop(sender, (float(BURST), now))
        tokens = min(BURST, tokens + (now - since) * PER_SECOND / SECOND)
        allowed = tokens >= 1
        self._tokens[sender] = (tokens - allowed, now)
        if len(self._tokens) > SOURCES_MAX:
            self._tokens.popitem(last=False)
        return allowed
