"""The pytest plugin: the fixture `simulated_cluster`, in every suite where coterie is installed.

A test that uses it is a plain function, because each run is a run of trio of its own; so it works
with pytest-trio, with another plugin for async tests, and with none:

    def test_the_cart_survives_a_partition(simulated_cluster):
        async def scenario(cluster):
            cluster.partition({"n0"}, {"n1", "n2"})
            cluster["n0"].set("cart").add("milk")
            cluster.heal()
            await cluster.converged(timeout=60)
            assert "milk" in cluster["n2"].set("cart")

        simulated_cluster(scenario, nodes=3)

The seed is 0, or the mark's `@pytest.mark.sim_seed(7)`, or `--sim-seed 7` for all; with
`--sim-seed 0:50` every such test is run with fifty seeds. A test that fails tells its seed.

This module is loaded by every run of pytest, also by those of people who simulate nothing. It
imports nothing but pytest until the fixture is used.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sim.app import Outcome, SimulatedCluster

FIXTURE = "simulated_cluster"
USED: pytest.StashKey[int] = pytest.StashKey()


class SimulatedClusters:
    """What the fixture gives: call it to run a scenario."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(
        self,
        scenario: Callable[[SimulatedCluster], Awaitable[Any]],
        nodes: int = 3,
        *,
        limit: float | None = None,
        keep: bool = False,
        **cluster: Any,
    ) -> Outcome[Any]:
        """Run `scenario(cluster)` in virtual time, on a cluster of `nodes` that has converged.

        `cluster` is what else `sim.app.SimulatedCluster` takes: `faults`, `program` and so on;
        `limit` and `keep` are those of `sim.app.run`.
        """
        from sim.app import SimulatedCluster, run
        from sim.app.running import LIMIT

        async def main() -> Any:
            async with SimulatedCluster(nodes, **cluster) as there:
                await there.converged(timeout=60.0)
                return await scenario(there)

        return run(main, seed=self.seed, limit=LIMIT if limit is None else limit, keep=keep)


@pytest.fixture
def simulated_cluster(request: pytest.FixtureRequest) -> SimulatedClusters:
    """Runs a scenario on a cluster of real nodes, in virtual time: see `sim/plugin.py`."""
    mark = request.node.get_closest_marker("sim_seed")
    if mark is not None and (len(mark.args), mark.kwargs) != (1, {}):
        raise pytest.UsageError("the mark sim_seed takes one number: @pytest.mark.sim_seed(7)")
    seed = getattr(request, "param", mark.args[0] if mark else 0)
    request.node.stash[USED] = seed
    return SimulatedClusters(seed)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--sim-seed`."""
    parser.getgroup("coterie").addoption(
        "--sim-seed",
        metavar="N or A:B",
        help=f"run the tests that use {FIXTURE} with this seed, or with each of A to B-1",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, and refuse seeds that are none before anything is run."""
    _seeds(config)
    config.addinivalue_line("markers", f"sim_seed(seed): the seed of {FIXTURE} in this test")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each seed that was asked for."""
    seeds = _seeds(metafunc.config) if FIXTURE in metafunc.fixturenames else ()
    if seeds:
        names = [f"seed={seed}" for seed in seeds]
        metafunc.parametrize(FIXTURE, seeds, indirect=True, ids=names)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have a failing test tell its seed, and how to see it again."""
    report = yield
    seed = item.stash.get(USED, None)
    if seed is not None and report.failed:
        # The option gives a test another name; without it, the mark, or none, says the same seed.
        option = f"--sim-seed {seed} " if item.config.getoption("sim_seed") is not None else ""
        again = f"pytest {option}{shlex.quote(item.nodeid)}"
        report.sections.append((FIXTURE, f"seed {seed}; again: {again}"))
    return report


def _seeds(config: pytest.Config) -> range:
    """The seeds that were asked for; none when it was left to the tests."""
    text: str | None = config.getoption("sim_seed", None)
    if text is None:
        return range(0)
    first, colon, end = text.partition(":")
    try:
        seeds = range(int(first), int(end) if colon else int(first) + 1)
    except ValueError:
        seeds = range(0)
    if not seeds:
        raise pytest.UsageError(f"--sim-seed is a number or a range like 0:50, not {text!r}")
    return seeds
