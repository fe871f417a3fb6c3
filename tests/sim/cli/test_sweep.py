"""`coterie sim sweep`, as its users and its scripts see it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from node.command import main
from sim.cli import sweep
from sim.cli.sweep import Sweep
from sim.plan import VERSION
from sim.sweep import Row, Rows, UnreachableError, WorkersLostError

BROKEN = {
    "verdict": "broken",
    "invariant": "equal-state",
    "words": "members that have seen the same changes are in the same state",
    "detail": "digest 1, and 2 at n1",
    "node": "n2",
    "time": 12.5,
}


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["sim", "sweep", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def row(seed: int, broken: bool = False) -> Row:
    base = {"version": VERSION, "seed": seed, "verdict": "held", "marks": {"settled": 1}}
    return {**base, **(BROKEN if broken else {}), "messages": 10, "virtual_seconds": 36.0}


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Has seeds played by nobody: these break, and this is raised at the end."""

    def fake(*broken: int, error: BaseException | None = None) -> list[int]:
        played: list[int] = []

        def here(work: Iterable[Sequence[int]], jobs: int, *, go_on: bool) -> Rows:
            for seeds in work:
                played.extend(seeds)
                yield [row(seed, seed in broken) for seed in seeds]
            if error is not None:
                raise error

        monkeypatch.setattr(sweep, "here", here)
        monkeypatch.setattr(sweep, "there", here_at(here))
        return played

    def here_at(here: Callable[..., Rows]) -> Callable[..., Rows]:
        return lambda work, address, jobs, *, go_on: here(work, jobs, go_on=go_on)

    return fake


def test_real_seeds_in_real_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.jsonl"
    code, text, err = ran(
        capsys, "--seeds", "1:4", "--jobs", "2", "--keep-going", "--out", str(out), "-o", "json"
    )
    content = json.loads(text)
    assert err == ""
    assert content["seeds"] == 3
    assert code == bool(content["failures"])
    assert content["marks"]["did increment"] > 0
    assert content["virtual_seconds"] > 30
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(each["seed"] for each in rows) == [1, 2, 3]


def test_all_well(play: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]) -> None:
    played = play()
    code, text, err = ran(capsys, "--seeds", "0:100", "--jobs", "2")
    assert (code, err) == (0, "")
    assert played == list(range(100))
    assert text.startswith("100 seeds, 0 failed: 1.0 virtual hours, 1,000 datagrams in ")
    assert "met: settled 100\n" in text
    assert "never met: did crash, " in text


def test_it_ends_at_the_first_failure_with_one_line(
    play: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    played = play(7, 60)
    code, text, _ = ran(capsys, "--seeds", "0:100", "--jobs", "2")
    assert code == 1
    assert max(played) < 60
    assert text.splitlines()[0] == (
        "equal-state is broken at n2, 12.500 s: members that have seen the same changes are in the "
        "same state; seen: digest 1, and 2 at n1; replay: coterie sim replay --seed 7"
    )


def test_it_can_go_on(play: Callable[..., list[int]], capsys: pytest.CaptureFixture[str]) -> None:
    play(7, 60)
    code, text, _ = ran(capsys, "--seeds", "0:100", "--keep-going", "-o", "json")
    assert code == 1
    content = json.loads(text)
    assert [each["seed"] for each in content["failures"]] == [7, 60]
    assert (content["seeds"], content["interrupted"]) == (100, False)


def test_it_ends_when_the_time_is_up(
    play: Callable[..., list[int]], capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    played = play()
    monkeypatch.setattr(sweep, "perf_counter", count(0.0, 10.0).__next__)
    code, text, _ = ran(capsys, "--seeds", "0:1000", "--jobs", "2", "--wall-seconds", "90")
    assert code == 0
    assert 0 < len(played) < 200
    assert text.startswith(f"{len(played)} seeds, 0 failed: ")


def test_a_sweep_is_gone_on_with(
    play: Callable[..., list[int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "rows.jsonl")
    play()
    ran(capsys, "--seeds", "0:30", "--out", out)
    played = play(35)
    code, text, _ = ran(
        capsys, "--seeds", "0:40", "--out", out, "--resume", "--keep-going", "-o", "json"
    )
    assert code == 1
    assert played == list(range(30, 40))
    assert json.loads(text)["seeds"] == 40
    played = play()
    assert ran(capsys, "--seeds", "0:40", "--out", out, "--resume")[0] == 1  # what it had is known
    assert played == []
    ran(capsys, "--seeds", "0:2", "--out", out)
    assert len(Path(out).read_text().splitlines()) == 2


@pytest.mark.parametrize("cut", [1, 15, 60, 0])
def test_a_sweep_that_was_killed_is_gone_on_with(
    play: Callable[..., list[int]], tmp_path: Path, capsys: pytest.CaptureFixture[str], cut: int
) -> None:
    out = tmp_path / "rows.jsonl"
    play()
    ran(capsys, "--seeds", "0:3", "--out", str(out))
    whole = out.read_bytes()
    out.write_bytes(whole + whole.splitlines()[0][:cut] if cut else whole[:-1])
    played = play()
    assert ran(capsys, "--seeds", "0:4", "--out", str(out), "--resume")[::2] == (0, "")
    assert played == [3]
    assert [json.loads(line)["seed"] for line in out.read_text().splitlines()] == [0, 1, 2, 3]


def test_ctrl_c_leaves_what_was_found(
    play: Callable[..., list[int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    play(error=KeyboardInterrupt())
    code, text, err = ran(capsys, "--seeds", "0:10", "--out", str(out))
    assert (code, err) == (130, "")
    assert text.startswith("10 seeds, 0 failed, interrupted: ")
    assert len(out.read_text().splitlines()) == 10
    play(3, error=KeyboardInterrupt())
    assert ran(capsys, "--seeds", "0:10", "--keep-going")[0] == 1


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ("--seeds 7", "--seeds is A:B, from A up to but without B, not '7'"),
        ("--seeds a:b", "--seeds is A:B"),
        ("--seeds 7:7", "--seeds 7:7: there is none from 7 up to 7"),
        ("--seeds 7:3", "there is none from 7 up to 3"),
        ("--seeds 0:99999999999999999999999", "these are more than 100,000,000"),
        ("--seeds 0:3 --jobs 0", "--jobs is a number of processes, from 1, not 0"),
        ("--seeds 0:3 --wall-seconds -1", "--wall-seconds is a time to play, not -1"),
        ("--seeds 0:3 --wall-seconds nan", "--wall-seconds is a time to play, not nan"),
        ("--seeds 0:3 --resume", "--resume goes on with a file; --out names it"),
        ("--seeds 0:3 --out /nowhere/at/all", "/nowhere/at/all: cannot be written (No such file"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    capsys: pytest.CaptureFixture[str], flags: str, sentence: str
) -> None:
    code, out, err = ran(capsys, *flags.split())
    assert (code, out) == (2, "")
    assert err.startswith("coterie: ")
    assert sentence in err
    assert err.endswith("; try: coterie sim sweep --help\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nonsense", "line 1 is not of a sweep"),
        ("{}", "line 1 is not of a sweep"),
        ("3", "line 1 is not of a sweep"),
        ('{"version": 1, "seed": "x"}', "line 1 is not of a sweep"),
        ('{"version": 1, "seed": 1}', "line 1 is not of a sweep"),
        ('{"version": 0, "seed": 1, "verdict": "held"}', "line 1 is of version 0, this is"),
    ],
)
def test_a_file_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, sentence: str
) -> None:
    out = tmp_path / "rows.jsonl"
    out.write_text(line)
    code, _, err = ran(capsys, "--seeds", "0:3", "--out", str(out), "--resume")
    assert code == 2
    assert sentence in err
    assert out.read_text() == line


def test_what_is_no_text_is_no_file_of_a_sweep(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(b"\xff\xfe")
    for name, sentence in (("rows.jsonl", "line 1 is not of a"), (".", "cannot be read (Is a")):
        out = str(tmp_path / name)
        code, _, err = ran(capsys, "--seeds", "0:3", "--out", out, "--resume")
        assert (code, err.count("\n")) == (2, 1)
        assert sentence in err


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UnreachableError("no Dask cluster can be used at x: no"), 3, "at x: no; try: its sch"),
        (ModuleNotFoundError("no", name="distributed"), 2, "try: pip install 'coterie[dask]'"),
        (WorkersLostError("a worker ended by itself"), 1, "a worker ended by itself; try:"),
    ],
)
def test_workers_that_are_not_there_are_one_line(
    play: Callable[..., list[int]],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    sentence: str,
) -> None:
    play(error=error)
    ended, out, err = ran(capsys, "--seeds", "0:3", "--dask", "tcp://127.0.0.1:1")
    assert (ended, out) == (code, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_progress_says_how_far_and_how_long() -> None:
    known = Sweep(go_on=True)
    assert known.progress(100, 1.0) == "0 of 100 seeds, 0.0 a second, none violated, 0 s left"
    known.follow(iter_rows(), StringIO(), 100, tty=False)
    assert known.progress(100, 4.0) == "20 of 100 seeds, 5.0 a second, 1 violated, 16 s left"


def iter_rows() -> Rows:
    yield [row(seed, seed == 3) for seed in range(20)]


def test_what_broke_without_a_node_is_said_too() -> None:
    crashed: dict[str, Any] = {"invariant": "no-crash", "words": "nothing raises", "seed": 3}
    assert sweep.failure({**crashed, "detail": "KeyError: 'n7'"}) == (
        "no-crash is broken: nothing raises; seen: KeyError: 'n7'; replay: coterie sim replay "
        "--seed 3"
    )
