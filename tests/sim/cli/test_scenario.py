"""`coterie sim run --scenario`: a plan in a file, and every file that is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.command import main

PLAN = """
nodes = 3
seconds = 8
faults = {loss = 0.1}
timing = {probe_interval = 0.5, probe_timeout = 0.2}
steps = [
  {at = 3, do = "crash", node = "n2"},
  {at = 1, do = "add", node = "n0", name = "cart", element = "milk"},
]
"""


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["sim", "run", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_file_says_everything_but_the_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    code, out, err = ran(capsys, "--scenario", str(path), "--seed", "5", "-o", "json")
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert (content["nodes"], content["virtual_seconds"], content["seed"]) == (3, 8, 5)
    assert content["violations"] == []
    assert content["replay"] == f"coterie sim run --scenario {path} --seed 5"
    again = json.loads(ran(capsys, *content["replay"].split()[3:], "-o", "json")[1])
    assert again["trace_hash"] == content["trace_hash"]
    other = json.loads(ran(capsys, "--scenario", str(path), "-o", "json")[1])
    assert other["trace_hash"] != content["trace_hash"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("nodes = 3", "nodes = 0"), "nodes is how many there are, from 1, not 0"),
        (("nodes = 3", "node = 3"), "a plan: unknown key 'node'; known are"),
        (("nodes = 3", "version = 7"), "a plan of version 7: this is version 1"),
        (("seconds = 8", "seconds = -8"), "seconds is a number of seconds from 0, not -8"),
        (("loss = 0.1", "los = 0.1"), "faults: unknown key 'los'; known are"),
        (("loss = 0.1", "loss = 1.5"), "faults: loss is a probability in 0..1, not 1.5"),
        (("probe_interval", "probing"), "timing: unknown key 'probing'; known are"),
        (("timeout = 0.2", "timeout = 2"), "timing: probe_timeout must be shorter than"),
        (("at = 3", "at = -3"), "step 1 (at -3, crash): at is a number of seconds from 0, not -3"),
        (("at = 3, ", ""), "step 1 says when (at) and what (do), and this does not"),
        (('"crash"', '"burn"'), "step 1 (at 3, burn): there is no such action; there are crash, "),
        (('"n2"', '"n3"'), "step 1 (at 3, crash): crash: node: there is no node 'n3'"),
        (("element =", "elements ="), "step 2 (at 1, add): add: unknown argument 'elements'"),
        (('element = "milk"', ""), "TOML"),
        ((', element = "milk"', ""), "step 2 (at 1, add): add needs element"),
        (
            ('do = "crash", node = "n2"', 'do = "partition", groups = [["n0"], ["n0"]]'),
            "step 1 (at 3, partition): partition: groups: n0 is in two groups",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], sentence: str
) -> None:
    path = tmp_path / "plan.toml"
    assert PLAN.count(change[0]) == 1
    path.write_text(PLAN.replace(*change))
    code, out, err = ran(capsys, "--scenario", str(path))
    assert (code, out) == (2, "")
    assert err.startswith(f"coterie: {path}: ")
    assert sentence in err
    assert err.endswith("; try: one of examples/scenarios\n")
    assert err.count("\n") == 1


def test_a_file_that_is_not_there_or_not_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.toml"
    for content in (None, b"", b"\xff\xfe", b"steps = {", b"steps = 1"):
        if content is not None:
            path.write_bytes(content)
        code, _, err = ran(capsys, "--scenario", str(path))
        assert (code, err.count("\n")) == ((0, 0) if content == b"" else (2, 1)), content
    assert ran(capsys, "--scenario", str(tmp_path))[0] == 2


@pytest.mark.parametrize("flag", ["--nodes 4", "--seconds 9", "--loss 0.5", "--workload"])
def test_what_the_file_says_is_not_said_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    code, _, err = ran(capsys, "--scenario", str(path), *flag.split())
    assert code == 2
    assert f"{flag.split(maxsplit=1)[0]} and --scenario: the file says that" in err


def test_who_agrees_at_the_end_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("nodes = 3\nseconds = 3\nsettle = 30\n")
    seen = set[int]()
    for seed in range(4):
        arguments = ["--scenario", str(path), "--seed", str(seed)]
        content = json.loads(ran(capsys, *arguments, "-o", "json")[1])
        core = content["core"]
        table = ran(capsys, *arguments)[1]
        assert content["converged"] == (len(core) == 3)
        assert "converged     yes: " in table
        assert (f"{', '.join(core)} do, and the others were cut off" in table) == (len(core) == 2)
        seen.add(len(core))
    assert seen == {2, 3}
