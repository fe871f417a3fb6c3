"""What the user of the demo sees: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from node.demo.cluster import View

STATE_STYLES = {"alive": "green", "suspect": "yellow", "failed": "red", "left": "dim"}


class Screen:
    """Plain lines, one for each step, with the seconds since the start."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sys.stdout.flush()

    def step(self, text: str) -> None:
        """Something begins or has been reached."""
        print(self._line(text), flush=True)

    def show(self, views: Mapping[str, View | None]) -> None:
        """The cluster as it is now: plain output leaves that out."""

    def tables(self, *tables: Table) -> None:
        """The figures at the end."""
        console = Console(highlight=False)
        for table in tables:
            console.print(table)

    def _line(self, text: str) -> str:
        return f"{time.monotonic() - self.started:5.1f} s  {text}"


class LiveScreen(Screen):
    """The steps and, always below them, the agents and what each of them sees just now."""

    def __init__(self) -> None:
        super().__init__()
        self.views: Mapping[str, View | None] = {}
        self.live = Live(refresh_per_second=8, get_renderable=self.render)

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.live.stop()

    def step(self, text: str) -> None:
        """Add a line above the table, where it stays."""
        self.live.console.print(Text(self._line(text)))

    def show(self, views: Mapping[str, View | None]) -> None:
        """Replace what is shown of the agents."""
        self.views = dict(views)

    def tables(self, *tables: Table) -> None:
        """End the live display before the figures are printed below it."""
        self.live.stop()
        super().tables(*tables)

    def render(self) -> RenderableType:
        """The table as it is now."""
        table = Table("agent", "sees", "digest of its data", "datagrams sent", "bytes sent")
        for name, view in self.views.items():
            if view is None:
                table.add_row(name, Text("not running", style="red"), "", "", "")
            else:
                table.add_row(name, seen(view), view.digest[:16], *traffic(view, "sent"))
        return table


def seen(view: View) -> Text:
    """How many members an agent sees in which state."""
    counts = Counter(view.states.values())
    parts = [
        Text(f"{counts[state]} {state}", style=style)
        for state, style in STATE_STYLES.items()
        if counts[state]
    ]
    return Text(", ").join(parts)


def traffic(view: View, direction: str) -> tuple[str, str]:
    """Datagrams and bytes, sent or received, in groups of three digits."""
    figures = view.statistics
    return f"{figures[f'datagrams_{direction}']:,}", f"{figures[f'bytes_{direction}']:,}"


def time_table(times: Sequence[tuple[str, float]]) -> Table:
    """What took how long."""
    table = Table("what", "seconds", title="Times", title_justify="left")
    for what, seconds in times:
        table.add_row(what, f"{seconds:.2f}")
    return table


def traffic_table(views: Mapping[str, View | None]) -> Table:
    """What each agent sent and received since it was started."""
    header = ("agent", "datagrams sent", "bytes sent", "datagrams received", "bytes received")
    table = Table(*header, title="Traffic since the start of each agent", title_justify="left")
    for name, view in views.items():
        if view is not None:
            table.add_row(name, *traffic(view, "sent"), *traffic(view, "received"))
    return table
