"""`coterie sim run`, as its users and its scripts see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from gossip import Peer
from node.command import main
from sim import Simulation
from sim.cli.run import TOLD, UNITS, played
from sim.faults import AMOUNTS, SECONDS, Faults
from sim.plan import Plan
from sim.seeds import Saved


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["sim", "run", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def result(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, out, err = ran(capsys, *arguments, "-o", "json")
    assert (code, err) == (0, "")
    content: dict[str, Any] = json.loads(out)
    return content


def test_json_has_everything_that_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    content = result(capsys, "--nodes", "4", "--seconds", "12", "--seed", "5")
    sim = Simulation(nodes=4, seed=5)
    sim.run(12.0)
    assert content["trace_hash"] == sim.trace_hash
    assert content["messages"] == sim.messages
    assert content["violations"] == []
    assert content["virtual_seconds"] == 12
    assert content["wall_seconds"] > 0
    assert content["converged"] is True


def test_the_table_tells_the_same_to_eyes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(capsys, "--nodes", "3", "--seconds", "10", "--workload")
    assert (code, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["members"] == "3"
    assert lines["violations"] == "none"


def test_flags_are_the_faults_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    flags = "--loss 0.2 --duplicate 0.1 --reorder 0.1 --corrupt 0.1 --delay 0.01".split()
    plain = result(capsys, "--seconds", "5")
    faulty = result(capsys, "--seconds", "5", *flags)
    working = result(capsys, "--seconds", "5", "--workload")
    assert len({each["trace_hash"] for each in (plain, faulty, working)}) == 3
    assert faulty["replay"].endswith(" ".join(flags))
    assert working["replay"].endswith("--seed 0 --workload")
    again = result(capsys, *faulty["replay"].split()[3:])
    assert again["trace_hash"] == faulty["trace_hash"]


def test_every_fault_is_told_with_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(TOLD) == [field.name for field in fields(Faults)]
    assert {name for name, unit in UNITS.items() if unit == "S"} == SECONDS
    assert UNITS.keys() == SECONDS | AMOUNTS
    with pytest.raises(SystemExit, match="0"):
        ran(capsys, "--help")
    text = " ".join(capsys.readouterr().out.split())
    for said in (
        "--loss P it never arrives",
        "--delay S how long every one is on its way",
        "--jitter S what",
        "--bandwidth BYTES/S what gets through",
        "--queue BYTES what waits",
        "--burst_length N how many",
    ):
        assert said in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nodes", "0"],
        ["--nodes", "many"],
        ["--seconds", "-1"],
        ["--seconds", "nan"],
        ["--seed", "x"],
        ["--loss", "1.5"],
        ["--delay", "-1"],
        ["-o", "xml"],
        ["--unheard-of"],
    ],
)
def test_bad_usage_is_one_line_and_ends_with_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    try:
        code, out, err = ran(capsys, *arguments)
    except SystemExit as exit_:  # argparse's way
        captured = capsys.readouterr()
        code, out, err = int(str(exit_.code)), captured.out, captured.err
    assert (code, out) == (2, "")
    assert err.startswith("coterie: ")
    assert err.count("\n") == 1


def test_a_violation_ends_with_one_and_tells_how_to_see_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peer, "digest", lambda peer: peer.name)
    code, out, _ = ran(capsys, "--nodes", "2", "--seconds", "5", "-o", "json")
    assert code == 1
    assert json.loads(out)["violations"][0]["invariant"] == "equal-state"
    code, out, _ = ran(capsys, "--nodes", "2", "--seconds", "5")
    assert code == 1
    assert "coterie sim run --nodes 2 --seconds 5.0 --seed 0" in out


def test_a_run_that_is_stuck_ends_with_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Peer, "wake", lambda peer, now: None)
    code, out, _ = ran(capsys, "--nodes", "2", "--seconds", "30", "-o", "json")
    assert code == 1
    assert json.loads(out)["violations"][0]["invariant"] == "progress"


@pytest.mark.parametrize("options", [["--nodes", "2", "--seconds", "5"], ["--scenario"]])
def test_a_run_that_crashed_ends_with_one(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: list[str],
) -> None:
    def crash(*_: object) -> str:
        raise KeyError("n7")

    Saved(Plan(nodes=2, seconds=5.0)).save(tmp_path / "plan.toml")
    options += [str(tmp_path / "plan.toml")] * (options[0] == "--scenario")
    monkeypatch.setattr(Peer, "digest", crash)
    code, out, err = ran(capsys, *options, "-o", "json")
    assert (code, err) == (1, "")
    result = json.loads(out)
    assert result["violations"][0]["invariant"].startswith("no-crash (KeyError in ")
    assert result["converged"] is False
    code, out, _ = ran(capsys, *options)
    assert code == 1
    assert "seen: KeyError: 'n7' (" in out
    assert f"coterie sim run {' '.join(options)}".partition(" --seconds")[0] in out


def test_watching_the_progress_changes_nothing() -> None:
    lines = list[str]()
    silent, watched = (Simulation(nodes=3, seed=2, boot=False) for _ in range(2))
    assert played(silent, 7.77, None) == played(watched, 7.77, lines.append) == []
    assert silent.trace_hash == watched.trace_hash
    assert silent.now == watched.now == 7.77
    assert lines[-1] == ""  # the line is wiped at the end


def trace_hash(hash_seed: str, *arguments: str) -> str:
    """The trace hash of a fresh process."""
    command = "import sys; from node.command import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", command, "sim", "run", *arguments, "-o", "json"],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
    )
    return str(json.loads(done.stdout)["trace_hash"])


@pytest.mark.slow
def test_fifty_nodes_leave_the_same_trace_in_every_process() -> None:
    arguments = ["--nodes", "50", "--seconds", "60", "--seed", "7"]
    assert trace_hash("0", *arguments) == trace_hash("4242", *arguments)


def test_data_and_faults_leave_the_same_trace_in_every_process() -> None:
    arguments = "--nodes 7 --seconds 40 --seed 3 --workload --loss 0.2 --duplicate 0.1".split()
    arguments += "--reorder 0.2 --corrupt 0.1".split()
    traces = {trace_hash(seed, *arguments) for seed in ("0", "1", "random")}
    assert len(traces) == 1
