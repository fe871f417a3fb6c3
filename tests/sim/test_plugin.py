"""The pytest plugin, in suites of its own: with pytest as it comes, and under pytest-trio."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

SUITE = """
import pytest

async def scenario(cluster):
    cluster["n0"].counter("visits").increment()
    await cluster.converged(timeout=10)
    return cluster.seed, cluster["n2"].counter("visits").value

def test_passes(simulated_cluster):
    assert simulated_cluster(scenario, nodes=3).value == (simulated_cluster.seed, 1)

@pytest.mark.sim_seed(5)
def test_has_a_seed_of_its_own(simulated_cluster):
    assert simulated_cluster(scenario).value == (5, 1)

def test_fails_on_odd_seeds(simulated_cluster):
    async def fails(cluster):
        assert cluster.seed % 2 == 0
    simulated_cluster(fails)

def test_needs_no_cluster():
    pass
"""


def suite(directory: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a suite of its own, as somebody who installed coterie would."""
    (directory / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -ra\n")
    (directory / "test_suite.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("options", [[], ["-p", "no:trio"], ["-o", "trio_mode=true"]])
def test_the_fixture_works_with_and_without_pytest_trio(tmp_path: Path, options: list[str]) -> None:
    done = suite(tmp_path, SUITE, *options)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_a_failing_test_tells_its_seed_and_how_to_see_it_again(tmp_path: Path) -> None:
    done = suite(tmp_path, SUITE, "--sim-seed", "7")
    assert done.returncode == 1
    test = "'test_suite.py::test_fails_on_odd_seeds[seed=7]'"
    assert f"seed 7; again: pytest --sim-seed 7 {test}" in done.stdout
    assert "simulated: seed 7, 0.050 virtual seconds" in done.stdout
    assert "test_has_a_seed_of_its_own[seed=7]" in done.stdout, "the option goes before the mark"


@pytest.mark.parametrize("options", [[], ["--sim-seed", "7"], ["--sim-seed", "5:8"]])
def test_the_command_that_a_failure_tells_brings_it_back(
    tmp_path: Path, options: list[str]
) -> None:
    text = """
import pytest

@pytest.mark.sim_seed(7)
@pytest.mark.parametrize("word", ["milk and 'eggs'", "flour"])
def test_fails(simulated_cluster, word):
    assert simulated_cluster.seed != 7 or word == "flour"
"""
    done = suite(tmp_path, text, *options)
    (command,) = re.findall(r"seed 7; again: pytest (.*)", done.stdout)
    again = suite(tmp_path, text, *shlex.split(command))
    assert "1 failed" in again.stdout
    assert "seed 7; again: " in again.stdout


@pytest.mark.parametrize("mark", ["", "1, 2", "seed=3"])
def test_a_mark_without_a_number_is_refused(tmp_path: Path, mark: str) -> None:
    text = f"""
import pytest

@pytest.mark.sim_seed({mark})
def test_it(simulated_cluster):
    pass
"""
    done = suite(tmp_path, text)
    assert "the mark sim_seed takes one number" in done.stdout


def test_a_range_of_seeds_runs_each_simulated_test_with_each(tmp_path: Path) -> None:
    done = suite(tmp_path, SUITE, "--sim-seed", "0:4", "-k", "not own")
    assert "2 failed, 7 passed" in done.stdout, done.stdout
    for seed in (1, 3):
        assert f"FAILED test_suite.py::test_fails_on_odd_seeds[seed={seed}]" in done.stdout


@pytest.mark.parametrize("seeds", ["seven", "4:4", "1:2:3"])
def test_seeds_that_are_none_are_refused_before_anything_runs(tmp_path: Path, seeds: str) -> None:
    done = suite(tmp_path, SUITE, "--sim-seed", seeds)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"--sim-seed is a number or a range like 0:50, not '{seeds}'" in done.stderr


def test_an_async_test_is_told_to_be_a_plain_function(tmp_path: Path) -> None:
    text = "async def test_it(simulated_cluster):\n    simulated_cluster(lambda cluster: None)\n"
    done = suite(tmp_path, text, "-o", "trio_mode=true")
    assert "begin it in a plain function" in done.stdout


def test_a_suite_without_clusters_loads_nothing_of_ours_but_the_plugin(tmp_path: Path) -> None:
    text = """
import sys

def test_nothing_is_there():
    ours = {name for name in sys.modules if name.split(".")[0] in ("crdt", "gossip", "node", "sim")}
    assert ours == {"sim", "sim.plugin"}
"""
    done = suite(tmp_path, text)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_example_of_an_application_passes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "examples/reservation", "--sim-seed", "0:5"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "10 passed" in done.stdout, done.stdout + done.stderr
