"""`coterie sim replay`, `shrink` and `diff`: from a failure to the smallest plan and its story."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gossip.members.membership import Membership
from node.command import main
from sim.cli import shrink
from sim.cli.shrink import Bar
from sim.plan import Plan, Step
from sim.runner import play
from sim.seeds import Saved, load
from sim.shrink import Shrinker
from sim.swarm import draw

DOCS = Path(__file__).parents[3] / "docs" / "simulation.md"
NUMBERS = "no one two three four five six seven eight nine ten".split()

Captured = pytest.CaptureFixture[str]
CANARY, SEED, INVARIANT = "lost-write", 2, "kept"


def ran(capsys: Captured, *arguments: str) -> tuple[int, str, str]:
    try:
        code = main(["sim", *arguments])
    except SystemExit as exit_:  # argparse's way
        code = int(str(exit_.code))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def failing(tmp_path: Path) -> str:
    path = tmp_path / "failing.json"
    Saved(draw(SEED), canary=CANARY).save(path)
    return str(path)


@pytest.fixture
def sound(tmp_path: Path) -> str:
    plan = Plan(nodes=2, seconds=3.0, steps=(Step(2.0, "crash", {"node": "n1"}),))
    Saved(plan, "accurate", play(plan).trace_hash).save(tmp_path / "sound.toml")
    return str(tmp_path / "sound.toml")


def test_a_seed_with_a_canary_is_told_with_its_story_and_its_command(capsys: Captured) -> None:
    code, out, err = ran(capsys, "replay", "--seed", str(SEED), "--canary", CANARY, "--story", "3")
    assert (code, err) == (1, "")
    first, *story, last = out.splitlines()
    assert first.startswith(f"{INVARIANT} is broken at n")
    command = f"coterie sim replay --seed {SEED} --canary {CANARY}"
    assert first.endswith(f"replay: {command}")
    assert len(story) == 3
    assert last.startswith("trace hash ")
    assert ran(capsys, *command.split()[2:], "--story", "3")[1] == out


def test_a_saved_run_is_the_same_or_it_says_that_it_is_not(capsys: Captured, sound: str) -> None:
    code, out, _ = ran(capsys, "replay", sound)
    assert code == 0
    assert out.startswith("every invariant held, to 3 s; accurate was broken when it was saved\n")
    assert out.endswith(", as saved: the same run, event by event\n")
    Saved(load(Path(sound)).plan, trace_hash="abc").save(Path(sound))
    assert "saved was abc" in ran(capsys, "replay", sound)[1]


def test_json_has_the_story_of_every_violation(capsys: Captured, failing: str, sound: str) -> None:
    code, out, _ = ran(capsys, "replay", failing, "-o", "json", "--story", "4")
    result = json.loads(out)
    assert code == 1
    assert result["violations"][0]["invariant"] == INVARIANT
    assert len(result["violations"][0]["story"]) == 4
    assert result["same"] is None
    assert json.loads(ran(capsys, "replay", sound, "-o", "json")[1])["same"] is True


def test_shrink_saves_a_small_plan_that_replays(
    capsys: Captured, tmp_path: Path, failing: str
) -> None:
    small = tmp_path / "small.json"
    code, out, err = ran(capsys, "shrink", failing, "--out", str(small))
    assert (code, err) == (0, "")
    saved = load(small)
    assert (saved.invariant, saved.canary) == (INVARIANT, CANARY)
    assert len(saved.plan.steps) <= 10
    copy = tmp_path / "printed.toml"
    copy.write_text(out)
    assert load(copy) == saved
    assert out.rstrip().endswith(f"coterie sim replay {small}")
    code, out, _ = ran(capsys, "replay", str(small))
    assert code == 1
    assert "as saved: the same run" in out


def test_shrink_saves_before_it_tells(
    capsys: Captured, tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise BrokenPipeError

    small = tmp_path / "small.json"
    monkeypatch.setattr(shrink, "show", closed)
    monkeypatch.setattr("node.command.drop_output", lambda: None)
    assert ran(capsys, "shrink", failing, "--budget", "0.01", "--out", str(small))[0] == 0
    assert load(small).invariant == INVARIANT


def test_what_cannot_be_saved_is_printed_all_the_same(
    capsys: Captured, tmp_path: Path, failing: str
) -> None:
    small = tmp_path / "small.json" / "below.json"
    (tmp_path / "small.json").write_text("")
    code, out, err = ran(capsys, "shrink", failing, "--budget", "0.01", "--out", str(small))
    assert code == 2
    assert "steps became" in out
    assert err.startswith(f"coterie: {small}: cannot be written (")
    assert err.count("\n") == 1


def test_shrink_saves_beside_the_other_seeds_unless_told_otherwise(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["shrink", "--seed", str(SEED), "--canary", CANARY, "--budget", "0.01"]
    code, out, _ = ran(capsys, *arguments)
    assert code == 0
    assert "the time was over before everything was tried" in out
    assert load(tmp_path / f"tests/seeds/{CANARY}-{INVARIANT}-{SEED}.json").invariant == INVARIANT


def test_a_crash_is_replayed_with_its_traceback_and_shrinks(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyError("n7")

    monkeypatch.setattr(Membership, "_fail", crash)
    monkeypatch.chdir(tmp_path)
    plan = Plan(nodes=3, seconds=30.0, steps=(Step(5.0, "crash", {"node": "n2"}),))
    Saved(plan).save(tmp_path / "crash.toml")
    code, out, err = ran(capsys, "replay", "crash.toml", "--story", "2")
    first, *story, last = out.splitlines()
    assert (code, len(story)) == (1, 2)
    name = first.partition(" is broken at ")[0]
    assert name.startswith("no-crash (KeyError in gossip.members.membership.Membership.")
    assert "KeyError: 'n7'" in first
    assert first.endswith("replay: coterie sim replay crash.toml")
    assert last.startswith("trace hash ")
    assert err.startswith("Traceback ")
    code, out, _ = ran(capsys, "shrink", "crash.toml")
    assert code == 0
    (path,) = (tmp_path / "tests/seeds").iterdir()
    assert path.name.startswith("no-crash-KeyError-in-gossip.members.membership.Membership.")
    assert load(path).invariant == name
    code, out, _ = ran(capsys, *out.rpartition("coterie sim ")[2].split())
    assert code == 1
    assert "as saved: the same run" in out


def test_a_plan_that_breaks_nothing_cannot_shrink(capsys: Captured, sound: str) -> None:
    code, out, err = ran(capsys, "shrink", sound)
    assert (code, out) == (1, "")
    assert err == "coterie: accurate held: there is nothing to shrink\n"


def test_the_bar_says_how_far_it_is(capsys: Captured) -> None:
    plan = draw(SEED)
    shrinker = Shrinker(plan, None, lambda plan: None, budget=60.0)  # type: ignore[arg-type]
    Bar().say(shrinker)
    err = capsys.readouterr().err
    assert "[....................] 0 of 60 s" in err
    assert f"{len(plan.steps)} steps" in err


def test_diff_finds_nothing_in_equal_runs(capsys: Captured, sound: str) -> None:
    code, out, _ = ran(capsys, "diff", sound, sound)
    assert code == 0
    assert out.startswith("equal: ")


def test_diff_shows_where_a_step_makes_the_difference(
    capsys: Captured, tmp_path: Path, sound: str
) -> None:
    Saved(Plan(nodes=2, seconds=3.0)).save(tmp_path / "other.json")
    code, out, _ = ran(capsys, "diff", sound, str(tmp_path / "other.json"), "--before", "2")
    assert code == 1
    first, *lines = out.splitlines()
    assert first.startswith("the runs differ from event ")
    marked = [line for line in lines if line.startswith("> ")]
    assert len(marked) == 2
    assert marked[0].endswith("2.000 s n1: crashed")
    assert len(lines) == 2 + 2 * 3


def test_diff_plants_a_canary_in_the_second_run_alone(capsys: Captured, sound: str) -> None:
    code, out, _ = ran(capsys, "diff", sound, sound, "--canary", "same-nonce")
    assert code == 1
    assert out.startswith("the runs differ from event ")
    assert out.endswith("the last events read the same, and their bytes differ\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay"],
        ["replay", "none.json"],
        ["replay", "--seed", "x"],
        ["replay", "--seed", "1", "none.json"],
        ["replay", "--seed", "1", "--canary", "dodo"],
        ["replay", "--seed", "1", "--story", "-1"],
        ["shrink", "none.json"],
        ["shrink", "--seed", "1", "--budget", "0"],
        ["shrink", "--seed", "1", "--budget", "nan"],
        ["shrink", "--seed", "1", "--canary", "dodo"],
        ["shrink", "--seed", "1", "--out", "."],
        ["diff", "1"],
        ["diff", "1", "none.json"],
        ["diff", "1", "1", "--before", "-1"],
        ["diff", "1", "1", "--canary", "dodo"],
    ],
)
def test_bad_input_is_one_line_and_ends_with_two(capsys: Captured, arguments: list[str]) -> None:
    code, out, err = ran(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("coterie: ")
    assert err.count("\n") == 1


def test_the_bug_of_the_docs_is_as_they_tell(capsys: Captured, tmp_path: Path) -> None:
    text = " ".join(DOCS.read_text("utf-8").split())
    assert f"coterie sim shrink --seed {SEED} --canary {CANARY}" in text
    small = str(tmp_path / "small.json")
    ran(capsys, "shrink", "--seed", str(SEED), "--canary", CANARY, "--out", small)
    plan, left = draw(SEED), load(Path(small)).plan
    assert (
        f"Here {len(plan.steps)} steps and {NUMBERS[plan.nodes]} nodes become "
        f"{NUMBERS[len(left.steps)]} writes and {NUMBERS[left.nodes]} nodes"
    ) in text
    story = ran(capsys, "replay", small)[1]
    (told,) = re.findall(r"```text\n(kept .*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    for line in told.splitlines():
        assert line.rstrip(" …") in story
