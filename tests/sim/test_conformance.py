"""Three drivers, one protocol: the heap, trio in virtual time, and real sockets.

The heap simulator is where bugs are looked for, so it has to be a true picture of the node. With
one seed, whole `Node`s under trio and bare `Peer`s on the heap are compared datagram by datagram,
to the nanosecond. Every datagram takes a delay of its own (`jitter`): where two events of one node
fall on the same nanosecond, the heap takes them in the order of their causes and trio's scheduler
in an order of its own, and both are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
import trio

from node import Config, Node
from node.machine import place
from sim import Faults, Simulation
from sim.agenda import SECOND
from sim.app import SimulatedCluster, run
from sim.trace import Kind, Record
from tests.sim.relay import Relay, RelayedMachine

COMPARED = (Kind.DELIVER, Kind.LOSE, Kind.MEMBER)
CUT, CRASH, HEAL, END = 3.0, 7.0, 16.0, 36.0

ROUGH = Faults(loss=0.05, duplicate=0.03, reorder=0.03, corrupt=0.01, burst=0.01, jitter=0.0003)


End = tuple[bool, str]
"""Whether all agree in the end, and the digest at one of them."""


def on_the_heap(
    nodes: int, seed: int, faults: Faults, *, crash: bool
) -> tuple[Sequence[Record], End]:
    """Two nodes are cut off from the others for a while, both sides write; perhaps one crashes."""
    sim = Simulation(nodes=nodes, seed=seed, faults=faults, keep=True)
    sim.run(CUT)
    sim.partition({"n0", "n1"}, {f"n{index}" for index in range(2, nodes)})
    sim["n0"].set("cart").add("milk")
    sim["n3"].set("cart").add("eggs")
    sim.run(CRASH - CUT)
    if crash:
        sim["n2"].crash()
    sim.run(HEAL - CRASH)
    sim["n1"].counter("visits").increment(3)
    if crash:
        sim["n2"].restart()
    sim.heal()
    sim.run(END - HEAL)
    return sim.log, (sim.converged(), sim["n0"].digest())


async def by_trio(nodes: int, faults: Faults, crash: bool) -> End:
    """The same."""
    async with SimulatedCluster(nodes=nodes, faults=faults) as cluster:
        await trio.sleep_until(CUT)
        cluster.partition({"n0", "n1"}, set(cluster.names[2:]))
        cluster["n0"].set("cart").add("milk")
        cluster["n3"].set("cart").add("eggs")
        await trio.sleep_until(CRASH)
        if crash:
            cluster.crash("n2")
        await trio.sleep_until(HEAL)
        cluster["n1"].counter("visits").increment(3)
        if crash:
            await cluster.restart("n2")
        cluster.heal()
        await trio.sleep_until(END)
        return cluster.agree(), cluster["n0"].digest()


SLOW = Faults(delay=0.02, tail=0.03, bandwidth=50_000, queue=2_000, mtu=1_300)


@pytest.mark.parametrize(
    ("nodes", "seed", "faults", "crash"),
    [
        (5, 1, Faults(loss=0.05, jitter=0.0003), False),
        (5, 2, ROUGH, True),
        (5, 3, SLOW, True),
        (20, 4, ROUGH, False),
    ],
    ids=["loss", "rough", "slow", "many"],
)
def test_heap_and_trio_tell_the_same_story_of_every_node(
    nodes: int, seed: int, faults: Faults, crash: bool
) -> None:
    log, end = on_the_heap(nodes, seed, faults, crash=crash)
    outcome = run(by_trio, nodes, faults, crash, seed=seed, keep=True)
    assert outcome.value == end
    compared = 0
    for node in range(nodes):
        for kind in COMPARED:
            heap, ours = (told(events, node, kind) for events in (log, outcome.log))
            assert ours == heap, f"n{node}: {kind.name}"
            compared += len(ours)
    assert compared > 100 * nodes


def told(log: Sequence[Record], node: int, kind: Kind) -> list[tuple[int, int, bytes]]:
    """What happened to one node: when, with whom, and which bytes."""
    # At the last nanosecond itself, one driver may have begun with what is due there.
    end = round(END * SECOND)
    return [
        (r.at, r.peer, r.payload) for r in log if (r.node, r.kind) == (node, kind) and r.at < end
    ]


# Real sockets.


async def by_sockets(
    nodes: int, seed: int, faults: Faults
) -> list[tuple[list[str], frozenset[str]]]:
    """The same, shorter, on loopback: what each node holds in the end."""
    relay = Relay(nodes, seed, faults)
    place(lambda _: RelayedMachine(relay))
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
        nursery.start_soon(relay.run)
        stack.callback(relay.close)
        stack.callback(nursery.cancel_scope.cancel)
        first = Node(Config(name="n0", bind="127.0.0.1:0", profile="local"))
        there = [await stack.enter_async_context(first)]
        for index in range(1, nodes):
            other = Config(
                name=f"n{index}",
                bind="127.0.0.1:0",
                profile="local",
                join=[str(first.address)],
            )
            there.append(await stack.enter_async_context(Node(other)))
        await until(lambda: all(alive(node) == nodes for node in there))
        relay.network.partition([[0, 1]], one_way=False)
        there[0].set("cart").add("milk")
        there[3].set("cart").add("eggs")
        await until(lambda: alive(there[0]) == 2 and alive(there[3]) == nodes - 2)
        relay.network.heal()
        there[1].set("cart").add("bread")
        # All at one moment: with loss somebody is suspected now and then, and refutes.
        await until(
            lambda: (
                all(alive(node) == nodes for node in there)
                and len({node.digest() for node in there}) == 1
            )
        )
        assert relay.dropped > 10 < relay.passed
        views = [[f"{m.name} {m.state}" for m in node.members()] for node in there]
        return [(view, n.set("cart").value) for view, n in zip(views, there, strict=True)]


def alive(node: Node) -> int:
    return sum(member.state == "alive" for member in node.members())


async def until(holds: object) -> None:
    assert callable(holds)
    while not holds():  # noqa: ASYNC110  # what real sockets bring has no event to wait for
        await trio.sleep(0.01)


@pytest.mark.slow
async def test_real_sockets_through_a_relay_of_faults_come_to_the_same_end() -> None:
    faults = Faults(loss=0.05, duplicate=0.05, corrupt=0.02, delay=0.001, jitter=0.002)
    sim = Simulation(nodes=5, seed=5, faults=faults)
    sim.run(CUT)
    sim.partition({"n0", "n1"})
    sim["n0"].set("cart").add("milk")
    sim["n3"].set("cart").add("eggs")
    sim.run(HEAL)
    sim.heal()
    sim["n1"].set("cart").add("bread")
    sim.run_until(lambda s: s.converged(), timeout=60)
    expected = [
        ([f"{name} {state}" for name, state in node.members().items()], node.set("cart").value)
        for node in sim.nodes
    ]
    with trio.fail_after(15):
        assert await by_sockets(5, 5, faults) == expected
