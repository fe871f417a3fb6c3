"""After faults end every store holds exactly the live dots; and the obvious shortcuts do not."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crdt import ORSet, Store
from crdt.context import Span
from crdt.store import decode_fragment
from tests.crdt.cluster import Cluster, Step, leaf_key, make, pull, steps
from tests.crdt.mutants import MUTANTS, Mutant

HISTORIES = st.lists(steps, min_size=30, max_size=90)


def converges_to_the_live_dots(history: list[Step]) -> None:
    cluster = Cluster().play(history)
    cluster.settle()
    cluster.verify()


def relays_what_it_knows_ahead_of_its_context() -> None:
    """A rare history: a message goes on through one who lacks what the write in it replaced."""

    def push(giver: Store, taker: Store, *slots: Span) -> None:
        writer = giver.writer()
        writer.add(leaf_key("k"), giver.leaf(leaf_key("k"), slots))
        taker.join(decode_fragment(writer.finish()))

    first, second, relay, last = (make(name) for name in ("first", "second", "relay", "last"))
    first.open("s", ORSet).add("k")
    push(first, last, ("first", 1, 1))
    pull(first, second)
    second.open("s", ORSet).add("k")
    push(second, relay, ("second", 1, 1))
    push(relay, last, ("second", 1, 1))
    assert last.context == second.context
    assert last.entries == second.entries


@settings(max_examples=300)
@given(HISTORIES)
def test_stores_converge_to_the_live_dots(history: list[Step]) -> None:
    converges_to_the_live_dots(history)


def test_a_leaf_goes_on_with_what_is_known_ahead() -> None:
    relays_what_it_knows_ahead_of_its_context()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_it_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    @settings(max_examples=300, phases=[Phase.generate], report_multiple_bugs=False)
    @given(HISTORIES)
    def check(history: list[Step]) -> None:
        converges_to_the_live_dots(history)

    mutant(monkeypatch)
    with pytest.raises(AssertionError):  # noqa: PT012  # either may be the one that notices
        relays_what_it_knows_ahead_of_its_context()
        check()
