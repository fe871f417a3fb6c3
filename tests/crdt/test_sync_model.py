"""After faults end every store holds exactly the live dots; and the obvious shortcuts do not."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.crdt.cluster import Cluster, Step, steps
from tests.crdt.mutants import MUTANTS, Mutant

HISTORIES = st.lists(steps, min_size=30, max_size=90)


def converges_to_the_live_dots(history: list[Step]) -> None:
    cluster = Cluster().play(history)
    cluster.settle()
    cluster.verify()


@settings(max_examples=300)
@given(HISTORIES)
def test_stores_converge_to_the_live_dots(history: list[Step]) -> None:
    converges_to_the_live_dots(history)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_the_property_catches(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=300, phases=[Phase.generate], report_multiple_bugs=False)
    @given(HISTORIES)
    def check(history: list[Step]) -> None:
        converges_to_the_live_dots(history)

    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        check()
