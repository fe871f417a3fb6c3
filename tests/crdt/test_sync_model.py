"""After faults end every store holds exactly the live dots; the shortcuts are in `mutants.py`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import ORSet, Store
from crdt.context import Span
from crdt.store import decode_fragment
from tests.crdt.cluster import Cluster, Step, leaf_key, make, pull, steps

HISTORIES = st.lists(steps, min_size=30, max_size=90)


def converges_to_the_live_dots(history: list[Step]) -> None:
    cluster = Cluster().play(history)
    cluster.settle()
    cluster.verify()


def relays_what_it_knows_ahead_of_its_context() -> None:
    """A rare history: a message goes on through one who lacks what the write in it replaced."""

    def push(giver: Store, taker: Store, *slots: Span) -> None:
        writer = giver.writer()
        writer.add(leaf_key("k"), *giver.leaf(leaf_key("k"), slots))
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
