"""How a node starts and ends, and what then becomes of who waits for something."""

from __future__ import annotations

import pytest
import trio

from node import Node, NodeClosed, NodeError
from tests.node.test_node import config, states, until


async def test_a_node_is_started_again_when_its_block_has_ended_and_not_before() -> None:
    node = Node(config("again"))
    async with node:
        address = node.address
        for leave in (False, True):
            if leave:
                await node.leave()
            with pytest.raises(NodeError, match="runs already"):
                async with node:
                    raise AssertionError("it started")
        assert (node.phase, node.address) == ("left", address)
    async with node:
        node.counter("visits").increment()
        assert node.phase == "running"
    assert node.phase == "left"


async def test_sync_ends_with_the_node() -> None:
    async with Node(config("gone")) as node:
        node.counter("visits").increment()
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(node.leave)
                with pytest.raises(NodeClosed):
                    await node.sync(acks=9, timeout=60)


async def test_a_sync_that_nobody_answers_is_not_done_because_its_node_leaves() -> None:
    async with (
        Node(config("stays", fault_injection=True)) as stays,
        Node(config("goes", join=[str(stays.address)], fault_injection=True)) as goes,
    ):
        await until(lambda: states(stays) == states(goes) == ["alive"] * 2)
        stays.block([goes.address])
        goes.block([stays.address])
        goes.counter("visits").increment()
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(goes.leave)
                with pytest.raises(NodeClosed):
                    await goes.sync(acks="majority", timeout=60)
