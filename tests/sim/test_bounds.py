"""What a member keeps is looked at, all of it: a table that nobody counts can leak for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from inspect import getsource
from typing import Any

import pytest

from sim import Simulation
from sim.invariants import bounds

DATA = frozenset(
    "_early _vector entries extra _noted log removals unsent unsaved _hashes _unhashed "
    "_recovered pending".split()
)
"""What users wrote, and what is made of it: there is as much of that as they like."""

FIXED = frozenset(
    "_buckets counts _counts _drops drops _misses _others _ring _waiting waiting kept effects "
    "_failed _table _links frames _young _latest _remembered _unanswered _places _queue".split()
)
"""As long as they are made, with a key for each of some words, or counted by another name: the
table by its claims, rumors and links by how many there are, the backlog by its length.
"""


def formed() -> Simulation:
    sim = Simulation(nodes=3, seed=1)
    sim.run(5.0)
    sim["n0"].set("cart").add("milk")
    sim["n0"].broadcast("shop", "open")
    sim.run(5.0)
    return sim


def tables(thing: Any, seen: set[int]) -> Iterator[str]:
    """The names of everything that could grow within our own objects."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in (*slots, *vars(thing)) if hasattr(thing, "__dict__") else slots:
        value = getattr(thing, name, None)
        if isinstance(value, dict | list | set | deque):
            yield name
        elif type(value).__module__.partition(".")[0] in {"gossip", "crdt"}:
            yield from tables(value, seen)


def test_every_table_of_a_member_is_counted() -> None:
    peer = formed()._world.hosts[0].peer
    found = set(tables(peer, set()))
    assert len(found) > 40
    counted = getsource(bounds)
    assert {name for name in found - DATA - FIXED if f".{name})" not in counted} == set()


@pytest.mark.parametrize(
    ("what", "path"),
    [
        ("calls to others", "_reconnect._calls"),
        ("addresses that answered", "_reconnect._answers"),
        ("probes that may be refused", "_talk.refusals._sent"),
        ("members whose load is counted", "_talk._rates._tokens"),
        ("members met", "_membership._met"),
        ("members forgotten", "_membership._floors._last"),
        ("members that are gone", "_membership._gone"),
        ("large tags of members", "_membership.tags._held"),
        ("large tags that are lacking", "_membership.tags.lacking"),
        ("members that heard our goodbye", "_farewell._acknowledged"),
        ("members that pulled", "_replication._answered"),
        ("places in streams of others", "_broadcasts._bases"),
        ("events of strangers", "_broadcasts._early"),
    ],
)
def test_a_table_that_grows_is_found(what: str, path: str) -> None:
    host = formed()._world.hosts[0]
    assert host.peer is not None
    assert list(bounds.excess(host, host.peer, 3)) == []
    table: Any = host.peer
    for name in path.split("."):
        table = getattr(table, name)
    table.update((f"key {number}", number) for number in range(40_000))
    (found,) = bounds.excess(host, host.peer, 3)
    assert f" {what}, at most " in found
