"""Changing our own tags while we run, and fetching those of others that no claim has room for.

What is set at one moment goes out as one change: the incarnation is raised once, however many tags
were set one after the other before the driver came to `wake`.

Large tags are asked for at their owner, which is who has them first, and then in turn at anybody
and at their owner, for it may be out of reach from here. The hash in the owner's record says
whether an answer is right. Everybody hears of new tags at about the same time, so the questions are
spread over a while that grows with the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from gossip.member import MAX_TAGS, MAX_TAGS_BYTES, Address, State, TagPairs, tags_fit
from gossip.timers import Timers
from gossip.timing import MILLISECOND, Timing
from gossip.wire.messages import Message, TagsOf, TagsWanted

from .membership import Membership

SPREAD = MILLISECOND
"""For each member, so much longer is the while over which all ask: our choice, an owner's sending
of some 4 MB/s at most."""

AT_ONCE = 16
"""Tags that are asked for at one moment: our choice, their pieces fit the default receive buffer of
a socket."""

TRIES = 4
"""After so many questions the pause between two doubles, for there may be no answer..."""

DOUBLED = 6
"""... but not more often than this: our choice, a minute at most in a LAN."""


class Tags:
    """Our own tags as they are set, and others' as they are fetched."""

    def __init__(
        self,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        random: Random,
        send: Callable[[Address, Message], None],
    ) -> None:
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._send = send
        self._wanted: TagPairs | None = None

    # Our own.

    @property
    def current(self) -> dict[str, str]:
        """The tags as they were set last, also when nobody was told yet."""
        membership = self._membership
        return dict(membership.tags.of(membership.me) if self._wanted is None else self._wanted)

    def set(self, tags: Mapping[str, str], now: int) -> None:
        """Have these tags and no others from now on; `ValueError` when they cannot be carried."""
        self._wanted = encoded(tags)
        self._timers.set("tags", now, self._declare)

    def _declare(self, _: int) -> None:
        me, wanted, self._wanted = self._membership.me, self._wanted, None
        changed = wanted is not None and wanted != self._membership.tags.of(me)
        if wanted is not None and changed and me.state is State.ALIVE:
            self._membership.retag(wanted)

    # Others'.

    def fetch(self, now: int) -> None:
        """Tags are lacking: see that they are asked for."""
        if "fetch tags" not in self._timers:
            spread = len(self._membership) * SPREAD
            self._timers.set("fetch tags", now + self._random.randrange(spread), self._ask)

    def _ask(self, now: int) -> None:
        lacking = self._membership.tags.lacking
        due = [name for name, lacked in lacking.items() if lacked.due <= now]
        # Who waits for longest first: tags that nobody has must not keep us from all others.
        for name in sorted(due, key=lambda name: lacking[name].due)[:AT_ONCE]:
            lacked, owner = lacking[name], self._membership.get(name)
            asked = (
                owner if lacked.tries % 2 == 0 else self._random.choice(self._membership.others())
            )
            if asked is not None:
                self._send(asked.address, TagsWanted(name, lacked.hash))
            lacked.due = now + (self._timing.pull_timeout << min(lacked.tries // TRIES, DOUBLED))
            lacked.tries += 1
        if lacking:
            soonest = min(lacked.due for lacked in lacking.values())
            self._timers.set("fetch tags", max(soonest, now + self._timing.pull_delay), self._ask)

    def wanted(self, question: TagsWanted, sender: str) -> None:
        """A member lacks somebody's tags. It is told at the address that it tells of itself: an old
        question, sent again, must not aim us at a stranger.
        """
        asker = self._membership.get(sender)
        tags = self._membership.tags.held(question.name, question.hash)
        if asker is not None and tags:
            self._send(asker.address, TagsOf(question.name, tags))


def encoded(tags: Mapping[str, str]) -> TagPairs:
    """Tags as they travel; `ValueError` when they are too many, too large, or not text."""
    pairs = tuple(sorted(tags.items()))
    if not tags_fit(pairs):  # a UnicodeEncodeError, for half a character, is a ValueError too
        raise ValueError(f"at most {MAX_TAGS} tags, of {MAX_TAGS_BYTES} bytes in all")
    return pairs
