"""A table of members whose clock a test moves, and claims to tell it."""

from __future__ import annotations

from typing import Any

from gossip import Address, MemberEvent, Timing
from gossip.member import Claim, State
from gossip.members.membership import Membership
from gossip.timers import Timers
from tests.gossip.conversation import SECOND, accused, claim, identity, resigned

ALIVE, SUSPECT, FAILED, LEFT = State
ME = claim("me", address=Address("10.0.0.1", 1), epoch=5)
LAN = Timing.lan()
CROWD = ("sue", "ann", "joe", "kim")
"""Who accuses others here, and is known for it."""

LONG = LAN.suspicion_timeout(6, 1)
"""How long bob has to refute among these, while one accuses him."""

SHORT = LAN.suspicion_timeout(6, 4)
"""And at least."""


class Table(Membership):
    """A table whose events are noted, with a clock that the test moves."""

    def __init__(
        self, me: Claim = ME, timing: Timing | None = None, known: tuple[str, ...] = CROWD
    ) -> None:
        self.told: list[tuple[str, str]] = []
        self.clock = Timers()
        super().__init__(me, identity("me"), timing or LAN, self.clock, self._note)
        # They were there long before: who has just come accuses nobody.
        self.hear(*(claim(name, epoch=1) for name in known), now=-60 * SECOND, hearsay=True)
        self.told.clear()

    def _note(self, event: MemberEvent) -> None:
        self.told.append((type(event).__name__.removeprefix("Member"), event.member.name))

    def hear(self, *claims: Claim, now: int = 0, hearsay: bool = False) -> None:
        for one in claims:
            self.apply(one, now, hearsay=hearsay)
            self.check()

    def wait(self, now: int) -> None:
        for action in self.clock.due(now):
            action(now)
        self.check()

    def state(self, name: str) -> State | None:
        known = self.get(name)
        return None if known is None else known.state

    def events(self) -> list[tuple[str, str]]:
        told, self.told = self.told, []
        return told

    def news(self) -> list[bytes]:
        return self.rumors.take(10_000, 1)


def bob(state: State = ALIVE, incarnation: int = 0, epoch: int = 1, by: str = "sue") -> Claim:
    return claim("bob", state=state, incarnation=incarnation, epoch=epoch, accuser=by)


def my(**changes: Any) -> Claim:
    """What might be said of us, signed with our key."""
    state = changes.pop("state", ALIVE)
    said = resigned(ME, "me", **changes, state=state if state is LEFT else ALIVE)
    return accused(said, "sue", state) if state in (SUSPECT, FAILED) else said
