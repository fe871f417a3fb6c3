"""Random plans: the whole schedule of a run, drawn up front from one integer.

Not everything goes wrong in every run. A bug often needs one fault and the absence of another: a
cluster in which everything happens at once never gets as far as the slow mistake. So each plan
draws a *stratum*, which says how many classes of faults it has (none, all, one, or each with a
chance that is drawn too), and each class draws how bad it is, evenly in the logarithm. Users are at
work in every plan, because a fault that meets no data proves little.

Every purpose has a stream of its own (`streams.py`): a class more or less, or one more draw in it,
leaves all others as they were. The classes are in `calamities.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from gossip import Timing
from sim.agenda import SECOND
from sim.calamities import EPISODES, RUINOUS, WEATHER, Scene
from sim.chance import amount, between, moment
from sim.faults import Faults
from sim.plan import Plan, Step
from sim.streams import stream
from sim.workload import WORK, change, saying

SIZES = {3: 6, 4: 5, 5: 6, 6: 3, 7: 2, 8: 1, 9: 1, 12: 1}
"""How many nodes, and how often: small clusters find as much and find it sooner."""

NODE_SECONDS = (60.0, 210.0)
"""Virtual seconds of one node that a run has, shared by its nodes: what a run costs."""

SETTLE = 120.0
"""How long a core has to agree at the end: far more than it needs with any constants drawn here."""

EPISODES_MAX = 5
"""How often something of one class happens at most."""

EPISODE = (0.3, 15.0)
"""Seconds between the begin and the end of an episode."""

RATES = (0.5, 8.0)
"""Changes per second over the whole cluster: `sim/workload.py` says why not more."""


SELDOM = 0.15
"""How likely each of the constants by which failures are told is another than usual, where any is.
"""


ALONE = {"crash": 15.0, "leave": 4.0, "pause": 2.0, "liar": 2.0}
"""How often a class is the only one, if not once: some promises are about these alone."""

SAYINGS_MAX = 8
"""How much users say at most: in one go, for what is new is told for minutes, and each beginning
costs that anew.
"""

DISMISSED = 0.3
"""How likely an operator has a member taken for gone that crashed."""


def draw(seed: int) -> Plan:
    """The plan of this seed: the same one in every process and on every machine."""
    size = stream(seed, "plan", "size")
    nodes = size.choices(list(SIZES), list(SIZES.values()))[0]
    seconds = round(min(60.0, max(12.0, between(size, *NODE_SECONDS) / nodes)), 1)
    names = [f"n{index}" for index in range(nodes)]
    on = classes(seed)
    weather: dict[str, float] = {}
    for name, conditions in WEATHER.items():
        if name in on:
            weather |= conditions(stream(seed, "plan", name))
    steps = users(stream(seed, "plan", "users"), names, seconds)
    for name in EPISODES:
        if name in on:
            steps += episodes(seed, name, names, seconds)
    steps += speech(stream(seed, "plan", "speech"), names, seconds)
    steps += dismissals(stream(seed, "plan", "operators"), steps, names, seconds)
    return Plan(
        nodes=nodes,
        seconds=seconds,
        seed=seed,
        faults=Faults(**weather),
        timing=timing(stream(seed, "plan", "timing"), patient=not on),
        settle=0.0 if "rot" in on else SETTLE,  # no checksum yet: what rotted differs for ever
        steps=tuple(sorted(steps, key=lambda step: step.at)),
    )


def classes(seed: int) -> set[str]:
    """The classes of faults that the plan of this seed has."""
    random = stream(seed, "plan", "stratum")
    stratum = random.random()
    every = [*WEATHER, *EPISODES]
    if stratum < 0.1:
        return set()
    if stratum < 0.25:
        return {random.choices(every, [ALONE.get(name, 1.0) for name in every])[0]}
    # What ruins a disk excuses the loss of data: where everything happens, that would hide a lot.
    chance = 1.0 if stratum < 0.4 else random.choice([0.1, 0.25, 0.5])
    return {
        name
        for name in every
        if stream(seed, "plan", "on", name).random() < chance * (0.2 if name in RUINOUS else 1.0)
    }


def episodes(seed: int, name: str, names: list[str], seconds: float) -> list[Step]:
    """What happens of one class: each begin with its end, all within the run."""
    steps: list[Step] = []
    count = amount(stream(seed, "plan", name), 1, EPISODES_MAX)
    for number in range(count):
        random = stream(seed, "plan", name, number)
        begin = moment(random, 1.0, seconds - 1.0)
        end = min(round(begin + between(random, *EPISODE), 3), seconds)
        first, last = EPISODES[name](Scene(random, names, f"{name} {number}"))
        steps += [Step(begin, do, arguments) for do, arguments in first]
        steps += [Step(end, do, arguments) for do, arguments in last]
    return steps


def timing(random: Random, *, patient: bool) -> dict[str, float]:
    """The constants of the protocols: as usual half the time, else some of them anything sane.

    With `patient`, nothing that a calm cluster relies on is set too short for it.
    """
    interval = round(between(random, 0.4, 2.0), 2)
    drawn: dict[str, Callable[[], float]] = {
        "indirect_probes": lambda: random.randint(1, 4),
        "suspicion_mult": lambda: random.randint(2, 6) / 2,
        "gossip_interval": lambda: round(between(random, 0.05, 0.6), 3),
        "gossip_fanout": lambda: random.randint(1, 4),
        "retransmit_mult": lambda: random.randint(2, 6),
        "reconnect_interval": lambda: round(between(random, 1.0, 10.0), 1),
        "push_delay": lambda: round(between(random, 0.001, 0.2), 3),
        "pull_delay": lambda: round(between(random, 0.02, 1.0), 3),
        "pull_timeout": lambda: round(between(random, 0.1, 1.0), 2),
        "leave_timeout": lambda: round(between(random, 0.5, 5.0), 1),
    }
    usual = random.random() < 0.5
    values = {name: value() for name, value in drawn.items()}
    values |= {"probe_interval": interval, "probe_timeout": round(interval / 2, 3)}
    kept = {name: random.random() < 0.4 for name in drawn}
    kept |= dict.fromkeys(["probe_interval", "probe_timeout"], random.random() < 0.5)
    values |= seldom(random, patient=patient)
    kept |= {name: random.random() < SELDOM for name in values if name not in kept}
    return {} if usual else {name: value for name, value in values.items() if kept[name]}


def seldom(random: Random, *, patient: bool) -> dict[str, float]:
    """How failures are told: what each member has its say with, and what may be turned off."""
    usual = Timing.lan()
    least = usual.suspicion_min / SECOND if patient else 1.0
    return {
        "coordinated": random.random() < 0.5,
        # The shortest time-out that is drawn above is 0.2 s.
        "probe_timeout_min": round(between(random, 0.1 if patient else 0.02, 0.2), 3),
        "suspicion_min": round(between(random, least, 4.0), 2),
        "suspicion_factor": round(between(random, 1.0, 10.0), 1),
        "confirmations": random.randint(1, 4),
        "witnesses": random.randint(0, 4),
        "verdicts": random.randint(1, 3),
        "refusals": random.randint(0, 3),
        "late": 0.0 if random.random() < 0.5 else usual.late / SECOND,
        "health_max": random.randint(1, 8),
        "reap_after": round(between(random, 3.0, 60.0), 1),
    }


# Users.


def users(random: Random, names: list[str], seconds: float) -> list[Step]:
    """What users do all the while, with one of the types before the others half the time."""
    kinds = [*WORK]
    mix = [1.0] * len(kinds)
    if random.random() < 0.5:
        mix[random.randrange(len(kinds))] = 2.0 * len(kinds)
    rate = between(random, *RATES)
    keys = random.randint(2, 20)
    growing = random.uniform(0.4, 0.8)
    steps: list[Step] = []
    at = 0.5
    while round(at := at + random.expovariate(rate), 3) < seconds:
        kind, more = random.choices(kinds, mix)[0], random.random() < growing
        do, arguments = change(random, kind, random.randrange(keys), names, more=more)
        steps.append(Step(round(at, 3), do, arguments))
    return steps


def speech(random: Random, names: list[str], seconds: float) -> list[Step]:
    """What users tell and ask each other."""
    steps: list[Step] = []
    at = moment(random, 0.5, seconds - 1.0)
    for _ in range(amount(random, 1, SAYINGS_MAX)):
        steps.append(Step(round(min(at, seconds), 3), *saying(random, names)))
        at += random.expovariate(2.0)
    return steps


def dismissals(random: Random, steps: list[Step], names: list[str], seconds: float) -> list[Step]:
    """Operators have members taken for gone that crashed a while ago."""
    made: list[Step] = []
    for step in steps:
        if step.do == "crash" and random.random() < DISMISSED:
            at, node = step.at + between(random, 1.0, 12.0), step.arguments["node"]
            by = random.choice([name for name in names if name != node])
            if at < seconds:
                made.append(Step(round(at, 3), "force_leave", {"node": by, "who": node}))
    return made
