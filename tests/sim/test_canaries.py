"""Every canary makes a run fail with its invariant, and leaves nothing behind."""

from __future__ import annotations

import json

import pytest

from node.command import main
from sim import SimError, Simulation
from sim.canaries import CANARIES, DETERMINISTIC, planted
from sim.invariants import INVARIANTS


@pytest.mark.parametrize("name", CANARIES)
def test_a_canary_ends_a_run_with_its_invariant(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["sim", "run", "--canary", name, "-o", "json"])
    result = json.loads(capsys.readouterr().out)
    assert code == 1
    assert CANARIES[name].invariant in [found["invariant"] for found in result["violations"]]
    assert result["replay"].endswith(f"--canary {name}")


def test_the_list_says_what_each_one_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "run", "--canary", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*CANARIES]
    assert all(canary.words.endswith(".") for canary in CANARIES.values())
    known = {invariant.name for invariant in (*INVARIANTS, DETERMINISTIC)}
    assert {canary.invariant for canary in CANARIES.values()} <= known


def test_canaries_are_listed_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "run", "--canary", "list", "-o", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)["canaries"]
    assert [bird["name"] for bird in listed] == [*CANARIES]


@pytest.mark.parametrize("name", CANARIES)
def test_a_canary_shows_among_few_or_says_how_many_it_needs(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    few = CANARIES[name].nodes
    assert main(["sim", "run", "--nodes", str(few - 1), "--canary", name]) == 2
    assert f"shows among {few} nodes or more, not among {few - 1}" in capsys.readouterr().err
    assert main(["sim", "run", "--nodes", str(few), "--canary", name]) == 1


def test_a_canary_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "run", "--canary", "budgie"]) == 2
    assert "there is no canary 'budgie'" in capsys.readouterr().err
    with pytest.raises(SimError), planted("budgie"):
        pass


def healthy() -> str:
    sim = Simulation(nodes=3, seed=1)
    sim.run(5.0)
    sim.check()
    return sim.trace_hash


def test_nothing_of_a_canary_stays() -> None:
    before = healthy()
    for name in CANARIES:
        with planted(name), pytest.raises(ZeroDivisionError):
            raise ZeroDivisionError
    assert healthy() == before
