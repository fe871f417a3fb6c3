"""How much faster than real time a cluster is simulated, on one core.

Forming is the expensive part: at t = 0 everybody knows only n0, then everybody learns of everybody.
Afterwards the members probe each other and say little; that is where long runs are.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from time import perf_counter

from bench.measure import RUNS, Figure, Progress
from gossip.wire.channel import NONCE_BYTES, TAG_BYTES, VERSION, Channel
from sim import Simulation
from sim.invariants import Watch
from sim.invariants.channel import Channel as Wire
from sim.runner import play
from sim.swarm import draw

PLANS = 50
"""Random plans of five members that are played for one figure."""
WINDOWS = {10: 30.0, 100: 3.0, 1000: 0.5}
"""Virtual seconds of one run, by number of members."""
STEP = 0.05
"""Virtual seconds between two looks while forming."""
SETTLE = 20.0
"""Virtual seconds after forming that are not counted: the news of it still goes round, of 1,000
members for some fifteen seconds."""
FORMING_WALL_MAX = 300.0
"""Real seconds after which forming is given up, and said so instead of a figure."""


def measure(say: Progress) -> Iterator[Figure]:
    """Random plans; and time to form and speed afterwards, for each size."""
    say(f"five members, {PLANS} random plans")
    yield Figure.of("sim", "5 members, data, swarm of faults", [*swarm()], "virtual s/s")
    for nodes, window in WINDOWS.items():
        say(f"{nodes:,} members, forming")
        simulation = Simulation(nodes=nodes, seed=1)
        wall = form(simulation)
        if not simulation.converged():
            say(f"given up after {wall:.0f} s, {simulation.now:.1f} virtual ones: not formed")
            continue
        what = f"{nodes:,} members, until formed"
        yield Figure.of("sim", f"{what}, in the simulation", [simulation.now], "virtual s")
        yield Figure.of("sim", f"{what}, for who waits", [wall], "s")
        say(f"{nodes:,} members, settled")
        simulation.run(SETTLE)
        for what in ("settled", "bare"):
            if what == "bare":
                strip(simulation)
            speeds = [window / timed_run(simulation, window) for _ in range(RUNS)]
            yield Figure.of("sim", f"{nodes:,} members, {what}", speeds, "virtual s/s")


def swarm() -> Iterator[float]:
    """Speeds of the same random plans, all that there is included: users, faults, invariants, real
    sealing, and agreement at the end.
    """
    drawn = (draw(seed) for seed in count())
    plans = list(islice((plan for plan in drawn if plan.nodes == 5), PLANS))
    for _ in range(RUNS):
        outcomes = [play(plan) for plan in plans]
        virtual = sum(outcome.simulation.now for outcome in outcomes)
        yield virtual / sum(outcome.wall_seconds for outcome in outcomes)


def strip(simulation: Simulation) -> None:
    """Leave what members do, the codec, and the hash of all that happens: from now on nothing is
    sealed, and nobody looks whether invariants hold.
    """
    simulation._world.watch = Blind()
    for host in simulation._world.hosts:
        assert host.peer is not None
        host.peer._channel = host.peer._outbox._channel = Plain(b"", bytes)


class Plain(Channel):
    """Datagrams of the same size that anybody can read."""

    def seal(self, plain: bytes) -> bytes:
        """As long as if it was sealed."""
        return VERSION + bytes(NONCE_BYTES) + plain + bytes(TAG_BYTES)

    def open(self, datagram: bytes) -> bytes:
        """What is between head and tag."""
        return datagram[len(VERSION) + NONCE_BYTES : -TAG_BYTES]


class Blind(Watch):
    """Sees no step of a process, and no datagram."""

    def __init__(self) -> None:
        super().__init__()
        self.channel = Deaf(0, self.report)

    def stepped(self, *_: object) -> None:
        """Nothing."""


class Deaf(Wire):
    """Hears no datagram."""

    def sent(self, *_: object, **__: object) -> None:
        """Nothing."""

    def received(self, *_: object) -> None:
        """Nothing."""


def form(simulation: Simulation) -> float:
    """Run until everybody knows everybody or time is up; the real seconds spent running."""
    wall = 0.0
    while wall < FORMING_WALL_MAX and not simulation.converged():
        wall += timed_run(simulation, STEP)
    return wall


def timed_run(simulation: Simulation, seconds: float) -> float:
    """Real seconds that some virtual ones take."""
    began = perf_counter()
    simulation.run(seconds)
    return perf_counter() - began
