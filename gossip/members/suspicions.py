"""Who is suspected now, how long each has to refute, and what became of it.

The time of a suspect depends on who accuses it (`suspicion.py`) and on how many members there are,
so when it is up it is reckoned anew. It begins anew where this member cannot know: it slept, or is
behind with its work, and a refutation may lie unread in its inbox.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gossip.health import Health
from gossip.member import Claim, State
from gossip.timers import Timers
from gossip.timing import Timing

from .history import Case, History, opened
from .suspicion import Suspicion

_OUTCOMES = dict(zip(State, ("refuted", "refuted", "failed", "left"), strict=True))
"""What ended a suspicion, by what is believed next; suspected again, it had refuted in between."""


class Suspicions:
    """The suspicions of one member; `fail(name, now)` when the time of a suspect is up."""

    def __init__(
        self,
        timing: Timing,
        timers: Timers,
        health: Health,
        *,
        members: Callable[[], int],
        sound: Callable[[], bool],
        fail: Callable[[str, int], None],
    ) -> None:
        """`members()` is how many there are, ourselves included; `sound()` whether there is another
        by whose answer we may see that we are not behind.
        """
        self._timing = timing
        self._timers = timers
        self._health = health
        self._members = members
        self._sound = sound
        self._fail = fail
        self._open: dict[str, Suspicion] = {}
        self._history = History()

    def __len__(self) -> int:
        """How many are suspected."""
        return len(self._open)

    def get(self, name: str) -> Suspicion | None:
        """Who accuses a member that is suspected now."""
        return self._open.get(name)

    def cases(self, name: str) -> list[Case]:
        """The suspicions of a member, the latest first."""
        suspicion = self._open.get(name)
        now = [opened(name, suspicion)] if suspicion is not None else []
        return now + self._history.about(name)

    def lingering(self, me: str, now: int) -> str | None:
        """A suspect that few accuse for a while, and not we: whatever decided about it elsewhere
        did not reach us, so we have to see for ourselves.
        """
        for name, suspicion in self._open.items():
            old = now - suspicion.began >= self._timing.probe_interval
            few = len(suspicion.accusers) < self._timing.verdicts
            if old and few and me not in suspicion.accusers:
                return name
        return None

    def open(self, claim: Claim, rtt: float | None, now: int) -> None:
        """A member is suspected from now on."""
        self._open[claim.name] = Suspicion(claim, now, rtt, self._health.score)
        self._wait(claim.name, now)

    def close(self, claim: Claim, now: int) -> None:
        """Something else is believed of a member from now on."""
        suspicion = self._open.pop(claim.name, None)
        if suspicion is not None:
            old = (*suspicion.accusers.values(),)[0].epoch < claim.epoch
            outcome = "restarted" if old else _OUTCOMES[claim.state]
            verdict = claim.accuser if outcome in ("failed", "left") else ""
            self._history.closed(claim.name, suspicion, now, outcome, verdict)

    def confirm(self, claim: Claim, now: int) -> bool:
        """One more accuses a suspect: whether others need to hear of it."""
        suspicion = self._open[claim.name]
        if not suspicion.accused(claim):
            return False
        self._wait(claim.name, now)
        return len(suspicion.accusers) <= self._timing.confirmations + 1

    def condemn(self, claim: Claim) -> bool:
        """Somebody says of a suspect that it has failed: whether enough others accuse it too."""
        suspicion = self._open[claim.name]
        suspicion.condemned = claim
        return suspicion.corroborates(claim.accuser, self._timing, self._members())

    def _wait(self, name: str, now: int) -> None:
        """Give a suspect the time that it has, by who accuses it now."""
        due = self._due(name, now)
        self._timers.set(("member", name), due, partial(self._expired, name, due))

    def _due(self, name: str, now: int) -> int:
        suspicion, members = self._open[name], self._members()
        verdict = suspicion.condemned
        if verdict and suspicion.corroborates(verdict.accuser, self._timing, members):
            return now
        return max(now, suspicion.deadline(self._timing, members))

    def _expired(self, name: str, due: int, now: int) -> None:
        suspicion, health = self._open[name], self._health
        behind = health.behind > suspicion.began and self._sound()
        if health.late(due, now, due - suspicion.began) or behind:
            suspicion.began = now  # it may have refuted meanwhile, and we not heard it
            self._wait(name, now)
        elif self._due(name, now) > now:
            self._wait(name, now)  # there are more members than when it was accused
        else:
            self._fail(name, now)

    def check(self, suspects: list[str], *, waiting: bool) -> None:
        """Assert that these are suspected; and waited for, if we run."""
        assert sorted(suspects) == sorted(self._open), "who is suspected is out of step"
        for name in suspects if waiting else ():
            assert ("member", name) in self._timers, f"nobody waits for {name} to refute"
