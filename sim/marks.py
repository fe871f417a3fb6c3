"""What has to have happened sometimes: a sweep that never saw it has proved nothing about it.

A mark is the name of something that a run met, with a count. Most are counted as the run goes: each
action that had an effect, and whatever befell datagrams, disks and processes. Those below are read
off the story of the members, because what a fault led to says more than that there was one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

from gossip import MemberFailed, MemberJoined, MemberLeft, MemberRecovered, MemberSuspected
from sim.faults import Faults
from sim.plan import Plan, Step
from sim.runner import Outcome
from sim.simulation import Simulation

BEFELL = (
    *"lost burst duplicated corrupted crosswired slow unsent rebound cut rotten".split(),
    *("held back", "too large", "queue full", "inbox full", "writes lost"),
)
"""What datagrams and disks have to have met."""

ACTED = tuple(
    "crash restart snapshot leave pause resume slow jump drift rebind disk rot sever cut mend link "
    "lie broadcast query set_tags force_leave "
    "increment decrement reset transfer enable disable assign add discard remove clear put update "
    "delete".split()
)
"""What has to have had an effect."""

REFUTED = "a suspicion was refuted"
RETURNED = "a failed member came back"
REJOINED = "a member that had left came back"
DIFFERED = "a partition healed with differing data"
CAUGHT_UP = "what was missed in a partition was pulled"
REFUSED = "a datagram was refused"
STOPPED = "a node stopped over its disk"
SPOKEN = {
    "repaired": "a broadcast was repaired",
    "lost": "a broadcast was told as lost",
    "answers": "a query was answered",
    "late answers": "an answer came too late",
    "relayed": "an answer went through others",
}
"""What became of what users said, by what members call it."""

STORY = (REFUTED, RETURNED, REJOINED, DIFFERED, CAUGHT_UP, REFUSED, STOPPED, *SPOKEN.values())
"""What it has to have led to."""

SOMETIMES = (*(f"did {name}" for name in ACTED), *BEFELL, *STORY, "settled", "nothing went wrong")
"""The marks that a sweep has to reach."""


class Marks:
    """The marks of one run: `begin` is for `play`, and `of` for what it returned."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._differed = 0

    def begin(self, sim: Simulation) -> None:
        """Look, whenever a cut is mended, whether the members differ. Looking leaves no trace."""
        for step in self._plan.steps:
            if step.do in {"mend", "heal"}:
                sim.at(step.at, partial(self._look, step))

    def of(self, outcome: Outcome) -> dict[str, int]:
        """Everything that the run met, with its counts; in the order of the names."""
        sim = outcome.simulation
        marks = Counter({f"did {name}": count for name, count in outcome.marks.items()})
        marks["settled"] = marks.pop("did settled", 0)
        marks.update(sim.befell)
        marks.update(told(sim))
        marks[DIFFERED] = self._differed
        marks[CAUGHT_UP] = int(self._differed > 0 and marks["settled"] > 0)
        marks[STOPPED] = sum(bool(host.trouble) for host in sim._world.hosts)
        marks["nothing went wrong"] = int(calm(self._plan))
        return {name: marks[name] for name in sorted(marks) if marks[name]}

    def _look(self, step: Step, sim: Simulation) -> None:
        if step.do == "heal" or step.arguments["name"] in sim.cuts:
            digests = {node.digest() for node in sim.nodes if node.running}
            self._differed += len(digests) > 1


def calm(plan: Plan) -> bool:
    """Whether a plan has nothing but users."""
    return plan.faults == Faults() and not any(step.action().fault for step in plan.steps)


def told(sim: Simulation) -> Counter[str]:
    """What members were told of each other, refused of each other, and carried for users."""
    marks: Counter[str] = Counter()
    before: dict[tuple[str, str], type] = {}
    for _, node, event in sim.events:
        pair, kind = (node, event.member.name), type(event)
        last = before.get(pair)
        before[pair] = kind
        marks[REFUTED] += last is MemberSuspected and kind is MemberRecovered
        marks[RETURNED] += last is MemberFailed and kind in {MemberRecovered, MemberJoined}
        marks[REJOINED] += last is MemberLeft and kind is MemberJoined
    for host in sim._world.hosts:
        if host.peer is not None:
            dropped = host.peer.statistics().dropped
            marks[REFUSED] += sum(dropped.values()) - dropped.get("refusal unknown", 0)
            users = host.peer.user_counts()
            marks.update({mark: users.get(name, 0) for name, mark in SPOKEN.items()})
    return marks


def missing(marks: Mapping[str, int]) -> list[str]:
    """What a sweep with these marks has to have reached, and has not."""
    return [name for name in SOMETIMES if not marks.get(name)]
