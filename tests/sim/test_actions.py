"""What can happen in a plan: every fault as data."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import GCounter
from sim import SimError, Simulation
from sim.actions import ACTIONS

NAMES = {"n0", "n1", "n2"}

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("crash", {"node": "n1", "power": True}),
    ("restart", {"node": "n1", "lose_disk": True}),
    ("pause", {"node": "n1"}),
    ("resume", {"node": "n1"}),
    ("leave", {"node": "n2"}),
    ("skew", {"node": "n1", "seconds": -5}),
    ("drift", {"node": "n1", "rate": 0.01}),
    ("jump", {"node": "n1", "seconds": 5.0, "monotonic": True}),
    ("slow", {"node": "n1", "seconds": 0.01, "inbox": 10}),
    ("slow", {"node": "n1", "seconds": 0.0}),
    ("rebind", {"node": "n1", "forwarded": False}),
    ("disk", {"node": "n1", "sync": 5.0, "torn": 0.5, "error": 0.0, "capacity": 100_000}),
    ("rot", {"node": "n0"}),
    ("snapshot", {"node": "n1", "name": "early"}),
    ("partition", {"groups": [["n0"], ["n1", "n2"]], "one_way": True}),
    ("cut", {"name": "a", "pairs": [["n0", "n1"]], "flap": 1.0}),
    ("sever", {"name": "b", "shape": "bridge", "nodes": ["n2", "n0", "n1"], "flap": 0.5}),
    ("mend", {"name": "a"}),
    ("heal", {}),
    ("link", {"a": "n0", "b": "n1", "loss": 0.1, "delay": 0.1, "burst": 0.1, "mtu": 1400}),
    ("fate", {"a": "n0", "b": "n1", "arrives": [0.01, 0.02]}),
    ("broadcast", {"node": "n0", "topic": "t", "payload": {"a": [1]}, "times": 2}),
    ("query", {"node": "n0", "topic": "t", "timeout": 1.0, "only": ["n0"], "relays": 1}),
    ("query", {"node": "n0", "topic": "t", "timeout": 0.5, "think": 0.1, "decline": True}),
    ("set_tags", {"node": "n0", "tags": {"zone": "a"}}),
    ("lie", {"node": "n0", "what": "retag", "about": "n1"}),
    ("increment", {"node": "n0", "name": "c", "amount": 3}),
    ("decrement", {"node": "n0", "name": "c", "amount": 1}),
    ("add", {"node": "n0", "name": "s", "element": "x"}),
    ("discard", {"node": "n0", "name": "s", "element": "x"}),
    ("put", {"node": "n0", "name": "m", "key": "k", "value": 1}),
    ("delete", {"node": "n0", "name": "m", "key": "k"}),
    ("update", {"node": "n0", "name": "m", "entries": {"k": 1, "l": [{"deep": True}]}}),
    ("reset", {"node": "n0", "name": "c"}),
    ("increment", {"node": "n0", "type": "gcounter", "name": "g", "amount": 2}),
    ("increment", {"node": "n0", "type": "bounded", "name": "b", "amount": 9}),
    ("decrement", {"node": "n0", "type": "bounded", "name": "b", "amount": 2}),
    ("transfer", {"node": "n0", "name": "b", "amount": 3, "to": "n0"}),
    ("enable", {"node": "n0", "name": "f"}),
    ("disable", {"node": "n0", "name": "f"}),
    ("assign", {"node": "n0", "name": "r", "value": {"deep": [1]}}),
    ("assign", {"node": "n0", "type": "mvregister", "name": "v", "value": "text"}),
    ("add", {"node": "n0", "name": "o", "path": "a/tags", "element": "x"}),
    ("remove", {"node": "n0", "name": "o", "path": "a/tags", "element": "x"}),
    ("clear", {"node": "n0", "name": "s"}),
    ("enable", {"node": "n0", "name": "o", "path": "a/b/on"}),
    ("increment", {"node": "n0", "name": "o", "path": "a/b/c", "amount": 4}),
    ("delete", {"node": "n0", "type": "ormap", "name": "o", "path": "a/b", "key": "c"}),
]


def act(sim: Simulation, name: str, arguments: dict[str, Any]) -> bool:
    ACTIONS[name].check(arguments, {node.name for node in sim.nodes})
    return ACTIONS[name].perform(sim, **arguments)


def test_every_action_happens() -> None:
    sim = Simulation(nodes=3, seed=7)
    sim.run(5.0)
    seen = {name for name, arguments in GOOD if act(sim, name, arguments)}
    assert seen == set(ACTIONS) - {"force_leave"}  # nobody is missed yet
    sim.run(5.0)


def test_changes_are_made_to_the_value_that_is_meant() -> None:
    sim = Simulation(nodes=3, seed=7)
    sim.run(5.0)
    node = sim["n0"]
    for name, arguments in GOOD:
        if ACTIONS[name].data:
            assert act(sim, name, arguments), (name, arguments)
    assert node.map("m").value == {"k": 1, "l": [{"deep": True}]}
    assert node.counter("c").value == 0
    assert node.open_value("g", GCounter).value == 2
    assert (node.bounded("b").value, node.bounded("b").rights) == (7, 7)
    assert node.flag("f").value is False
    assert node.register("r").value == {"deep": [1]}
    assert node.mvregister("v").value == ["text"]
    assert node.ormap("o").value == {"a": {"b": {"on": True}}}
    assert node.set("s").value == frozenset()


def test_a_change_that_cannot_be_made_is_left_out() -> None:
    sim = Simulation(nodes=3, seed=7)
    sim.run(5.0)
    stock = {"name": "stock", "type": "bounded"}
    assert act(sim, "increment", {"node": "n0", "amount": 5, **stock})
    assert not act(sim, "decrement", {"node": "n0", "amount": 6, **stock})
    assert not act(sim, "decrement", {"node": "n1", "amount": 1, **stock})
    handing = {"node": "n0", "name": "stock", "to": "n1"}
    assert not act(sim, "transfer", {**handing, "amount": 6})
    assert act(sim, "transfer", {**handing, "amount": 2})
    sim.run(2.0)
    assert act(sim, "decrement", {"node": "n1", "amount": 2, **stock})
    assert not act(sim, "increment", {"node": "n1", "amount": 1, "name": "stock"})  # its type
    assert not act(sim, "remove", {"node": "n0", "name": "s", "element": "never there"})
    assert not act(sim, "delete", {"node": "n0", "type": "ormap", "name": "o", "key": "never"})
    act(sim, "crash", {"node": "n1"})
    assert not act(sim, "transfer", {**handing, "amount": 1})
    assert not act(sim, "enable", {"node": "n1", "name": "f"})
    assert sim["n0"].bounded("stock").rights == 3


def test_a_node_restarts_from_what_a_plan_kept_or_from_the_disk_of_another() -> None:
    sim = Simulation(nodes=3, seed=7)
    sim.run(5.0)
    sim["n1"].set("s").add("early")
    sim.run(2.0)
    act(sim, "snapshot", {"node": "n1", "name": "then"})
    sim["n1"].set("s").add("late")
    sim.run(2.0)
    act(sim, "crash", {"node": "n1"})
    sim.partition({"n1"})
    assert act(sim, "restart", {"node": "n1", "snapshot": "then"})
    assert sim["n1"].set("s").value == {"early"}
    act(sim, "crash", {"node": "n1"})
    assert act(sim, "restart", {"node": "n1", "clone": "n2", "lose_disk": True})
    assert sim["n1"].set("s").value == {"early", "late"}


def test_what_has_no_effect_when_its_turn_comes_is_left_out() -> None:
    sim = Simulation(nodes=3, seed=7)
    sim.run(5.0)
    assert not act(sim, "mend", {"name": "never cut"})
    assert not act(sim, "restart", {"node": "n1"})
    act(sim, "crash", {"node": "n1"})
    assert not act(sim, "restart", {"node": "n1", "snapshot": "never taken"})
    assert not sim["n1"].running


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("drift", {"node": "n1", "rate": -2}, "drift"),
        ("drift", {"node": "n9", "rate": 0}, "no node 'n9'"),
        ("drift", {"node": ["n1"], "rate": 0}, "no node"),
        ("jump", {"node": "n1", "seconds": "5"}, "seconds"),
        ("jump", {"node": "n1", "seconds": -1, "monotonic": True}, "only moves forward"),
        ("slow", {"node": "n1", "seconds": -1}, "seconds"),
        ("slow", {"node": "n1", "seconds": 1, "inbox": 0}, "inbox"),
        ("slow", {"node": "n1"}, "needs seconds"),
        ("rebind", {"node": "n1", "forwarded": 1}, "forwarded"),
        ("disk", {"node": "n1", "torn": 2}, "torn"),
        ("disk", {"node": "n1", "size": 2}, "unknown argument 'size'"),
        ("rot", {"node": "n1", "records": 0}, "records"),
        ("snapshot", {"node": "n1"}, "needs name"),
        ("restart", {"node": "n1", "clone": "n7"}, "no node 'n7'"),
        ("cut", {"name": "a", "pairs": [["n0", "n0"]]}, "in two"),
        ("cut", {"name": "a", "pairs": [["n0"]]}, "pairs"),
        ("cut", {"name": "a", "pairs": "n0n1"}, "pairs"),
        ("cut", {"name": "a", "pairs": [["n0", "n1"]], "flap": -1}, "flap"),
        ("sever", {"name": "a", "shape": "star", "nodes": ["n0", "n1"]}, "no shape 'star'"),
        ("sever", {"name": "a", "shape": [], "nodes": ["n0", "n1"]}, "no shape"),
        ("sever", {"name": "a", "shape": "ring", "nodes": ["n0"]}, "two nodes"),
        ("sever", {"name": "a", "shape": "ring", "nodes": ["n0", "n0"]}, "in two"),
        ("link", {"a": "n0", "b": "n1", "burst": 2}, "burst"),
        ("link", {"a": "n0", "b": "n1", "los": 1}, "unknown argument 'los'"),
        ("link", {"a": "n1", "b": "n1"}, "two nodes, not n1 twice"),
        ("fate", {"a": "n1", "b": "n1"}, "two nodes, not n1 twice"),
        ("increment", {"node": "n1", "name": "c", "amount": 2**63}, "to 2.*63 - 1"),
        ("increment", {"node": "n1", "name": "c" * 600, "amount": 1}, "at most 512 bytes"),
        ("update", {"node": "n1", "name": "m", "entries": {"k" * 600: 1}}, "at most 512 bytes"),
        ("increment", {"node": "n1", "name": "\ud800", "amount": 1}, "cannot be encoded"),
        ("broadcast", {"node": "n1", "topic": "\ud800"}, "cannot be encoded"),
        ("broadcast", {"node": "n1", "topic": "t", "times": 10**9}, "from 1 to 10000"),
        ("add", {"node": "n1", "name": "s", "element": 1}, "text"),
        ("add", {"node": "n1", "name": "s", "type": "map", "element": "x"}, "one of set"),
        ("increment", {"node": "n1", "name": "c", "type": [], "amount": 1}, "one of counter, gc"),
        ("put", {"node": "n1", "name": "m", "key": "k", "value": {1: 2}}, "plain data"),
        ("put", {"node": "n1", "name": "m", "key": "k", "value": 1, "path": "a"}, "no map within"),
        ("update", {"node": "n1", "name": "m", "entries": [1]}, "table of texts"),
        ("update", {"node": "n1", "name": "m", "entries": {"k": {1, 2}}}, "plain data"),
        ("transfer", {"node": "n1", "name": "b", "amount": 1, "to": "n7"}, "no node 'n7'"),
        ("reset", {"node": "n1", "name": "c", "amount": 1}, "unknown argument 'amount'"),
        ("broadcast", {"node": "n1", "topic": ""}, "topic"),
        ("broadcast", {"node": "n1", "topic": "t", "payload": "x" * 401}, "400 bytes"),
        ("broadcast", {"node": "n1", "topic": "t", "payload": {1: 2}}, "plain data"),
        ("broadcast", {"node": "n1", "topic": "t", "times": 0}, "from 1"),
        ("query", {"node": "n1", "topic": "t"}, "needs timeout"),
        ("query", {"node": "n1", "topic": "t", "timeout": 0.0}, "0.001 to 3600 s"),
        ("query", {"node": "n1", "topic": "t", "timeout": 1.0, "only": ["n7"]}, "no node 'n7'"),
        ("query", {"node": "n1", "topic": "t", "timeout": 1.0, "only": "n0"}, "list of nodes"),
        ("query", {"node": "n1", "topic": "t", "timeout": 1.0, "relays": 5}, "0 to 4"),
        ("set_tags", {"node": "n1", "tags": {"a": 1}}, "table of texts"),
        ("set_tags", {"node": "n1", "tags": {"a": "x" * 100_000}}, "bytes in all"),
        ("force_leave", {"node": "n1", "who": "n7"}, "no node 'n7'"),
        ("lie", {"node": "n1", "what": "praise", "about": "n0"}, "no lie 'praise'"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(SimError, match=words):
        ACTIONS[name].check(arguments, NAMES)
