"""A prober among members that a test speaks for."""

from __future__ import annotations

from random import Random

from gossip import Address, Timing
from gossip.member import Claim, State
from gossip.members.membership import Membership
from gossip.members.suspicion import Suspicion
from gossip.probing.prober import Prober
from gossip.timers import Timers
from gossip.wire.messages import Message, Nack
from tests.gossip.conversation import SECOND, WALL, accused, claim, identity, where

TIMING = Timing.lan()
ORIGIN = Address("10.5.5.5", 5)
NAMES = ("a", "b", "c", "d", "e", "f", "g")


class Script:
    """A prober among members, with everything that it sends."""

    def __init__(self, *names: str, timing: Timing = TIMING) -> None:
        self.timing = timing
        self.timers = Timers()
        self.probes: list[tuple[int, str]] = []
        self.requests: list[tuple[Address, Message]] = []
        self.told: list[tuple[Address, Claim]] = []
        me = claim("me")
        self.membership = Membership(me, identity("me"), timing, self.timers, lambda _: None)
        self.prober = Prober(
            membership=self.membership, timing=timing, timers=self.timers, random=Random(1),
            send_probe=self._probe, send=lambda to, message: self.requests.append((to, message)),
            send_about=self._about, tell=lambda to, about: self.told.append((to, about)),
        )  # fmt: skip
        self.now = 0
        for name in names:
            self.membership.apply(claim(name, address=where(name)), -60 * SECOND)
        self.prober.start(0)

    def _probe(self, sequence: int, target: Claim, *_: bytes) -> None:
        self.probes.append((sequence, target.name))

    def _about(self, to: Address, about: Claim, message: Message) -> None:
        self.told.append((to, about))
        self.requests.append((to, message))

    def wait(self, until: int) -> None:
        """Wake whenever it is due."""
        while (at := self.timers.next) is not None and at <= until:
            self.oversleep(at)
        self.now = until

    def oversleep(self, until: int) -> None:
        """Wake once, however late that is."""
        self.now = until
        for action in self.timers.due(until):
            action(until)

    def to_first_probe(self) -> int:
        """The number of the first probe, just sent."""
        while not self.probes:
            self.wait(self.now + SECOND // 100)
        return self.probes[-1][0]

    def answer(self, sequence: int, sender: str, epoch: int = WALL) -> tuple[Address, int] | None:
        return self.prober.acknowledged(sequence, sender, epoch, self.now)

    def to_indirect(self) -> tuple[str, list[str]]:
        """Nobody answers: who was probed, and who was asked to try."""
        self.to_first_probe()
        target = self.probes[0][1]
        self.wait(self.now + self.timing.probe_timeout)
        by_address = {where(name): name for name in NAMES}
        return target, [by_address[to] for to, _ in self.requests]

    def nack(self, witness: str, target: str, *, refused: bool = False, number: int = 0) -> None:
        """A witness says that it got no answer."""
        proof = accused(claim(target, address=where(target)), witness, refused=refused).proof
        sequence = number or self.probes[0][0]
        self.prober.silent(Nack(sequence, int(refused), proof), witness, self.now)

    def refuse(self, sequence: int) -> None:
        """The host where this probe went says that nobody is there."""
        self.prober.refused(sequence, self.probes[0][1], self.now)

    def states(self) -> set[State]:
        return {c.state for c in self.membership.claims() if c.name != "me"}

    def suspicion(self, name: str) -> Suspicion:
        found = self.membership.suspicions.get(name)
        assert found is not None
        return found
