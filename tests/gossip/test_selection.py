"""Whom a query is meant for."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip.member import MAX_TAGS_BYTES
from gossip.wire.selection import fits, where


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_a_pattern_fits_what_its_regular_expression_does(pattern: str, text: str) -> None:
    signs = {"*": ".*", "?": "."}
    expression = "".join(signs.get(sign, re.escape(sign)) for sign in pattern)
    assert fits(pattern, text) == bool(re.fullmatch(expression, text))


@given(st.text("ab*?", max_size=8), st.text("ab\n", max_size=8))
def test_a_sign_stands_for_any_character(pattern: str, text: str) -> None:
    signs = {"*": ".*", "?": "."}
    expression = "".join(signs.get(sign, re.escape(sign)) for sign in pattern)
    assert fits(pattern, text) == bool(re.fullmatch(expression, text, re.DOTALL))


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 120 + "b",  # takes a regular expression longer than the world has been there
        "*" + "a" * 250 + "b",
        "*" + "?" * 125 + "a" * 124 + "b",
        "".join(f"*?{chr(ord('b') + number)}" for number in range(80)),
    ],
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """Every member of the cluster looks at it, and stands still meanwhile."""
    took = []
    for _ in range(3):
        began = time.process_time()
        assert not fits(pattern, "a" * MAX_TAGS_BYTES)
        took.append(time.process_time() - began)
    assert min(took) < 0.05


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
