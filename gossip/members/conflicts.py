"""Others that go by our name or have our key: counted, and told to users now and then."""

from __future__ import annotations

from collections.abc import Callable

from gossip.member import Address
from gossip.timing import SECOND

QUIET = 10 * SECOND
"""For so long after one word about it users are not told again: our choice, for whoever has the
secret can claim our name as often as he likes."""


class Conflicts:
    """What disputes about names there were."""

    def __init__(self, tell: Callable[[Address], None]) -> None:
        """`tell` lets users know where somebody is that goes by our name."""
        self.count = 0
        """All claims to a name that was taken, also to names of others."""
        self._tell = tell
        self._quiet_until = 0

    def rival(self, address: Address, now: int) -> None:
        """Another process is here under our name, or with our key."""
        self.count += 1
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            self._tell(address)
