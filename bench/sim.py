"""How much faster than real time a cluster is simulated, on one core.

Forming is the expensive part: at t = 0 everybody knows only n0, a second later everybody knows
everybody. Afterwards the members probe each other and say little; that is where long runs are.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from bench.measure import RUNS, Figure, Progress
from sim import Simulation

WINDOWS = {10: 30.0, 100: 3.0, 1000: 0.5}
"""Virtual seconds of one run after forming, by number of members."""
STEP = 0.25
"""Virtual seconds between two looks while forming; at 1,000 members a look is not cheap either."""
FORMING_WALL_MAX = 120.0
"""Real seconds after which forming is given up, and said so instead of a figure."""


def measure(say: Progress) -> Iterator[Figure]:
    """Speed while forming and afterwards, for each size."""
    for nodes, window in WINDOWS.items():
        say(f"{nodes:,} members, forming")
        simulation = Simulation(nodes=nodes, seed=1)
        wall = form(simulation)
        if not simulation.converged():
            say(f"{nodes:,} members not formed after {wall:.0f} s, {simulation.now:.1f} virtual")
        else:
            speed = simulation.now / wall
            of, unit = f"{nodes:,} members, forming", "virtual s/s"
            yield Figure.of("sim", f"{of}: virtual time it took", [simulation.now], "virtual s")
            yield Figure.of("sim", of, [speed], unit)
        say(f"{nodes:,} members, formed")
        speeds = [window / timed_run(simulation, window) for _ in range(RUNS)]
        yield Figure.of("sim", f"{nodes:,} members, formed", speeds, "virtual s/s")


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
