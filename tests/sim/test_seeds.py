"""Saved plans: what is written is what is read; and the smallest plan of every bug, for ever."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from sim.canaries import planted
from sim.plan import Plan, PlanError, Step
from sim.runner import play
from sim.seeds import FOLDER, Saved, load, named, toml
from sim.swarm import draw

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / FOLDER).glob("*.json"), *(ROOT / FOLDER).glob("*.toml")])
SAVED = Saved(
    Plan(
        nodes=3,
        seed=-7,
        steps=(
            Step(1.5, "partition", {"groups": [["n0"], ["n1"]], "one_way": True}),
            Step(2.0, "add", {"node": "n2", "name": 'a "b"\n', "element": "\x7fü😀\\"}),
        ),
    ),
    "accurate",
    "abc",
    "deaf",
)


@pytest.mark.parametrize("name", ["plan.json", "deeper/plan.toml"])
def test_what_is_saved_is_what_is_loaded(tmp_path: Path, name: str) -> None:
    SAVED.save(tmp_path / name)
    assert load(tmp_path / name) == SAVED
    assert named(str(tmp_path / name)) == SAVED


def test_toml_is_one_line_a_step() -> None:
    text = toml(SAVED.to_data())
    assert tomllib.loads(text) == SAVED.to_data()
    assert '  {at = 1.5, do = "partition", groups = [["n0"], ["n1"]], one_way = true},' in (
        text.splitlines()
    )


def test_every_drawn_plan_survives_both_formats(tmp_path: Path) -> None:
    for seed in range(20):
        saved = Saved(draw(seed))
        assert Saved.from_data(json.loads(json.dumps(saved.to_data()))) == saved
        assert Saved.from_data(tomllib.loads(toml(saved.to_data()))) == saved


def test_a_number_is_a_seed() -> None:
    assert named("-3") == Saved(draw(-3))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "a plan is a table"),
        ("{", "neither JSON nor"),
        ("\xff", "neither JSON nor"),
        ('{"version": 99}', "version 99"),
        ('{"found": {"words": ""}}', "unknown key 'words'"),
        ('{"found": {"canary": 1}}', "found holds text"),
        ('{"nodes": 0}', "nodes is how many"),
        ('{"nodes": 20000000}', "nodes is at most 8192"),
        ('{"version": true}', "a plan of version True"),
        ('{"seed": ' + 5000 * "1" + "}", "neither JSON nor"),
    ],
)
def test_a_bad_file_is_one_line_with_its_name(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text, "latin-1")
    with pytest.raises(PlanError, match=complaint) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_has_no_end_is_not_read_to_it() -> None:
    with pytest.raises(PlanError, match="/dev/zero: larger than 16777216 bytes"):
        load(Path("/dev/zero"))


def test_a_file_that_is_not_there_is_a_plan_error(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read"):
        load(tmp_path / "none.json")


# What was found once. Without its canary, or once it was repaired, a plan breaks nothing; with its
# canary it breaks what it broke, or the checker has gone blind.


def test_there_are_saved_seeds() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_saved_plan_breaks_nothing_any_more(path: Path) -> None:
    assert play(load(path).plan).violations == ()


@pytest.mark.parametrize(
    "path", [path for path in FILES if load(path).canary], ids=lambda path: path.stem
)
def test_a_saved_plan_breaks_what_it_broke_with_its_canary(path: Path) -> None:
    saved = load(path)
    with planted(saved.canary):
        broken = {violation.invariant for violation in play(saved.plan).violations}
    assert saved.invariant in broken
