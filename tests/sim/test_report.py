"""The page of a run: its data against the run itself, and what a real browser makes of it."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

import sim.report
from sim.errors import InvariantViolation
from sim.faults import Faults
from sim.plan import Plan, Step
from sim.report import head, page, picture, report
from sim.runner import Outcome, play
from sim.trace import Kind, Record

STEPS = (
    Step(2.0, "add", {"node": "n0", "name": "</script><!--", "element": "milk"}),
    Step(4.0, "partition", {"groups": [["n0", "n1"]]}),
    Step(5.0, "add", {"node": "n4", "name": "cart", "element": "eggs"}),
    Step(8.0, "cut", {"name": "deaf", "pairs": [["n0", "n4"]]}),
    Step(12.0, "heal", {}),
    Step(14.0, "crash", {"node": "n3"}),
    Step(20.0, "restart", {"node": "n3"}),
    Step(21.0, "pause", {"node": "n2"}),
    Step(23.0, "resume", {"node": "n2"}),
    Step(24.0, "skew", {"node": "n1", "seconds": 3.5}),
    Step(26.0, "leave", {"node": "n4"}),
)
PLAN = Plan(nodes=5, seconds=30.0, seed=7, steps=STEPS, faults=Faults(loss=0.1, corrupt=0.02))


@pytest.fixture(scope="module")
def shown() -> tuple[Outcome, str]:
    return report(PLAN, "coterie sim report a-plan.toml")


def data_of(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


# The data.


def test_looking_leaves_no_trace(shown: tuple[Outcome, str]) -> None:
    assert shown[0].trace_hash == play(PLAN).trace_hash == data_of(shown[1])["trace_hash"]


def test_a_page_asks_for_nothing_from_elsewhere(shown: tuple[Outcome, str]) -> None:
    assert not re.search(r'(src|href)="?(?!"?data:)|https?:|@import|url\(', shown[1])
    assert "default-src 'none'" in shown[1]
    assert shown[1].count("</script>") == 2  # no text of the run ends a script


def test_the_columns_are_the_log(shown: tuple[Outcome, str]) -> None:
    log, rows = shown[0].simulation.log, data_of(shown[1])["rows"]
    assert list(accumulate(rows["at"])) == [record.at // 1000 for record in log]
    assert rows["node"] == [record.node for record in log]
    causes = [place - back if back else -1 for place, back in enumerate(rows["cause"])]
    assert causes == [record.cause for record in log]


def test_datagrams_are_opened_and_those_that_do_not_open_are_shown(
    shown: tuple[Outcome, str],
) -> None:
    data = data_of(shown[1])
    texts = {text for text, _ in data["rows"]["words"]}
    assert {"probe n1", "ack", "join of n1", "does not open", "wall clock +3.5 s"} <= texts
    assert any(text.startswith("delta, pushed") for text in texts)
    assert any("n3 suspect" in text for text in texts)
    for text, kinds in data["rows"]["words"]:
        assert (kinds == [len(data["messages"])]) == text.endswith("does not open")


def test_strips_end_with_what_the_nodes_say_themselves(shown: tuple[Outcome, str]) -> None:
    outcome, data = shown[0], data_of(shown[1])
    for index, handle in enumerate(outcome.simulation.nodes):
        if not handle.running:
            assert data["states"][index][-1][1:] == [0, 0, 0, 0]
            assert data["digests"][index][-1][1] == ""
            continue
        states = list(handle.members().values())
        counts = [states.count(state) for state in ("alive", "suspect", "failed", "left")]
        assert data["states"][index][-1][1:] == counts
        assert data["digests"][index][-1][1] == handle.digest()[:8]
        assert len(data["contexts"][index]) > 1


def test_bands_and_gaps_are_when_the_plan_says(shown: tuple[Outcome, str]) -> None:
    data = data_of(shown[1])
    assert data["bands"] == [
        [4_000_000, 12_000_000, [0, 0, 1, 1, 1], "partition n0 n1 | the others"],
        [8_000_000, 12_000_000, [0, -1, -1, -1, 1], "cut deaf"],
    ]
    crashed, paused, left = data["gaps"]
    assert crashed == [14_000_000, 20_000_000, 3, "crashed"]
    assert paused == [21_000_000, 23_000_000, 2, "paused"]
    assert left[1:] == [30_000_000, 4, "left"]


def test_of_a_run_that_is_too_long_the_end_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sim.report, "ROWS_MAX", 100)
    outcome, text = report(PLAN, "")
    data, log = data_of(text), outcome.simulation.log
    assert data["rows"]["missing"] == len(log) - 100
    assert list(accumulate(data["rows"]["at"])) == [record.at // 1000 for record in log[-100:]]
    assert all(back <= place for place, back in enumerate(data["rows"]["cause"]))


# The browser.

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--window-size=1600,900 --virtual-time-budget=10000"
).split()
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here; on Debian: apt-get install chromium"
)


def browse(tmp_path: Path, path: Path, flag: str, *do: str) -> str:
    """What the browser prints when it opens a page."""
    assert CHROMIUM is not None
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, profile, *do, f"{path.as_uri()}#{flag}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


def opened(tmp_path: Path, text: str, flag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the page says it drew, and what came of its being used."""
    path = tmp_path / "page.html"
    path.write_text(text, "utf-8")
    dom = browse(tmp_path, path, flag, "--dump-dom")
    summary, used = (
        re.findall(rf'<pre id="{name}" hidden="">(.*?)</pre>', dom) for name in ("summary", "used")
    )
    return json.loads(unescape(summary[0])), json.loads(unescape(used[0] or "{}"))


def pixels(path: Path) -> list[list[bytes]]:
    """The rows of a PNG file, of 8 bits a channel, as the browser writes them."""
    data, at, packed = path.read_bytes(), 8, b""
    width, wide = 0, 3
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if name == b"IHDR":
            width, _, depth, colour = struct.unpack(">IIBB", body[:10])
            assert depth == 8
            wide = {2: 3, 6: 4}[colour]
        packed += body if name == b"IDAT" else b""
        at += size + 12
    raw, stride = zlib.decompress(packed), width * wide + 1
    above, rows = bytes(stride - 1), []
    for start in range(0, len(raw), stride):
        above = unfiltered(raw[start], raw[start + 1 : start + stride], above, wide)
        rows.append([above[place : place + wide] for place in range(0, len(above), wide)])
    return rows


def unfiltered(how: int, row: bytes, above: bytes, wide: int) -> bytes:
    """One row of a PNG file, of which each byte is told as its distance from those around it."""
    done = bytearray(wide) + row  # with one black pixel before it
    over = bytes(wide) + above
    for place in range(wide, len(done) if how else 0):
        left, up, corner = done[place - wide], over[place], over[place - wide]
        if how == 4:  # Paeth: of the three, the one next to where they lead
            ahead = left + up - corner
            near = [(abs(ahead - each), rank) for rank, each in enumerate((left, up, corner))]
            guess = (left, up, corner)[min(near)[1]]
        else:
            guess = (left, up, (left + up) // 2)[how - 1]
        done[place] = (done[place] + guess) & 255
    return bytes(done[wide:])


@needs_browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_draws_the_page(shown: tuple[Outcome, str], tmp_path: Path, theme: str) -> None:
    path, taken = tmp_path / "page.html", tmp_path / "page.png"
    path.write_text(shown[1], "utf-8")
    browse(tmp_path, path, theme, f"--screenshot={taken}", "--window-size=800,600")
    rows = pixels(taken)
    assert (len(rows), len(rows[0])) == (600, 800)
    # Between the names of the lanes and the right edge, below the axis and the bands of cuts.
    drawn = Counter(pixel for row in rows[380:480] for pixel in row[120:780])
    assert len(drawn) > 1500  # lines mix with the strips that they cross: half of it without any
    assert drawn.most_common(1)[0][1] < 0.9 * drawn.total()
    dark = sum(drawn.most_common(1)[0][0][:3]) < 3 * 128
    assert dark == (theme == "dark")


@needs_browser
def test_everything_is_drawn_and_can_be_used(shown: tuple[Outcome, str], tmp_path: Path) -> None:
    summary, used = opened(tmp_path, shown[1], "light,selftest")
    log = shown[0].simulation.log
    arrivals = {Kind.DELIVER, Kind.REFUSE, Kind.VANISH}
    datagrams = [record for record in log if record.kind in {*arrivals, Kind.LOSE}]
    dropped = [record for record in datagrams if record.kind is not Kind.DELIVER]
    assert (summary["errors"], summary["words"], used["errors"]) == (0, [], [])
    assert (summary["lanes"], summary["bands"], summary["gaps"]) == (5, 2, 3)
    assert summary["lines"] == len(datagrams)
    assert summary["dashed"] == summary["drops"] == len(dropped) > 50
    assert summary["strips"] > 50
    assert summary["markers"] > 20
    # A click chooses a datagram: it was sent because of one that its sender had received.
    first = next(
        record
        for record in log
        if record.kind in arrivals and record.cause >= 0 and log[record.cause].cause >= 0
    )
    assert used["tip"].startswith(f"n{first.peer} → n{first.node}: ")
    assert used["chosen"]
    assert used["causes"] == used["listed"] >= 3
    assert used["past"] > used["causes"]
    assert used["effects"] > 1
    assert used["cleared"]
    # Filters leave out lines, and lanes.
    assert used["lines"] > used["filtered"] > used["focused"] > 0
    assert used["alone"] == 1
    assert used["zoomed"] > 1.5
    assert used["moved"]


@needs_browser
def test_a_violation_is_what_is_looked_at_first(shown: tuple[Outcome, str], tmp_path: Path) -> None:
    violation = InvariantViolation(
        invariant="equal-state",
        words="the same events mean the same data",
        detail="n1 and n2 do not agree",
        node="n2",
        time=15.0,
        seed=7,
        replay="",
    )
    broken = replace(shown[0], violations=(violation,))
    text = page(data_of(shown[1]) | head(broken, ""))
    summary, _ = opened(tmp_path, text, "dark")
    start, end = summary["look"]
    assert summary["errors"] == 0
    assert start < 15_000_000 < end
    assert 100 < summary["lines"] < 400  # of the two hundred events on each side


@needs_browser
def test_a_run_in_which_nothing_happens_has_a_page_too(tmp_path: Path) -> None:
    _, text = report(Plan(nodes=1, seconds=0.0), "")
    summary, _ = opened(tmp_path, text, "light")
    assert (summary["errors"], summary["lanes"], summary["lines"]) == (0, 1, 0)


def grown(log: Sequence[Record], period: int, datagrams: int) -> list[Record]:
    """A log that is repeated until it has so many datagrams."""
    each = sum(record.kind in sim.report.DATAGRAMS for record in log)
    times = -(-datagrams // each)
    return [
        record._replace(
            at=record.at + turn * period,
            cause=record.cause + turn * len(log) if record.cause >= 0 else -1,
        )
        for turn in range(times)
        for record in log
    ]


@needs_browser
@pytest.mark.parametrize(
    ("datagrams", "bytes_max", "drawn_in"),
    [(10_000, 800_000, 20.0), pytest.param(100_000, 6_000_000, 40.0, marks=pytest.mark.slow)],
)
def test_a_long_run_opens(
    shown: tuple[Outcome, str], tmp_path: Path, datagrams: int, bytes_max: int, drawn_in: float
) -> None:
    """The bounds are generous, for a machine that is busy: the page takes about a second."""
    period = 30_000_000_000
    log = grown(shown[0].simulation.log, period, datagrams)
    end = log[-1].at // 1000
    data = head(shown[0], "") | {"digests": [[] for _ in range(5)], "end": end}
    text = page(data | picture(log, PLAN, end))
    assert len(text) < bytes_max
    began = perf_counter()
    summary, _ = opened(tmp_path, text, "light")
    assert perf_counter() - began < drawn_in
    assert (summary["errors"], summary["rows"]) == (0, len(log))
    assert summary["sight"] >= datagrams
    assert 5_000 < summary["lines"] < 20_000
