"""Who accuses whom: a suspect has the less time to refute, the more members accuse it.

Reference: "Lifeguard" (2018), section IV.B (dynamic suspicion time-outs). That those who were asked
to probe and got no answer are accusers at once is ours, and that the word of a host counts.
"""

from __future__ import annotations

from gossip.member import Claim
from gossip.timing import Timing


class Suspicion:
    """One member is suspected, in one incarnation."""

    def __init__(self, claim: Claim, began: int, rtt: float | None, health: int) -> None:
        """`rtt` and `health` are what is known of the link and of ourselves: for who asks why."""
        self.incarnation = claim.incarnation
        self.began = began
        self.rtt = rtt
        self.health = health
        self.condemned: Claim | None = None
        """What somebody said who was not believed alone: that it has failed."""
        self.accusers: dict[str, Claim] = {}
        """Who got no answer from it, with the accusation."""
        self.accused(claim)

    def accused(self, claim: Claim) -> bool:
        """Another accusation; True when it says something new."""
        known = self.accusers.get(claim.accuser)
        if known is not None and known.refused >= claim.refused:
            return False
        self.accusers[claim.accuser] = claim
        return True

    def deadline(self, timing: Timing, members: int) -> int:
        """When it is failed unless it refutes, in a cluster of so many, itself included."""
        needed = max(2, min(timing.refusals, members - 1))  # one is never enough
        if timing.refusals and sum(claim.refused for claim in self.accusers.values()) >= needed:
            return self.began
        return self.began + timing.suspicion_timeout(members, len(self.accusers))

    def corroborates(self, accuser: str, timing: Timing, members: int) -> bool:
        """Whether enough others accuse it too for one to be believed who says it has failed."""
        accusers = dict.fromkeys([*self.accusers, accuser])
        return len(accusers) >= min(timing.verdicts, members - 1)
