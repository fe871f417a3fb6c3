"""Whom a query is meant for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.selection import fits, where


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_fits_what_its_regular_expression_does(pattern: str, text: str) -> None:
    signs = {"*": ".*", "?": "."}
    expression = "".join(signs.get(sign, re.escape(sign)) for sign in pattern)
    assert fits(pattern, text) == bool(re.fullmatch(expression, text))


def test_no_pattern_takes_long() -> None:
    """The same takes a regular expression longer than the world has been there."""
    assert not fits("*a" * 120 + "b", "a" * 4000)


@pytest.mark.parametrize(
    ("meant", "selected"),
    [
        (where(), True),
        (where(names=["web-1"]), True),
        (where(names=["web-2"]), False),
        (where(tags={"role": "web", "zone": ""}), True),
        (where(tags={"role": "we"}), False),
        (where(tags={"none": ""}), False),
        (where(patterns={"role": "w*"}, tags={"zone": ""}), True),
        (where(patterns={"zone": "?"}), False),
        (where(patterns={"none": "*"}), False),
    ],
)
def test_what_is_selected(meant: object, selected: bool) -> None:
    assert meant.selects("web-1", {"role": "web", "zone": ""}) == selected  # type: ignore[attr-defined]
