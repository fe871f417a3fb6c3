"""The contract's simulator, promise by promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from gossip import MemberEvent, MemberFailed, MemberJoined
from sim import Faults, SimError, SimTimeout, Simulation


def converged(sim: Simulation) -> bool:
    return sim.converged()


def formed(nodes: int = 5, seed: int = 7, faults: Faults | None = None) -> Simulation:
    """A cluster whose members have met."""
    sim = Simulation(nodes=nodes, seed=seed, faults=faults)
    sim.run_until(converged, timeout=30.0)
    return sim


def test_the_example_of_the_contract_works_as_written() -> None:
    sim = Simulation(nodes=5, seed=7, faults=Faults(loss=0.05))
    sim.run(10.0)
    sim.partition({"n0", "n1"}, {"n2", "n3", "n4"})
    sim["n0"].set("cart").add("milk")
    sim["n3"].crash()
    sim.run(20.0)
    sim["n3"].restart()
    sim.heal()
    took = sim.run_until(lambda s: s.converged(), timeout=60.0)
    sim.check()
    assert 0 < took <= 60
    assert sim["n3"].set("cart").value == {"milk"}
    assert len(sim.trace_hash) == 32


def test_all_nodes_start_at_time_zero_and_find_each_other_through_n0() -> None:
    sim = Simulation(nodes=4)
    assert sim.now == 0
    assert [node.name for node in sim.nodes] == ["n0", "n1", "n2", "n3"]
    assert sim["n1"].members() == {"n1": "alive"}
    assert not sim.converged()
    sim.run_until(converged, timeout=10.0)
    assert sim["n3"].members() == dict.fromkeys(["n0", "n1", "n2", "n3"], "alive")


def test_one_node_is_a_cluster() -> None:
    sim = Simulation(nodes=1)
    sim.run(5.0)
    assert sim.converged()
    assert sim["n0"].members() == {"n0": "alive"}
    sim.check()


def test_data_goes_from_any_node_to_all() -> None:
    sim = formed()
    for index, node in enumerate(sim.nodes):
        node.counter("visits").increment(index)
        node.set("online").add(node.name)
        node.map("config")[node.name] = index
    assert not sim.converged()
    sim.run_until(converged, timeout=10.0)
    last = sim["n4"]
    assert last.counter("visits").value == 10
    assert last.set("online").value == {node.name for node in sim.nodes}
    assert last.map("config")["n2"] == 2
    assert last.names() == {"visits": "counter", "online": "set", "config": "map"}
    assert last.names("on") == {"online": "set"}
    assert len({node.digest() for node in sim.nodes}) == 1


def test_virtual_time_is_what_was_asked_for() -> None:
    sim = Simulation(nodes=2)
    sim.run(1.5)
    sim.run(0)
    assert sim.now == 1.5


def test_run_until_looks_at_least_every_fifty_milliseconds_and_tells_what_it_took() -> None:
    sim = Simulation(nodes=2)
    sim.run(1.0)
    looks = list[float]()

    def look(s: Simulation) -> bool:
        looks.append(s.now)
        return s.now >= 1.33

    took = sim.run_until(look, timeout=5.0)
    assert took == pytest.approx(sim.now - 1.0)
    assert 0.33 <= took <= 0.38
    assert looks[0] == 1.0
    assert max(b - a for a, b in pairwise(looks)) <= 0.05 + 1e-9
    assert sim.run_until(lambda _: True, timeout=0) == 0


def test_run_until_gives_up_at_the_limit_and_the_run_can_go_on() -> None:
    sim = Simulation(nodes=2, seed=3)
    with pytest.raises(SimTimeout, match="seed 3"):
        sim.run_until(lambda _: False, timeout=0.12)
    assert sim.now == pytest.approx(0.12)
    sim.run_until(converged, timeout=10.0)


def test_events_tell_when_where_and_what() -> None:
    sim = formed(nodes=3)
    joined = {(node, event.member.name) for _, node, event in sim.events}
    assert joined == {(a, b) for a in ("n0", "n1", "n2") for b in ("n0", "n1", "n2") if a != b}
    assert all(isinstance(event, MemberJoined) for _, _, event in sim.events)
    assert all(isinstance(event, MemberEvent) for _, _, event in sim.events)
    times = [at for at, _, _ in sim.events]
    assert times == sorted(times)
    assert 0 < times[0] <= times[-1] <= sim.now


def test_messages_count_what_was_sent_even_into_a_void() -> None:
    sim = Simulation(nodes=2, faults=Faults(loss=1))
    started = sim.messages
    sim.run(10.0)
    assert sim.messages > started > 0
    assert sim["n0"].members() == {"n0": "alive"}


def story(sim: Simulation, pieces: int, look: Callable[[Simulation], object]) -> str:
    """A run of 20 seconds with some faults in it, cut into pieces and looked at in between."""
    for step in range(pieces):
        sim.run(10.0 / pieces)
        look(sim)
        del step
    sim["n1"].counter("x").increment()
    sim["n2"].crash()
    for _ in range(pieces):
        sim.run(10.0 / pieces)
        look(sim)
    return sim.trace_hash


def look_at_everything(sim: Simulation) -> None:
    sim.converged()
    sim.check()
    for node in sim.nodes:
        if node.running:
            node.members(), node.digest(), node.names(), node.counter("x").value
            node.set("never used").value, node.map("neither").value
    len(sim.events), sim.messages, sim.trace_hash, repr(sim.nodes)


def test_reading_and_splitting_a_run_leave_the_trace_as_it_was() -> None:
    faults = Faults(loss=0.1, duplicate=0.1, reorder=0.1)
    whole = story(Simulation(nodes=4, seed=5, faults=faults), 1, lambda _: None)
    split = story(Simulation(nodes=4, seed=5, faults=faults), 40, lambda _: None)
    looked = story(Simulation(nodes=4, seed=5, faults=faults), 8, look_at_everything)
    assert whole == split == looked


def test_the_seed_and_every_act_count_in_the_trace() -> None:
    def trace(act: Callable[[Simulation], object], seed: int = 5) -> str:
        sim = Simulation(nodes=4, seed=seed)
        sim.run(5.0)
        act(sim)
        sim.run(1.0)
        return sim.trace_hash

    acts: list[Callable[[Simulation], object]] = [
        lambda s: None,
        lambda s: s["n1"].counter("x").increment(),
        lambda s: s["n1"].crash(),
        lambda s: s["n1"].crash(power=True),
        lambda s: s["n1"].pause(),
        lambda s: s["n1"].leave(),
        lambda s: s["n1"].skew(1.0),
        lambda s: s.partition({"n1"}),
        lambda s: s.partition({"n1"}, one_way=True),
        lambda s: s.heal(),
        lambda s: s.link("n0", "n1", loss=0.5),
    ]
    traces = [trace(act) for act in acts]
    assert traces == [trace(act) for act in acts]
    assert len(set(traces)) == len(traces)
    assert trace(acts[0], seed=6) not in traces


def test_at_does_something_in_the_midst_of_a_run() -> None:
    sim = formed()
    seen = list[float]()
    at = sim.now + 1.25

    def act(within: Simulation) -> None:
        seen.append(within.now)
        within["n4"].crash()

    sim.at(at, act)
    sim.run(20.0)
    assert seen == [at]
    assert sim["n0"].members()["n4"] == "failed"
    with pytest.raises(SimError, match="in the past"):
        sim.at(1.0, lambda _: None)


def test_a_run_within_a_run_is_refused() -> None:
    sim = Simulation(nodes=2)
    sim.at(1.0, lambda s: s.run(5.0))
    with pytest.raises(SimError, match="within a run"):
        sim.run(2.0)


@pytest.mark.parametrize("nodes", [0, -1, 2.0, "5", None, True])
def test_a_number_of_nodes_that_cannot_be_is_refused(nodes: Any) -> None:
    with pytest.raises(SimError, match="nodes"):
        Simulation(nodes=nodes)


@pytest.mark.parametrize("seed", [1.5, "7", None, False])
def test_a_seed_that_is_no_integer_is_refused(seed: Any) -> None:
    with pytest.raises(SimError, match="seed"):
        Simulation(nodes=2, seed=seed)


def test_faults_that_are_no_faults_are_refused() -> None:
    faults: Any = {"loss": 0.5}
    with pytest.raises(SimError, match="faults"):
        Simulation(nodes=2, faults=faults)


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf, "1", None])
def test_a_time_that_cannot_be_is_refused_and_no_time_passes(seconds: Any) -> None:
    sim = Simulation(nodes=2)
    before = sim.trace_hash
    with pytest.raises(SimError):
        sim.run(seconds)
    with pytest.raises(SimError):
        sim.run_until(lambda _: True, timeout=seconds)
    with pytest.raises(SimError):
        sim.at(seconds, lambda _: None)
    assert (sim.now, sim.trace_hash) == (0, before)


@pytest.mark.parametrize("name", ["n2", "n-1", "", "N0", "n00", 0, None])
def test_a_node_that_does_not_exist_is_a_key_error(name: Any) -> None:
    with pytest.raises(KeyError):
        Simulation(nodes=2)[name]


def test_a_simulation_is_not_a_sequence() -> None:
    sim: Any = Simulation(nodes=1)
    with pytest.raises(TypeError, match="not iterable"):
        list(sim)


def test_impossible_partitions_and_links_are_refused_and_change_nothing() -> None:
    sim = Simulation(nodes=3)
    before = sim.trace_hash
    with pytest.raises(SimError, match="n1 is in two groups"):
        sim.partition({"n0", "n1"}, {"n1", "n2"})
    with pytest.raises(SimError, match="no node 'n7'"):
        sim.partition({"n0", "n7"})
    with pytest.raises(SimError, match="collection of names"):
        sim.partition("n0", "n1")
    with pytest.raises(SimError, match="no node 'n3'"):
        sim.link("n0", "n3", loss=1)
    with pytest.raises(SimError, match="loss"):
        sim.link("n0", "n1", loss=2)
    with pytest.raises(SimError, match="delay"):
        sim.link("n0", "n1", delay=-1)
    with pytest.raises(SimError, match="two ends"):
        sim.link("n0", "n0", loss=1)
    assert sim.trace_hash == before
    sim.run_until(converged, timeout=10.0)


CALLS: list[Callable[[Any], object]] = [
    lambda node: node.members(),
    lambda node: node.counter("x"),
    lambda node: node.set("x"),
    lambda node: node.map("x"),
    lambda node: node.names(),
    lambda node: node.digest(),
    lambda node: node.statistics(),
    lambda node: node.crash(),
    lambda node: node.pause(),
    lambda node: node.resume(),
    lambda node: node.leave(),
    lambda node: node.skew(1.0),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_node_that_does_not_run_refuses_every_call(call: Callable[[Any], object]) -> None:
    sim = formed(nodes=3)
    sim["n1"].crash()
    sim["n2"].leave()
    for _ in range(2):
        for name in ("n1", "n2"):
            with pytest.raises(SimError, match=f"{name} does not run"):
                call(sim[name])
        sim.run(10.0)
    sim["n1"].restart()
    call(sim["n1"])


def test_a_node_that_runs_cannot_be_restarted() -> None:
    sim = formed(nodes=2)
    with pytest.raises(SimError, match="n1 is running"):
        sim["n1"].restart()
    sim["n1"].pause()
    with pytest.raises(SimError, match="n1 is running"):
        sim["n1"].restart()
    with pytest.raises(SimError, match="paused"):
        sim["n1"].leave()


@pytest.mark.parametrize("seconds", [math.inf, math.nan, "1"])
def test_a_skew_that_is_no_time_is_refused(seconds: Any) -> None:
    with pytest.raises(SimError, match="skew"):
        Simulation(nodes=1)["n0"].skew(seconds)


def test_a_value_of_a_process_that_ended_is_dead() -> None:
    sim = formed(nodes=2)
    cart = sim["n1"].set("cart")
    sim["n1"].crash()
    with pytest.raises(SimError, match="n1 no longer runs"):
        cart.add("milk")
    sim["n1"].restart()
    with pytest.raises(SimError, match="a process that ended"):
        cart.add("eggs")
    assert sim["n1"].set("cart").value == frozenset()


def test_converged_is_false_while_anything_differs() -> None:
    sim = formed(nodes=3)
    sim["n1"].set("s").add(1)
    assert not sim.converged()  # data
    sim.run_until(converged, timeout=10.0)
    sim["n2"].crash()
    assert not sim.converged()  # n2 is still seen alive
    sim.run(30.0)
    assert sim["n0"].members()["n2"] == "failed"
    assert sim.converged()
    assert not any(isinstance(event, MemberFailed) for _, node, event in sim.events if node == "n2")


def test_what_the_nodes_have_sent_is_what_went_over_the_network() -> None:
    sim = formed(nodes=3)
    counts = [node.statistics() for node in sim.nodes]
    assert sum(each.datagrams_sent for each in counts) == sim.messages > 0
    assert all(each.bytes_sent > each.datagrams_sent for each in counts)


def test_a_cluster_is_started_once() -> None:
    with pytest.raises(SimError, match="were started already"):
        formed().boot()
    sim = Simulation(nodes=1, boot=False)
    sim.boot()
    sim["n0"].leave()
    sim.run(3.0)
    with pytest.raises(SimError, match="were started already"):
        sim.boot()


def test_there_are_no_more_nodes_than_members_remember() -> None:
    for nodes in (8193, 10**9):
        with pytest.raises(SimError, match="nodes is at most 8192"):
            Simulation(nodes=nodes)


def test_what_is_no_timing_and_no_truth_is_refused() -> None:
    timing: Any = 3
    with pytest.raises(SimError, match="timing is a Timing, not 3"):
        Simulation(nodes=3, timing=timing)
    forwarded: Any = "no"
    with pytest.raises(SimError, match="forwarded is true or false, not 'no'"):
        formed()["n0"].rebind(forwarded=forwarded)
