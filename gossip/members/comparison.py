"""Comparing tables of members: a hash rides on every probe and answer, so agreement costs
nothing more.

Where the hashes differ, and no news is under way that would explain it, the hashes of the parts of
the table are sent, and the answer is what belongs to the parts that differ. So a rumor that
somebody missed is repaired at the cost of the difference, and two halves of a cluster that meet
again tell each other everything.
"""

from __future__ import annotations

from random import Random

from gossip.member import ALIVE, Address, Claim
from gossip.outbox import TABLE_CLAIMS, Outbox
from gossip.timers import Timers
from gossip.timing import Timing
from gossip.wire.messages import Buckets

from .membership import Membership

TABLE_DATAGRAMS = 32
"""How much of the table is told at once; the rest comes as news and by comparing again."""


class Comparison:
    """Finds out where our table of members differs from others', and mends it."""

    def __init__(
        self, membership: Membership, timing: Timing, timers: Timers, random: Random, outbox: Outbox
    ) -> None:
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._outbox = outbox
        self._heard: dict[str, tuple[bytes, bytes]] = {}
        self._latest = (b"", b"")  # what was heard last: where all agree, it is kept once
        self._waited = False

    def heard(self, name: str, data: bytes, table: bytes, source: Address, now: int) -> None:
        """A member told the hashes of its data and of its table."""
        if (data, table) != self._latest:
            self._latest = (data, table)
        self._heard[name] = self._latest
        if table == self._membership.digest or "compare" in self._timers:
            return
        # News under way may be all that is missing, so it gets a while; not for ever, for somewhere
        # in a large cluster there is always news; nor while somebody may be failed for want of it.
        membership = self._membership
        patient = not self._waited and not membership.suspicions
        self._waited = patient and len(membership.rumors) > 0
        pause = self._timing.probe_interval // 2
        self._timers.set("compare", now + (4 * pause if self._waited else pause), lambda _: None)
        if self._waited:
            return
        self._outbox.send_message(source, Buckets(self._membership.bucket_hashes()))

    def answer(self, buckets: Buckets, source: Address, *, whole: bool) -> None:
        """Tell a member what belongs to the parts where its table differs from ours: all of it, or
        as much as fits into a datagram.
        """
        mine = self._membership.bucket_hashes()
        pairs = enumerate(zip(mine, buckets.hashes, strict=False))
        differ = [place for place, (here, there) in pairs if here != there]
        self._tell(source, self._membership.claims(differ), limit=TABLE_DATAGRAMS if whole else 1)

    def tell_all(self, caller: Address, call: int, *, whole: bool) -> None:
        """Tell who calls who is there: the whole table, or as much as fits into a datagram."""
        self._tell(caller, self._membership.claims(), call, TABLE_DATAGRAMS if whole else 1)

    def _tell(
        self,
        destination: Address,
        claims: list[Claim],
        call: int = 0,
        limit: int = TABLE_DATAGRAMS,
    ) -> None:
        """In random order, so that what does not fit today is told another day; ourselves first."""
        # No more than there is room for: strangers ask for this, and the table may be long.
        chosen = self._random.sample(claims, min(len(claims), limit * TABLE_CLAIMS))
        me = self._membership.me
        first = [claim for claim in claims if claim.name == me.name]
        others = [claim for claim in chosen if claim.name != me.name]
        self._outbox.send_table(destination, first + others, limit, call)

    def agreed(self, data: bytes) -> bool:
        """Whether every other member, as last heard, has this data hash and our table."""
        mine = (data, self._membership.digest)
        others = self._membership.others()
        return all(other.state is ALIVE and self._heard.get(other.name) == mine for other in others)

    def forget(self, name: str) -> None:
        """A member is gone, or is a new boot: what it said does not count any more."""
        self._heard.pop(name, None)
