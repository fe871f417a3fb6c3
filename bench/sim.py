"""How much faster than real time a cluster is simulated, on one core.

Forming is the expensive part: at t = 0 everybody knows only n0, then everybody learns of everybody.
Afterwards the members probe each other and say little; that is where long runs are.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from bench.measure import RUNS, Figure, Progress
from sim import Simulation

WINDOWS = {10: 30.0, 100: 3.0, 1000: 0.5}
"""Virtual seconds of one run, by number of members."""
STEP = 0.05
"""Virtual seconds between two looks while forming."""
SETTLE = 5.0
"""Virtual seconds after forming that are not counted: the news of it still goes round."""
FORMING_WALL_MAX = 300.0
"""Real seconds after which forming is given up, and said so instead of a figure."""


def measure(say: Progress) -> Iterator[Figure]:
    """Time to form and speed afterwards, for each size."""
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
        speeds = [window / timed_run(simulation, window) for _ in range(RUNS)]
        yield Figure.of("sim", f"{nodes:,} members, settled", speeds, "virtual s/s")


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
