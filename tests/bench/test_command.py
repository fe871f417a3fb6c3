"""`coterie bench` prints figures that a person and a program can read; it judges none of them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib import import_module

import pytest

from bench import channel, crdt
from bench.asker import Asker
from bench.command import TOPICS, add, aligned, rounded
from bench.measure import RUNS, Figure, rates
from gossip import Address


def bench(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers())
    args = parser.parse_args(["bench", *words])
    code: int = args.run(args)
    return code


def test_json_on_stdout_and_progress_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crdt, "WRITES", 200)
    assert bench("crdt", "-o", "json") == 0
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert set(answer["machine"]) == {"python", "system", "cores"}
    assert len(answer["figures"]) == 6
    for figure in answer["figures"]:
        assert figure["topic"] == "crdt"
        assert figure["unit"] == "writes/s"
        assert 0 < figure["low"] <= figure["value"] <= figure["high"]
    assert printed.err.count("crdt: ") == 6


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
