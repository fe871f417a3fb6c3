"""What befalls a simulated cluster, case by case: each is a function of a timing and a seed, and
gives samples.

The same seed is the same story for every timing: who is crashed or stopped, and for how long, is
drawn from it and never from what the members did. A sample that was not had within `LIMIT` is the
limit itself, and is counted beside as missing: leaving it out would flatter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from random import Random

from bench.membership_figures import Samples
from gossip import (
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberRecovered,
    MemberSuspected,
    Timing,
)
from sim import Faults, SimTimeout, Simulation

Play = Callable[..., Samples]
"""A case: `play(timing, seed, **how)`."""

Event = tuple[float, str, MemberEvent]
"""As `Simulation.events` has it: when, who was told, what."""

LIMIT = 120.0
"""Virtual seconds that anything may take."""
SETTLE = 5.0
"""Virtual seconds after which the news of a cluster that agrees has stopped going round."""
AFTERMATH = 60.0
"""Virtual seconds in which the verdicts fall that a fault led to."""
PHASE = 2.0
"""A fault begins at any moment of this time: of whole periods of every profile in use here."""


def crashes(
    timing: Timing,
    seed: int,
    *,
    trials: int,
    nodes: int = 100,
    loss: float = 0.01,
    power: bool = False,
) -> Samples:
    """One member after the other crashes, and is back before the next one does: seconds until the
    first member is told, and from then until the last one is.
    """
    sim, chance = formed(timing, seed, nodes, loss), Random(seed)
    samples: Samples = {"first": [], "spread": [], "missed": [], "false": []}
    for _ in range(trials):
        sim.run(chance.uniform(0.0, PHASE))
        victim = chance.choice(sim.nodes)
        told = Told(sim, victim.name)
        crashed, before = sim.now, len(sim.events)
        victim.crash(power=power)
        missed = took(sim, told.everybody, LIMIT) >= LIMIT
        first = min(told.times.values(), default=crashed + LIMIT)
        samples["first"].append(first - crashed)
        samples["spread"].append(LIMIT if missed else max(told.times.values()) - first)
        samples["missed"].append(float(missed))
        others = {node.name for node in sim.nodes} - {victim.name}
        false = about(sim.events[before:], MemberFailed, others)
        back = len(sim.events)
        victim.restart()
        took(sim, Simulation.converged, LIMIT)
        sim.run(SETTLE)
        false += about(sim.events[back:], MemberFailed, {victim.name, *others})
        samples["false"].append(len(false))
    return samples


def stops(
    timing: Timing,
    seed: int,
    *,
    trials: int,
    seconds: float | Sequence[float],
    nodes: int = 100,
    loss: float = 0.0,
) -> Samples:
    """One member after the other is stopped, for each of `seconds`, and goes on: was it failed, and
    how long after it went on did the last one hear that it is alive; was anybody else suspected?
    """
    sim, chance = formed(timing, seed, nodes, loss), Random(seed)
    names = "seconds failed back suspected-others failed-others".split()
    samples: Samples = {name: [] for name in names}
    pauses = [seconds] if isinstance(seconds, (int, float)) else seconds
    for pause in (pause for _ in range(trials) for pause in pauses):
        sim.run(chance.uniform(0.0, PHASE))
        victim, before = chance.choice(sim.nodes), len(sim.events)
        victim.pause()
        sim.run(pause)
        victim.resume()
        on = sim.now
        agreed = took(sim, Simulation.converged, LIMIT) < LIMIT
        sim.run(SETTLE)
        events = sim.events[before:]
        back = [at for at, _, _ in about(events, (MemberRecovered, MemberJoined), {victim.name})]
        others = {node.name for node in sim.nodes} - {victim.name}
        samples["seconds"].append(pause)
        samples["failed"].append(float(bool(about(events, MemberFailed, {victim.name}))))
        samples["back"].append(max(0.0, *back, on) - on if agreed else LIMIT)
        samples["suspected-others"].append(len(about(events, MemberSuspected, others)))
        samples["failed-others"].append(len(about(events, MemberFailed, others)))
    return samples


def starvation(
    timing: Timing,
    seed: int,
    *,
    starved: Sequence[int],
    service: Sequence[float],
    bad: Sequence[float],
    good: Sequence[float],
    lasting: float = 120.0,
    nodes: int = 100,
) -> Samples:
    """For every combination of the four lists: so many members take `service` seconds for every
    datagram and every alarm (0: they stand still) in bad times, and none in good ones, in step, for
    `lasting` seconds. How often was a healthy member declared failed, to anybody and to another
    healthy one? (Lifeguard, section V: FP and FP-, over intervals and numbers of anomalies.)
    """
    chance = Random(seed)
    names = "starved service bad good false false-at-healthy suspected failed-starved".split()
    samples: Samples = {name: [] for name in names}
    for many, each, ill, well in product(starved, service, bad, good):
        sim = formed(timing, seed, nodes)
        slow = chance.sample(sim.nodes, many)
        before, until = len(sim.events), sim.now + lasting
        while sim.now < until:
            for node in slow:
                node.slow(each) if each else node.pause()
            sim.run(ill)
            for node in slow:
                node.slow(0.0) if each else node.resume()
            sim.run(well)
        sim.run(AFTERMATH)
        ailing = {node.name for node in slow}
        healthy = {node.name for node in sim.nodes} - ailing
        events = sim.events[before:]
        false = about(events, MemberFailed, healthy)
        seen = sum(observer in healthy for _, observer, _ in false)
        suspected = len(about(events, MemberSuspected, healthy))
        failed = len(about(events, MemberFailed, ailing))
        row = (many, each, ill, well, len(false), seen, suspected, failed)
        for name, value in zip(names, row, strict=True):
            samples[name].append(value)
    return samples


def quiet(
    timing: Timing, seed: int, *, seconds: float, nodes: int = 100, loss: float = 0.0
) -> Samples:
    """Nothing happens to anybody: what is sent, and what is believed of members that are fine."""
    sim = formed(timing, seed, nodes, loss)
    before, sent = len(sim.events), spent(sim)
    sim.run(seconds)
    datagrams, octets = (now - then for now, then in zip(spent(sim), sent, strict=True))
    everybody = {node.name for node in sim.nodes}
    events = sim.events[before:]
    return {
        "datagrams": [datagrams / nodes / seconds],
        "bytes": [octets / nodes / seconds],
        "suspected": [len(about(events, MemberSuspected, everybody))],
        "false": [len(about(events, MemberFailed, everybody))],
    }


def halves(timing: Timing, seed: int, *, seconds: float, nodes: int = 50) -> Samples:
    """Two halves do not reach each other for so long: seconds from the healing to agreement."""
    sim = formed(timing, seed, nodes)
    names = [node.name for node in sim.nodes]
    Random(seed).shuffle(names)
    sim.partition(names[: nodes // 2], names[nodes // 2 :])
    sim.run(seconds)
    sim.heal()
    agreement = took(sim, Simulation.converged, 10 * LIMIT)
    return {"agreement": [agreement], "missed": [float(agreement >= 10 * LIMIT)]}


def joining(timing: Timing, seed: int, *, nodes: int) -> Samples:
    """All boot at once and know one address: seconds until everybody sees everybody."""
    sim = Simulation(nodes, seed, timing=timing)
    full = took(sim, Simulation.converged, LIMIT)
    return {"full": [full], "missed": [float(full >= LIMIT)]}


# What cases share.


class Told:
    """When each member was first told that this one failed."""

    def __init__(self, sim: Simulation, name: str) -> None:
        self.times: dict[str, float] = {}
        self._name = name
        self._read = len(sim.events)

    def everybody(self, sim: Simulation) -> bool:
        """Whether all who run were told by now."""
        for at, observer, _ in about(sim.events[self._read :], MemberFailed, {self._name}):
            self.times.setdefault(observer, at)
        self._read = len(sim.events)
        return all(node.name in self.times for node in sim.nodes if node.running)


def formed(timing: Timing, seed: int, nodes: int, loss: float = 0.0) -> Simulation:
    """A cluster that agrees, and has nothing more to say."""
    sim = Simulation(nodes, seed, Faults(loss=loss), timing=timing)
    sim.run_until(Simulation.converged, LIMIT)
    sim.run(SETTLE)
    return sim


def took(sim: Simulation, predicate: Callable[[Simulation], bool], limit: float) -> float:
    """Virtual seconds until it holds, `limit` at most."""
    try:
        return sim.run_until(predicate, limit)
    except SimTimeout:
        return limit


def about(
    events: Iterable[Event],
    kind: type[MemberEvent] | tuple[type[MemberEvent], ...],
    names: set[str],
) -> list[Event]:
    """The events of a kind that are about one of these members."""
    return [each for each in events if isinstance(each[2], kind) and each[2].member.name in names]


def spent(sim: Simulation) -> tuple[int, int]:
    """Datagrams and bytes that the members have sent so far."""
    counts = [node.statistics() for node in sim.nodes]
    return sum(each.datagrams_sent for each in counts), sum(each.bytes_sent for each in counts)
