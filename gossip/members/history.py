"""Why: what led to suspicions and failures, as this member saw it.

Reference: what operators of this kind of software ask for and get from logs at best; the form is
ours.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .suspicion import Suspicion

CASES_MAX = 256
"""How many cases are remembered; the oldest is forgotten beyond that."""


class Case(NamedTuple):
    """One suspicion of one member."""

    name: str
    incarnation: int
    began: int
    """In nanoseconds of this member's monotonic clock."""
    ended: int | None
    """None while it is open."""
    outcome: str
    """`open`, or what ended it: `refuted`, `failed`, `left`, or `restarted`."""
    accusers: tuple[tuple[str, bool], ...]
    """Who got no answer, in the order in which it was heard; and whether the host of the member
    said that nobody is there."""
    verdict: str
    """Who said that it had failed; empty while nobody did."""
    rtt: float | None
    """The smoothed round trip from here when it began, in seconds; None when never measured."""
    health: int
    """The score of this member's own health then; 0 is well."""


class History:
    """The latest cases that ended."""

    def __init__(self) -> None:
        self._cases: deque[Case] = deque(maxlen=CASES_MAX)

    def closed(self, name: str, suspicion: Suspicion, now: int, outcome: str, verdict: str) -> None:
        """A member is suspected no longer."""
        case = opened(name, suspicion)
        self._cases.append(case._replace(ended=now, outcome=outcome, verdict=verdict))

    def about(self, name: str) -> list[Case]:
        """The cases of a member that ended, the latest first."""
        return [case for case in reversed(self._cases) if case.name == name]


def opened(name: str, suspicion: Suspicion) -> Case:
    """A suspicion that lasts."""
    accusers = tuple((claim.accuser, claim.refused) for claim in suspicion.accusers.values())
    verdict = suspicion.condemned.accuser if suspicion.condemned else ""
    return Case(
        name, suspicion.incarnation, suspicion.began, None, "open", accusers, verdict,
        suspicion.rtt, suspicion.health,
    )  # fmt: skip
