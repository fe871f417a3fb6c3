"""Mutants that plans show seldom, each caught by the unit test that is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sim.broken_gossip import NOTICED

ROOT = Path(__file__).parents[2]


class Broken:
    """A plugin of a run of pytest within this one: breaks a rule, and counts what fails."""

    def __init__(self, breaks: Callable[[Any], None]) -> None:
        self._breaks = breaks
        self.failed = 0
        self.ran = 0

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        """Each test runs with the rule broken."""
        with pytest.MonkeyPatch.context() as patch:
            self._breaks(patch)
            yield

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look how a test went."""
        if report.when == "call":
            self.ran += 1
            self.failed += report.failed


@pytest.mark.parametrize(
    ("breaks", "test"), NOTICED.items(), ids=lambda x: getattr(x, "__name__", "")
)
def test_a_broken_rule_is_noticed(breaks: Callable[[Any], None], test: str) -> None:
    broken = Broken(breaks)
    pytest.main([str(ROOT / test), "-q", "-p", "no:cacheprovider"], plugins=[broken])
    assert broken.ran > 0
    assert broken.failed > 0
