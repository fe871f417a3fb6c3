"""`coterie sim report`, as its users see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.command import main
from sim.plan import Plan
from sim.runner import play


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["sim", "report", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "page.html"


def test_a_plain_run_is_that_of_sim_run(capsys: pytest.CaptureFixture[str], out: Path) -> None:
    flags = "--nodes 3 --seconds 5 --seed 4 --loss 0.1 --workload".split()
    assert ran(capsys, *flags, "-o", str(out)) == (0, f"{out}\n", "")
    assert main(["sim", "run", *flags, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["trace_hash"] in out.read_text("utf-8")
    assert "coterie sim report --seed 4 --nodes 3 --seconds 5.0 --loss 0.1 --workload" in (
        out.read_text("utf-8")
    )


@pytest.mark.parametrize("flag", ["--burst_length", "--burst-length"])
def test_a_flag_of_two_words_is_written_either_way(
    capsys: pytest.CaptureFixture[str], out: Path, flag: str
) -> None:
    flags = [*"--nodes 3 --seconds 5 --burst 0.1".split(), flag, "3"]
    assert ran(capsys, *flags, "-o", str(out)) == (0, f"{out}\n", "")
    assert main(["sim", "run", *flags, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["trace_hash"] in out.read_text("utf-8")


@pytest.mark.parametrize("flag", [[], ["--scenario"]])
def test_a_plan_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, out: Path, flag: list[str]
) -> None:
    plan, file = Plan(nodes=2, seconds=3.0, seed=9), tmp_path / "plan.json"
    file.write_text(json.dumps(plan.to_data()), "utf-8")
    assert ran(capsys, *flag, str(file), "-o", str(out)) == (0, f"{out}\n", "")
    assert play(plan).trace_hash in out.read_text("utf-8")


def test_a_seed_is_the_plan_that_is_drawn_from_it(
    capsys: pytest.CaptureFixture[str], out: Path
) -> None:
    from sim.swarm import draw

    code, printed, _ = ran(capsys, "--seed", "3", "-o", str(out))
    assert (code, printed) == (0, f"{out}\n")
    assert play(draw(3)).trace_hash in out.read_text("utf-8")


def test_a_broken_invariant_ends_with_one_and_has_its_page(
    capsys: pytest.CaptureFixture[str], out: Path
) -> None:
    code, printed, said = ran(capsys, "--canary", "plaintext", "-o", str(out))
    assert (code, printed) == (1, f"{out}\n")
    assert said.startswith("coterie: secret is broken at n")
    assert '"invariant":"secret"' in out.read_text("utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nodes", "0"],
        ["--seconds", "nan"],
        ["--loss", "2"],
        ["--canary", "unheard-of", "--nodes", "2"],
        ["--canary", "set-order"],
        ["nowhere.toml"],
        ["plan.toml", "--seed", "3"],
        ["plan.toml", "--nodes", "3"],
        ["plan.toml", "--scenario", "plan.toml"],
        ["--nodes", "2", "-o", "/no/such/folder/page.html"],
        ["--nodes", "2", "--seconds", "1", "-o", "/proc/page.html"],
    ],
)
def test_bad_input_is_one_line_and_ends_with_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    code, printed, said = ran(capsys, *arguments)
    assert (code, printed) == (2, "")
    assert said.startswith("coterie: ")
    assert said.count("\n") == 1
