"""Whole nodes and a user's own tasks in virtual time."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from inspect import getsource
from typing import Any

import pytest
import trio
import trio._core._run as scheduler

from gossip import MemberFailed
from node import Config, Node, NodeClosed
from sim import Faults, SimError, SimTimeout
from sim.app import Outcome, SimulatedCluster, run
from sim.app.running import CHANCE, SWITCH
from sim.determinism import VARIANTS, perturb
from sim.partitions import bridge
from tests.sim.app_story import story


def simulate(scenario: Callable[[SimulatedCluster], Awaitable[object]], **cluster: object) -> None:
    """Run a scenario on three nodes that have met."""

    async def main() -> None:
        async with SimulatedCluster(**{"nodes": 3} | cluster) as there:  # type: ignore[arg-type]
            await there.converged(timeout=30)
            await scenario(there)

    run(main, seed=7)


def states(node: Node) -> dict[str, str]:
    return {member.name: member.state for member in node.members()}


# A run.


def test_a_virtual_hour_takes_no_time_and_the_value_comes_back() -> None:
    async def main(words: str) -> str:
        await trio.sleep(3599)
        return words

    before = time.monotonic()
    outcome = run(main, "done", seed=3)
    assert (outcome.value, outcome.seconds) == ("done", 3599.0)
    assert time.monotonic() - before < 60


def test_everything_is_put_back_as_it_was() -> None:
    async def main() -> tuple[float, bool]:
        return random.random(), gc.isenabled()

    names = vars(scheduler)
    switch, chance, ours = names[SWITCH], names[CHANCE].getstate(), random.getstate()
    assert run(main, seed=1).value == run(main, seed=1).value
    assert run(main, seed=1).value != run(main, seed=2).value
    assert not run(main).value[1], "the garbage collector rests"
    with pytest.raises(ZeroDivisionError):
        run(failing)
    assert (names[SWITCH], names[CHANCE].getstate()) == (switch, chance)
    assert random.getstate() == ours
    assert gc.isenabled()


async def failing() -> None:
    await trio.sleep(1.5)
    raise ZeroDivisionError


def test_what_a_program_raises_tells_the_seed_and_the_time() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(failing, seed=11)
    assert caught.value.__notes__ == ["simulated: seed 11, 1.500 virtual seconds"]


def test_a_program_that_waits_for_ever_is_ended() -> None:
    async def main() -> None:
        async with SimulatedCluster(nodes=2):
            await trio.sleep_forever()

    with pytest.raises(SimTimeout, match="has not ended after 20 virtual seconds"):
        run(main, limit=20.0)


async def test_a_run_within_a_run_is_refused() -> None:
    with pytest.raises(SimError, match="begin it in a plain function"):
        run(failing)


async def test_a_cluster_outside_of_a_run_is_refused() -> None:
    with pytest.raises(SimError, match="needs virtual time"):
        SimulatedCluster()


def test_there_is_no_real_network_and_names_are_those_of_the_cluster() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        with pytest.raises(SimError, match="no real sockets"):
            trio.socket.socket()
        (found,) = await trio.socket.getaddrinfo("n1", 80)
        assert found[4] == (cluster["n1"].address.host, 80)
        with pytest.raises(OSError, match="no host b'example'"):
            await trio.open_tcp_stream("example", 80)

    simulate(scenario)


# A cluster.


def test_writes_on_both_sides_of_a_partition_meet_when_it_heals() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        cluster.partition({"n0"}, {"n1", "n2"})
        cluster["n0"].set("cart").add("milk")
        cluster["n1"].set("cart").add("eggs")
        await trio.sleep(20)
        assert cluster["n2"].set("cart").value == {"eggs"}
        assert states(cluster["n0"]) == {"n0": "alive", "n1": "failed", "n2": "failed"}
        assert any(isinstance(event, MemberFailed) for _, _, event in cluster.events)
        with pytest.raises(SimTimeout, match="not within 5 virtual seconds"):
            await cluster.converged(timeout=5)
        cluster.heal()
        assert 0 < await cluster.converged(timeout=60) < 60
        assert cluster["n2"].set("cart").value == {"milk", "eggs"}

    simulate(scenario, faults=Faults(loss=0.05))


def test_what_goes_one_way_only_does_so() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        cluster.partition({"n0"}, {"n1", "n2"}, one_way=True)
        cluster["n1"].counter("visits").increment()
        cluster["n0"].counter("visits").increment()
        await trio.sleep(0.2)
        assert [cluster[name].counter("visits").value for name in cluster.names] == [2, 1, 1]

    simulate(scenario)


def test_a_link_can_be_slow() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        cluster.link("n0", "n1", delay=0.3)
        cluster.link("n0", "n2", delay=0.3)
        cluster["n0"].counter("visits").increment()
        at = trio.current_time()
        await cluster["n0"].sync(acks="all", timeout=5)
        assert 0.3 <= trio.current_time() - at < 0.5
        with pytest.raises(SimError, match="a link has two ends"):
            cluster.link("n0", "n0", loss=1.0)
        with pytest.raises(SimError, match="a link has none of lost"):
            cluster.link("n0", "n1", lost=1.0)

    simulate(scenario)


def test_a_crash_is_no_goodbye_and_what_was_flushed_is_there_again() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        old = cluster["n2"]
        cluster.partition({"n2"})
        old.counter("visits").increment(3)
        await old.sync(acks=1, timeout=1.0)
        old.counter("visits").increment(4)  # not flushed
        cluster.crash("n2")
        with pytest.raises(SimError, match="n2 does not run"):
            cluster["n2"]
        cluster.heal()
        await trio.sleep(20)
        assert states(cluster["n0"])["n2"] == "failed"
        assert cluster["n0"].names() == {}
        new = await cluster.restart("n2")
        assert new is cluster["n2"]
        assert (new.id, new.counter("visits").value) == (old.id, 3)
        await cluster.converged(timeout=30)
        assert cluster["n0"].counter("visits").value == 3

    simulate(scenario)


def test_an_empty_disk_makes_another_member() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        cluster["n0"].counter("visits").increment()
        await cluster["n0"].sync(acks="all", timeout=5)
        before = cluster["n0"].id
        cluster.crash("n0")
        new = await cluster.restart("n0", lose_disk=True)
        assert new.id != before
        assert new.names() == {}
        await cluster.converged(timeout=30)
        assert new.counter("visits").value == 1

    simulate(scenario)


def test_who_leaves_has_left_and_can_come_back() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        await cluster.leave("n1")
        await cluster.until(lambda: states(cluster["n0"])["n1"] == "left", timeout=5)
        await cluster.converged(timeout=5)
        await cluster.restart("n1")
        with pytest.raises(SimError, match="n1 is running"):
            await cluster.restart("n1")
        await cluster.converged(timeout=30)
        await cluster["n2"].leave()  # as the user's own code may do
        with pytest.raises(NodeClosed):
            cluster["n2"].counter("visits")
        await cluster.converged(timeout=5)

    simulate(scenario)


def test_a_program_runs_beside_each_node_from_its_start_to_its_end() -> None:
    lives: list[str] = []

    async def program(node: Node) -> None:
        lives.append(f"+{node.name}")
        try:
            await trio.sleep_forever()
        finally:
            lives.append(f"-{node.name}")

    async def scenario(cluster: SimulatedCluster) -> None:
        assert lives == ["+n0", "+n1", "+n2"]
        cluster.crash("n1")
        await trio.sleep(0.1)
        assert lives[3:] == ["-n1"]
        await cluster.restart("n1")
        await trio.sleep(0.1)
        assert lives[4:] == ["+n1"]

    simulate(scenario, program=program)
    assert sorted(lives[5:]) == ["-n0", "-n1", "-n2"]


def test_an_error_in_a_program_stops_the_run() -> None:
    async def program(node: Node) -> None:
        await trio.sleep(3)
        raise KeyError(node.name)

    async def scenario(_: SimulatedCluster) -> None:
        await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        simulate(scenario, program=program, nodes=1)
    assert caught.group_contains(KeyError, match="n0")


def test_a_wall_clock_that_is_wrong_is_not_that_of_the_others() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        cluster.skew("n0", -3600.0)
        cluster["n1"].register("colour").set("red")
        await cluster.converged(timeout=5)
        cluster["n0"].register("colour").set("blue")  # later, whatever its clock says
        await cluster.converged(timeout=5)
        assert cluster["n2"].register("colour").value == "blue"

    simulate(scenario)


def test_settings_go_to_every_node() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        assert [dict(m.tags) for m in cluster["n0"].members()] == [{"role": "web"}] * 3

    simulate(scenario, tags={"role": "web"})


def test_a_node_of_ones_own_needs_a_host_that_is_free() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        with pytest.raises(SimError, match="there is no node 'web-1'"):
            async with Node(Config(name="web-1")):
                pass
        with pytest.raises(SimError, match="n0 runs already"):
            async with Node(Config(name="n0")):
                pass

    simulate(scenario)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([{"n0", "n9"}], "there is no node 'n9'"),
        ([{"n0"}, {"n0", "n1"}], "n0 is in two groups"),
        (["n0"], "not the one name 'n0'"),
    ],
)
def test_a_partition_that_makes_no_sense_is_refused(groups: list[set[str]], words: str) -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        with pytest.raises(SimError, match=words):
            cluster.partition(*groups)
        with pytest.raises(KeyError):
            cluster["n9"]
        with pytest.raises(SimError, match="there is no node 'n9'"):
            cluster.crash("n9")

    simulate(scenario)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"nodes": 0}, "nodes is how many there are"),
        ({"nodes": True}, "nodes is how many there are"),
        ({"seed": 1.5}, "seed is an integer"),
        ({"faults": Faults(rebind=0.1)}, "rebind is not simulated for whole nodes"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(given: dict[str, object], words: str) -> None:
    async def scenario(_: SimulatedCluster) -> None:
        pytest.fail("it started")

    with pytest.raises(SimError, match=words):
        simulate(scenario, **given)


# The same each time.


def test_the_seed_decides_and_the_story_comes_to_a_good_end() -> None:
    def outcome(seed: int) -> Outcome[int]:
        return run(story, seed=seed)

    one = outcome(1)
    assert outcome(1) == one
    assert outcome(2).trace_hash != one.trace_hash
    assert one.value > 75, "20 visits at each of four nodes, some lost, some again after a restart"


def test_what_comes_from_outside_shows_in_the_hash() -> None:
    async def main() -> None:
        await trio.sleep(int.from_bytes(os.urandom(6)) / 2**48)

    assert run(main).trace_hash != run(main).trace_hash


@pytest.mark.slow
def test_the_story_is_the_same_in_processes_that_have_nothing_in_common() -> None:
    told = set()
    for variant in VARIANTS:
        perturbing = f"kept = perturb({variant.perturbed})\n" if variant.perturbed else ""
        code = f"{getsource(perturb)}\n{perturbing}from tests.sim.app_story import main\nmain()\n"
        done = subprocess.run(
            [sys.executable, *variant.flags, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": variant.hash_seed},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told.add(done.stdout)
    assert len(told) == 1
    assert len(told.pop().splitlines()) == 2


# Cuts, as in the heap simulator.


def test_a_cut_is_healed_alone_and_flaps() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        bridged = cluster.cut(bridge(["n0", "n1", "n2"]))
        named = cluster.cut([("n1", "n0")], name="cut 1", flap=0.5)
        deaf = cluster.cut({"n0": ["n1"]})
        assert len({bridged.name, named.name, deaf.name}) == 3
        cluster["n1"].set("cart").add("milk")
        await trio.sleep(0.4)
        assert "milk" not in cluster["n0"].set("cart")
        deaf.heal()
        assert (bridged.active, named.active, deaf.active) == (True, True, False)
        await cluster.until(lambda: "milk" in cluster["n2"].set("cart"), timeout=30)
        cluster.heal()
        assert not bridged.active
        await cluster.converged(timeout=60)

    simulate(scenario)


def test_cuts_and_their_ends_are_in_the_hash() -> None:
    async def nothing(cluster: SimulatedCluster) -> None:
        await trio.sleep(1)

    async def cut(cluster: SimulatedCluster) -> None:
        cluster.cut([("n0", "n1")]).heal()
        await trio.sleep(1)

    def hashed(scenario: Callable[[SimulatedCluster], Awaitable[object]]) -> str:
        async def main() -> None:
            async with SimulatedCluster(nodes=2) as cluster:
                await scenario(cluster)

        return run(main).trace_hash

    assert hashed(cut) == hashed(cut) != hashed(nothing)


@pytest.mark.parametrize(
    ("ways", "given", "sentence"),
    [
        ("n0", {}, "a cut is a set of pairs"),
        ([("n0", "n9")], {}, "there is no node 'n9'"),
        ([("n0", "n0")], {}, "a cut is between two nodes"),
        ([("n0", "n1")], {"flap": -1.0}, "flap is a number of seconds from 0"),
        ([("n0", "n1")], {"name": 3}, "the name of a cut is text"),
    ],
)
def test_what_is_no_cut_is_refused(ways: Any, given: dict[str, Any], sentence: str) -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        with pytest.raises(SimError, match=sentence):
            cluster.cut(ways, **given)

    simulate(scenario)


def test_a_link_refuses_what_does_nothing_here() -> None:
    async def scenario(cluster: SimulatedCluster) -> None:
        with pytest.raises(SimError, match="rebind is not simulated for whole nodes"):
            cluster.link("n0", "n1", rebind=0.5)

    simulate(scenario)
