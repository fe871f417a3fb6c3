"""The shapes of partitions, and cuts that are healed alone."""

from __future__ import annotations

from typing import Any

import pytest

from sim import SimError, Simulation
from sim.partitions import SHAPES, between, bridge, deaf, grudge, halves, isolate, mute, ring

NAMES = ["n0", "n1", "n2", "n3", "n4"]
LETTERS = list("abcdefg")


def pairs(cut: Any) -> set[str]:
    return {source + other for source, others in cut.items() for other in others}


def both(*ways: str) -> set[str]:
    return {way for each in ways for way in (each, each[::-1])}


def test_a_grudge_is_made_of_directed_pairs() -> None:
    assert pairs(grudge([("a", "b"), ("a", "c"), ("c", "b")])) == {"ab", "ac", "cb"}


def test_the_usual_shapes() -> None:
    names = list("abcde")
    assert pairs(halves(names)) == both("ac", "ad", "ae", "bc", "bd", "be")
    assert pairs(isolate(names)) == both("ab", "ac", "ad", "ae")
    assert pairs(bridge(names)) == both("bd", "be", "cd", "ce")
    assert pairs(mute(names)) == {"ab", "ac", "ad", "ae"}
    assert pairs(deaf(names)) == {"ba", "ca", "da", "ea"}
    assert pairs(between("ab", "c", "de", one_way=True)) == {"ac", "bc", "ad", "bd", "ae", "be"}


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7])
def test_in_a_ring_everybody_hears_a_majority_and_no_two_the_same(count: int) -> None:
    names = LETTERS[:count]
    cut = ring(names)
    reaches = {name: frozenset(names) - cut[name] for name in names}
    assert {len(reached) for reached in reaches.values()} == {count // 2 + 1}
    assert all(name in reached for name, reached in reaches.items())
    assert len(set(reaches.values())) == count
    heard = {name: {other for other in names if name in reaches[other]} for name in names}
    assert {len(each) for each in heard.values()} == {count // 2 + 1}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [2, 3, 9])
def test_every_shape_is_a_cut_of_any_number(shape: str, count: int) -> None:
    sim = Simulation(nodes=count)
    sim.cut(SHAPES[shape]([node.name for node in sim.nodes]))


def formed() -> Simulation:
    sim = Simulation(nodes=5, seed=7)
    sim.run_until(lambda s: s.converged(), timeout=30.0)
    return sim


def test_every_cut_is_healed_alone() -> None:
    sim = formed()
    first = sim.cut(isolate(["n1", "n0", "n2", "n3", "n4"]))
    second = sim.cut(isolate(["n2", "n0", "n1", "n3", "n4"]))
    sim.partition({"n3"})
    sim.run(30.0)
    alone = {"n0": "failed", "n1": "failed", "n2": "failed", "n3": "failed", "n4": "failed"}
    for name in ("n1", "n2", "n3"):
        assert sim[name].members() == alone | {name: "alive"}
    first.heal()
    first.heal()
    assert (first.active, second.active) == (False, True)
    sim.run_until(lambda s: s["n1"].members()["n0"] == "alive", timeout=60.0)
    assert sim["n2"].members()["n0"] == sim["n3"].members()["n0"] == "failed"
    sim.heal()
    assert not second.active
    sim.run_until(lambda s: s.converged(), timeout=60.0)
    sim.check()


def test_healing_a_cut_leaves_the_partition() -> None:
    sim = formed()
    sim.partition({"n0"})
    sim.cut([("n1", "n2")]).heal()
    sim.run(30.0)
    assert sim["n1"].members()["n0"] == "failed"


def test_a_cut_goes_one_way() -> None:
    sim = formed()
    sim.cut(mute(NAMES))
    sim["n0"].set("s").add("unheard")
    sim["n1"].set("s").add("heard")
    sim.run(3.0)
    assert "heard" in sim["n0"].set("s")
    assert "unheard" not in sim["n1"].set("s")


def test_a_bridge_carries_data_between_halves_that_do_not_reach_each_other() -> None:
    sim = formed()
    sim.cut(bridge(NAMES))
    sim["n1"].set("s").add("x")
    sim.run_until(lambda s: "x" in s["n4"].set("s"), timeout=30.0)
    sim.check()


def test_a_cut_flaps() -> None:
    sim = formed()
    sim.cut(isolate(NAMES), flap=2.0)
    seen = []
    for _ in range(8):
        before = sim.befell.get("cut", 0)
        sim.run(2.0)
        seen.append(sim.befell.get("cut", 0) > before)
    assert seen == [True, False] * 4
    sim.heal()
    sim.run_until(lambda s: s.converged(), timeout=60.0)
    sim.check()


def test_a_cut_replaces_the_one_of_its_name() -> None:
    sim = formed()
    first = sim.cut([("n0", "n1")], name="a")
    second = sim.cut([("n0", "n2")], name="a")
    assert (first.active, second.active) == (False, True)
    first.heal()
    assert second.active
    assert sim.cuts["a"] is second
    sim.partition()
    assert second.active


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ([("n0", "n9")], "no node 'n9'"),
        ([("n0", "n0")], "between two nodes"),
        ([("n0",)], "pairs"),
        (["n0"], "pairs"),
        ("n0", "pairs"),
        (7, "pairs"),
        ({"n0": "n1"}, "collection of names"),
        ({"n0": ["n1", 3]}, "no node 3"),
        ([(["n0"], "n1")], "no node"),
    ],
)
def test_impossible_cuts_are_refused_and_change_nothing(cut: Any, words: str) -> None:
    sim = Simulation(nodes=3)
    before = sim.trace_hash
    with pytest.raises(SimError, match=words):
        sim.cut(cut)
    with pytest.raises(SimError, match="flap"):
        sim.cut([("n0", "n1")], flap=-1.0)
    assert sim.trace_hash == before
    assert not sim.cuts


def test_a_cut_without_a_name_takes_nobodys() -> None:
    sim = formed()
    named = sim.cut([("n0", "n1")], name="cut 1")
    mine = sim.cut([("n1", "n2")])
    assert named.active
    assert mine.active
    assert len(sim.cuts) == 2


@pytest.mark.parametrize("group", [3, None, [["n0"]], [3]])
def test_what_is_no_group_is_refused(group: Any) -> None:
    with pytest.raises(SimError):
        formed().partition(["n0"], group)
