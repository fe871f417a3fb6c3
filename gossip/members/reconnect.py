"""Calling those who may be there: join addresses at which no member is known, and members taken
for failed.

This is what heals partitions: a failed member that is there after all is told what is said of it,
and refutes. Join addresses are called for ever, if seldom, for two parts of a cluster that were
booted while they could not reach each other know of no member to call.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from random import Random

from gossip.member import Address
from gossip.outbox import Outbox
from gossip.timers import Timers
from gossip.timing import SECOND, Timing
from gossip.wire.claims import encode_claim
from gossip.wire.messages import NOT_TO_BE_DONE, ProbeRequest, encode_join

from .membership import MAX_MEMBERS, Membership

CALLS = 8
"""How many join addresses are called at once, while we are alone."""

JOINS_MAX = 2 * MAX_MEMBERS
"""How many join addresses go on being called (our choice): as many members as an earlier run can
have known, and as many again. Further ones are called once.
"""

CALLS_MAX = 256
"""How many calls may be unanswered; the oldest is forgotten beyond that."""

ASKED = 4
"""With one call out of so many another member is asked as well: our choice."""

CALLERS = 8
"""How many members of a cluster call somebody missing per interval, on average, or all of a small
one: our choice. Fewer would heal partitions later, and all of many would be a crowd before a door
that stays shut.
"""


class Reconnect:
    """Calls with a `Join`, whose answer is the other's table."""

    def __init__(
        self, membership: Membership, timing: Timing, timers: Timers, random: Random, outbox: Outbox
    ) -> None:
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._outbox = outbox
        self._joins: dict[Address, None] = {}
        self._answer_by = 0
        self._answers: dict[Address, str] = {}
        self._calls: OrderedDict[int, Address] = OrderedDict()
        self._call = random.getrandbits(32)

    def start(self, now: int) -> None:
        """Begin to call the missing, now and then."""
        pause = self._timing.reconnect_interval
        at = now + pause // 2 + self._random.randrange(pause)
        self._timers.set("reconnect", at, self._call_missing)

    def join(self, addresses: Iterable[Address], now: int, gone: Collection[Address] = ()) -> None:
        """Call these addresses: every second as long as we are alone, later now and then; and those
        that are `gone` no more.
        """
        for address in gone:
            self._answers.pop(address, None)
            self._joins.pop(address, None)
        for address in addresses:
            if address != self._membership.me.address and address not in self._joins:
                full = len(self._joins) >= JOINS_MAX
                if not full:
                    self._joins[address] = None
                self._answer_by = now + SECOND
                if full or self._membership.others():
                    self.call(address)
        self._call_joins(now)

    @property
    def joined(self) -> bool:
        """Whether another member was ever met, or nobody was to be called."""
        return not self._joins or len(self._membership.claims()) > 1

    def answered(self, call: int, name: str) -> None:
        """Who answered a call: he need not be at the address that he was called at, as far as
        others know, nor answer from there.
        """
        address = self._calls.pop(call, None)
        if address in self._joins:
            self._answers[address] = name

    def expecting(self, now: int) -> bool:
        """Whether the first calls are so fresh that they may yet be answered."""
        return now < self._answer_by

    def call(self, address: Address) -> None:
        """Introduce ourselves."""
        self._call += 1
        self._calls[self._call] = address
        if len(self._calls) > CALLS_MAX:
            self._calls.popitem(last=False)
        self._outbox.send(address, encode_join(encode_claim(self._membership.me), self._call))

    def _call_joins(self, now: int) -> None:
        if self._membership.others():
            return
        for address in self._random.sample([*self._joins], min(CALLS, len(self._joins))):
            self.call(address)
        if self._joins:
            self._timers.set("join", now + SECOND, self._call_joins)

    def _call_missing(self, now: int) -> None:
        self.start(now)
        failed = self._membership.failed()
        strange = [address for address in self._joins if not self._met(address)]
        others = self._membership.others()
        if failed and self._draws():
            missing = self._random.choice(failed)
            self.call(missing.address)
            if others and not self._random.randrange(ASKED):
                # It may have left meanwhile, and we were the one who was not told: the dead are not
                # in the hashes of tables. Who knows better says so, instead of asking.
                request = ProbeRequest(NOT_TO_BE_DONE, missing.name, missing.epoch)
                self._outbox.send_message(self._random.choice(others).address, request)
        if strange and others and self._draws():
            self.call(self._random.choice(strange))
        if "join" not in self._timers:
            self._call_joins(now)

    def _draws(self) -> bool:
        """Whether it is for us, of all those who might, to call somebody now."""
        return self._random.random() * len(self._membership) < CALLERS

    def _met(self, address: Address) -> bool:
        """Whether some member is known to be there, or to have been."""
        if address in self._membership.addresses():
            return True
        who = self._membership.get(self._answers.get(address, ""))
        return who is not None and who.state.running and who.name != self._membership.me.name
