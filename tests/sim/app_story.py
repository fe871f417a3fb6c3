"""A program on a simulated cluster in which much goes wrong, for tests that compare its runs."""

from __future__ import annotations

import random

import trio

from crdt import CrdtError
from node import CounterChanged, Node, SyncTimeout
from sim import Faults
from sim.app import SimulatedCluster, run

ROUGH = Faults(loss=0.05, duplicate=0.05, reorder=0.05, corrupt=0.02, jitter=0.001)


async def clerk(node: Node) -> None:
    """Beside every node: it watches, it writes, and now and then it waits for others."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_count, node)
        for number in range(20):
            await trio.sleep(random.uniform(0.1, 0.9))
            node.counter("visits").increment()
            node.set("online").add(f"{node.name} {number}")
            if number % 5 == 0:
                with trio.move_on_after(random.uniform(0, 2)):
                    try:
                        await node.sync(acks="majority", timeout=1.0)
                    except (SyncTimeout, CrdtError):
                        node.map("missed")[f"{node.name} {number}"] = number


async def _count(node: Node) -> None:
    async for change in node.watch("visits"):
        if isinstance(change, CounterChanged) and change.value % 10 == 0:
            node.map("tens")[node.name] = change.value


async def story() -> int:
    """A partition, a crash and a return; the visits that all agree on in the end."""
    async with SimulatedCluster(nodes=4, faults=ROUGH, program=clerk) as cluster:
        await trio.sleep(5)
        cluster.partition({"n0", "n1"}, {"n2", "n3"})
        await trio.sleep(6)
        cluster.crash("n3")
        cluster.skew("n2", -3600.0)
        await trio.sleep(6)
        cluster.heal()
        await cluster.restart("n3")
        await trio.sleep(8)
        await cluster.leave("n1")
        await cluster.restart("n1")
        await trio.sleep(15)
        await cluster.converged(timeout=60)
        return cluster["n0"].counter("visits").value


def main() -> None:
    """Print what tells two runs apart."""
    for seed in (1, 2):
        outcome = run(story, seed=seed)
        print(seed, outcome.trace_hash, outcome.value, outcome.seconds)
