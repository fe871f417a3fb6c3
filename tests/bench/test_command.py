"""`coterie bench` prints figures that a person and a program can read; it judges none of them."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from importlib import import_module

import pytest

from bench import channel, crdt, crdt_member, measure
from bench.asker import Asker
from bench.command import TOPICS, add, aligned, rounded
from bench.measure import RUNS, Beside, Figure, in_turns, rates
from gossip import Address
from tests.bench import libraries


def bench(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    args = parser.parse_args(["bench", *words])
    code: int = args.run(args)
    return code


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little of everything that the topic `crdt` takes a moment."""
    monkeypatch.setattr(crdt, "ENTRIES", 1000)
    monkeypatch.setattr(crdt_member, "WRITES", 200)
    monkeypatch.setattr(measure, "RUNS", 1)


@pytest.mark.usefixtures("few")
def test_json_on_stdout_and_progress_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    libraries.install(monkeypatch)
    assert bench("crdt", "-o", "json") == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert set(answer["machine"]) == {"python", "system", "cores"}
    figures = {figure["what"]: figure for figure in answer["figures"]}
    assert len(figures) == len(answer["figures"]) == 28
    for figure in figures.values():
        assert figure["topic"] == "crdt"
        assert 0 < figure["low"] <= figure["value"] <= figure["high"]
        for beside in figure["beside"]:
            assert 0 < beside["low"] <= beside["value"] <= beside["high"]
            assert beside["ratio"] > 0
    put, *_ = figures.values()
    assert [beside["peer"] for beside in put["beside"]] == ["pycrdt"]
    assert put["bar"] == "≥ 1.5× pycrdt (target 3×)"
    assert printed.err.count("crdt: ") == 16


@pytest.mark.usefixtures("few")
def test_every_bar_is_that_of_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries.uninstall(monkeypatch)
    measured = {figure.what for figure in crdt.measure(lambda _: None)}
    smaller = {bar.replace("100,000", "1,000").replace("10,000", "100") for bar in crdt.BARS}
    assert smaller <= measured


@pytest.mark.usefixtures("few")
def test_other_libraries_have_their_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    libraries.install(monkeypatch)
    assert bench("crdt") == 0
    heading, put, *_ = capsys.readouterr().out.splitlines()
    assert heading.split()[-3:] == ["pycrdt", "loro", "bar"]
    assert re.search(r" writes/s +[\d,]+ \([\d.]+×\) +≥ 1\.5× pycrdt", put)
    assert libraries.Doc.updates == 1000  # of every single put
    assert libraries.LoroDoc.commits > 1000  # of every increment, and of some maps


@pytest.mark.usefixtures("few")
def test_what_is_not_installed_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    libraries.uninstall(monkeypatch)
    assert bench("crdt") == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[-3:] == ["pycrdt", "loro", "bar"]
    assert sum("not installed" in line for line in lines) == 12
    assert not any(re.search(r"\d \([\d.]+×\)", line) for line in lines)


def test_a_table_without_a_terminal_is_plain_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(channel, "DATAGRAMS", 50)
    assert bench("channel") == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["topic", "what", "median", "lowest", "highest", "unit"]
    assert len(lines) == 3
    assert all(line.startswith("channel  ") and line.endswith("datagrams/s") for line in lines)


def test_an_unknown_topic_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench("nonsense")
    assert ended.value.code == 2
    assert "nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_its_module(topic: str) -> None:
    assert callable(import_module(f"bench.{topic}").measure)


def test_the_median_is_told_with_its_extremes() -> None:
    figure = Figure.of("t", "w", [5.0, 1.0, 3.0], "u")
    assert (figure.low, figure.value, figure.high) == (1.0, 3.0, 5.0)


def test_ratios_are_those_of_the_same_turn() -> None:
    beside = Beside.of("other", [1.0, 20.0, 3.0], [2.0, 10.0, 1.0])
    assert (beside.low, beside.value, beside.high) == (1.0, 2.0, 10.0)
    assert beside.ratio == 2.0  # of 0.5, 2 and 3: not the ratio of the medians


def test_contestants_take_turns_on_something_fresh() -> None:
    done: list[str] = []

    def contestant(name: str) -> Callable[[], Callable[[], object]]:
        def prepare() -> Callable[[], object]:
            done.append(f"prepare {name}")
            return lambda: done.append(f"run {name}")

        return prepare

    taken = in_turns({name: contestant(name) for name in "ab"})
    assert [len(samples) for samples in taken.values()] == [RUNS, RUNS]
    assert done == ["prepare a", "run a", "prepare b", "run b"] * RUNS


def test_each_run_works_on_something_fresh() -> None:
    prepared: list[list[int]] = []

    def prepare() -> Callable[[int], object]:
        prepared.append([])
        return prepared[-1].append

    assert len(rates(prepare, 3)) == RUNS
    assert prepared == [[0, 1, 2]] * RUNS


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (0.0625, "0.0625"),
        (28.51, "28.5"),
        (99.99, "100"),
        (144.4, "144"),
        (212345.6, "212,000"),
        (-1234.0, "-1,230"),
    ],
)
def test_figures_are_rounded_to_three_digits(number: float, text: str) -> None:
    assert rounded(number) == text


def test_columns_are_aligned() -> None:
    rows = [("topic", "what", "1", "20", "300", "u"), ("t", "w", "10", "2", "3", "unit")]
    assert aligned(rows).splitlines() == [
        "topic  what   1  20  300  u",
        "t      w     10   2    3  unit",
    ]


def test_a_member_answers_every_question() -> None:
    answer = channel.answering()
    for number in range(10):
        answer(number)


def test_an_asker_that_has_met_nobody_is_not_ready() -> None:
    asker = Asker("asker", b"secret", Address("127.0.0.1", 1))
    asker.peer.start(0)
    assert not asker.ready
    with pytest.raises(AssertionError, match="ready"):
        asker.questions(1)
