"""Which members a query is meant for: those with one of these names, and with all of these tags.

A tag is compared as text, or against a *pattern* in which `*` stands for any characters and `?` for
one. Patterns come from other members and are matched by every one of them, so they have to be
harmless: this one takes at most (length of the pattern) times (length of the text) steps, and none
of them in Python, where so many would stop every member of the cluster for a quarter of a second.
Nor is a regular expression harmless: `(a+)+$` against thirty letters would stop them for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gossip.member import is_name

MAX_WHERE_BYTES = 256
"""The largest selection, as the sum of its texts in UTF-8; chosen by us: it rides on the query."""

MAX_CONDITIONS = 16
"""The most names, and the most conditions on tags, of one selection."""


class Condition(NamedTuple):
    """A tag that has to be there, with this text, or with one that the pattern fits."""

    key: str
    pattern: bool
    text: str


class Where(NamedTuple):
    """A selection of members; without names and conditions, of all. `where` makes one."""

    names: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def selects(self, name: str, tags: Mapping[str, str]) -> bool:
        """Whether a member is among those that are meant."""
        if self.names and name not in self.names:
            return False
        return all(
            key in tags and (fits(text, tags[key]) if pattern else tags[key] == text)
            for key, pattern, text in self.conditions
        )


def where(
    *,
    names: Iterable[str] = (),
    tags: Mapping[str, str] | None = None,
    patterns: Mapping[str, str] | None = None,
) -> Where:
    """Select members by name, by tags that are equal, and by tags that a pattern fits.

    `ValueError` for a selection that cannot be carried.
    """
    equal = [Condition(key, False, text) for key, text in (tags or {}).items()]  # noqa: FBT003
    fitting = [Condition(key, True, text) for key, text in (patterns or {}).items()]  # noqa: FBT003
    made = Where(tuple(names), tuple(equal + fitting))
    check(made)
    return made


def check(selection: Where) -> None:
    """`ValueError` for a selection that cannot be carried."""
    names, conditions = selection
    if len(names) > MAX_CONDITIONS or len(conditions) > MAX_CONDITIONS:
        raise ValueError(f"a selection has at most {MAX_CONDITIONS} names, and conditions")
    texts: list[Any] = [*names]
    for key, _, text in conditions:
        texts += [key, text]
    if not all(type(text) is str for text in texts):
        raise ValueError("a selection is made of text")
    if not all(map(is_name, names)):
        raise ValueError("a selection has a name that no member can have")
    size = sum(len(text.encode()) for text in texts)
    if size > MAX_WHERE_BYTES:
        raise ValueError(f"a selection has at most {MAX_WHERE_BYTES} bytes, not {size}")


def fits(pattern: str, text: str) -> bool:
    """Whether a pattern fits a text.

    What stands between two stars is looked for as early as it can be, and never again: a star that
    took more would leave less to the rest.
    """
    first, *between = pattern.split("*")
    if not between:
        return len(first) == len(text) and _find(first, text, 0) == 0
    last = between.pop()
    end = len(text) - len(last)
    if end < len(first) or _find(first, text[: len(first)], 0) or _find(last, text[end:], 0):
        return False
    at, inner = len(first), text[:end]
    for part in between:
        found = _find(part, inner, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _find(part: str, text: str, at: int) -> int:
    """Where a part without stars is in a text, from `at` on; -1 when nowhere."""
    if "?" not in part:
        return text.find(part, at)
    signs = ["." if sign == "?" else re.escape(sign) for sign in part]
    found = re.compile("".join(signs), re.DOTALL).search(text, at)  # nothing in it repeats
    return found.start() if found else -1
