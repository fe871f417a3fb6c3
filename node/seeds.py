"""Where a cluster is entered: the addresses to join, with the names among them looked up for ever.

A name in a resolver outlives the addresses behind it: containers come back with others, and one
name may stand for all members there are. So names are asked for again as long as the node runs,
however well it is connected, and an address that a name no longer has is no longer called. A name
that cannot be resolved keeps what it had, is logged once, and tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

import trio

from gossip import Address
from node.config import GOSSIP_PORT, split_address
from node.udp import is_number, resolve

log = logging.getLogger("coterie")

PATIENCE = 5.0
"""Seconds that one look-up may take (our choice): a start waits so long, and no longer, for a
resolver that does not answer.
"""

LOOK_UP_ALONE = 2.0
"""Seconds after which names are looked up again while nobody else is there (our choice)."""

LOOK_UP = 30.0
"""The same in company (our choice): about as often as the answers of a resolver that stands for
containers grow old.
"""

ADDRESSES_MAX = 64
"""Addresses that one name can have (our choice); those behind it are met through the others."""

Place = tuple[str, int]
"""A host, by name or number, and a port."""


class Found(NamedTuple):
    """What a look-up brought."""

    addresses: list[Address]
    """All there are to call, in order."""
    gone: list[Address]
    """Those that the last look-up had and this one has not."""


class Seeds:
    """The places to join; `callable_` says which of their addresses are of any use to call."""

    def __init__(self, texts: Sequence[str], callable_: Callable[[Address], bool]) -> None:
        self._callable = callable_
        places = [split_address("join", text, GOSSIP_PORT) for text in texts]
        self._behind: dict[Place, list[Address]] = {place: [] for place in places}
        self._failing = {place: False for place in places if not is_number(place[0])}
        self._unheard = set(self._failing)

    @property
    def named(self) -> bool:
        """Whether there are names among them, which are worth another look."""
        return bool(self._failing)

    @property
    def unheard(self) -> bool:
        """Whether nothing is known yet of some name: there may be somebody to meet."""
        return bool(self._unheard)

    async def look_up(self) -> Found:
        """Ask for all of them at once. A name that has no answer is no error."""
        before = self._all()
        async with trio.open_nursery() as nursery:
            for place in self._behind:
                nursery.start_soon(self._look_up, place)
        after = self._all()
        return Found(after, [address for address in before if address not in after])

    async def look_on(self, is_alone: Callable[[], bool], tell: Callable[[Found], object]) -> None:
        """Look names up as long as there are any, which is for ever, and tell what was found."""
        while self.named:
            await trio.sleep(LOOK_UP_ALONE if is_alone() else LOOK_UP)
            tell(await self.look_up())

    def _all(self) -> list[Address]:
        return list(dict.fromkeys(at for behind in self._behind.values() for at in behind))

    async def _look_up(self, place: Place) -> None:
        trouble = f"no answer within {PATIENCE:g} s"
        with trio.move_on_after(PATIENCE):
            try:
                found = await resolve(*place)
            except (OSError, UnicodeError) as error:  # UnicodeError: it cannot be a name at all
                trouble = str(error)
            else:
                self._behind[place] = [at for at in found if self._callable(at)][:ADDRESSES_MAX]
                self._unheard.discard(place)
                trouble = ""
        if trouble and not self._failing.get(place):
            log.warning("%s cannot be resolved and is tried again: %s", place[0], trouble)
        if place in self._failing:
            self._failing[place] = bool(trouble)
