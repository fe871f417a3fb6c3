"""How the command prints what an agent answered: as JSON or as a table of text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(content: Any) -> None:
    """The same object as over HTTP, on one line."""
    print(json.dumps(content, ensure_ascii=False))


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, and no decoration, so that it can be cut and sorted."""
    lines = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def printable(text: str) -> str:
    """Text of other members for a terminal: on one line, and nothing in it is a command to it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def value_text(value: Any) -> str:
    """A value in a table: JSON, so that ``"1"`` and ``1`` differ."""
    return json.dumps(value, ensure_ascii=False)


def natural(name: str) -> list[tuple[bool, int, str]]:
    """The key that sorts ``web-2`` before ``web-10``."""
    parts = re.split(r"([0-9]+)", name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
