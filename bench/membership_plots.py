"""The curves of the campaign as SVG files: the same samples give the same bytes.

matplotlib is looked for when something is to be drawn; nothing else needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.membership_figures import Samples, failed_share, longest_forgiven, middle, nearly_all

Pooled = Mapping[str, Mapping[str, Samples]]
"""The samples of all seeds, by case and configuration."""

MISSING = "no curves: matplotlib is not installed (pip install 'coterie[bench]')"

CRASHES = ("process crash", "host gone")
STARVED, FORGIVEN = "some starved of CPU", "a stop forgiven"

LOOKS = tuple(
    zip(
        "#0072b2 #d55e00 #009e73 #aa4499 #e69f00 #56b4e9 #000000".split(),  # told apart by all
        ("-", "--", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)), ":"),
        "osD^vPX",
        strict=True,
    )
)
"""Colour, line and marker of each configuration, in their order; from the beginning after that."""

STYLE = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "svg.hashsalt": "coterie",
    "svg.fonttype": "none",  # text stays text
}


def draw(pooled: Pooled, directory: Path, suffix: str = "svg") -> Iterator[Path]:
    """Every curve whose cases were played, as a file; `ModuleNotFoundError` without matplotlib."""
    matplotlib, figures = import_module("matplotlib"), import_module("matplotlib.figure")
    curves: tuple[tuple[str, tuple[str, ...], Callable[[Any, Pooled], None]], ...] = (
        ("detection", CRASHES, detection),
        ("trade-off", (*CRASHES, STARVED, FORGIVEN), trade_off),
        ("pauses", (FORGIVEN,), pauses),
    )
    for name, cases, plot in curves:
        if not all(case in pooled for case in cases):
            continue
        with matplotlib.rc_context(STYLE):
            figure = figures.Figure(layout="constrained")
            plot(figure, pooled)
            path = directory / f"{name}.{suffix}"
            figure.savefig(path, dpi=110, metadata={"Date": None} if suffix == "svg" else None)
        yield path


def detection(figure: Any, pooled: Pooled) -> None:
    """The share of crashes that somebody has announced, by time."""
    figure.set_size_inches(9, 4)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for panel, case in zip(panels, CRASHES, strict=True):
        for (name, samples), (colour, line, _) in zip(pooled[case].items(), cycle(LOOKS)):
            times, shares = zip((0.0, 0.0), *steps(samples["first"]), strict=True)
            panel.step(times, shares, where="post", label=name, color=colour, ls=line, lw=2)
        panel.axhline(0.99, color="#888888", lw=0.8)
        panel.annotate("99%", (1, 0.99), (3, 0), "axes fraction", "offset points", va="center")
        panel.set(title=case, xlabel="seconds from the crash to the first verdict")
        panel.set_xlim(0, None)
        panel.set_ylim(0, 1.02)
    panels[0].set_ylabel("share of crashes")
    explain(figure, panels[0])


def steps(times: Sequence[float], most: int = 100) -> list[tuple[float, float]]:
    """Each time and the share of all that it is not less than; of more than `most` times, so many
    evenly among them, the last one with them.
    """
    ordered, of = sorted(times), min(len(times), most)
    counts = [len(times) * (rank + 1) // of for rank in range(of)]
    return [(ordered[count - 1], count / len(times)) for count in counts]


def trade_off(figure: Any, pooled: Pooled) -> None:
    """What speed costs: detection against false verdicts, and the pause that is forgiven."""
    figure.set_size_inches(9, 7)
    rows = figure.subplots(2, 2, sharex=True, sharey="col")
    for panels, case in zip(rows, CRASHES, strict=True):
        for (name, samples), (colour, _, marker) in zip(pooled[case].items(), cycle(LOOKS)):
            times = [middle("first")(samples), nearly_all("first")(samples)]
            heights = (
                sum(pooled[STARVED][name]["false"]),
                longest_forgiven(pooled[FORGIVEN][name]),
            )
            for panel, height in zip(panels, heights, strict=True):
                look = {"color": colour, "marker": marker, "ms": 8, "clip_on": False}
                panel.plot(times, [height] * 2, color=colour, lw=1.5)
                panel.plot(times[:1], [height], label=name, ls="", **look)
                panel.plot(times[1:], [height], mfc="white", ls="", **look)
        panels[0].set_ylabel(f"{case}\n\nverdicts about healthy members")
        panels[1].set_ylabel("longest stop forgiven, seconds")
    worst = max(sum(samples["false"]) for samples in pooled[STARVED].values())
    rows[0][0].set_title("some members starved of CPU")
    rows[0][1].set_title("one member stopped")
    rows[0][0].set_yscale("symlog", linthresh=1)
    rows[0][0].set_ylim(-0.3, 3 * max(3, worst))
    rows[0][1].set_ylim(0, None)
    for panel in rows[1]:
        panel.set_xlim(0, None)
        panel.set_xlabel("seconds to the first verdict:\nmedian (full) and 99% (hollow)")
    explain(figure, rows[0][0])


def pauses(figure: Any, pooled: Pooled) -> None:
    """How likely a member is failed that stands still for so long."""
    figure.set_size_inches(6, 4)
    panel = figure.subplots()
    for (name, samples), (colour, line, marker) in zip(pooled[FORGIVEN].items(), cycle(LOOKS)):
        shares = failed_share(samples)
        look = {"color": colour, "ls": line, "lw": 2, "marker": marker, "ms": 5}
        panel.plot(shares.keys(), shares.values(), label=name, clip_on=False, **look)
    panel.set_xlabel("seconds that a member is stopped")
    panel.set_ylabel("share of stops after which it is failed")
    panel.set_xlim(0, None)
    panel.set_ylim(0, 1.02)
    explain(figure, panel)


def explain(figure: Any, panel: Any) -> None:
    """One legend for all panels, above them."""
    handles, names = panel.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4, frameon=False)
