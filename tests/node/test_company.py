"""What a node is told of others."""

from __future__ import annotations

import trio

from node import NameConflict, Node
from tests.node.test_node import config, until


async def test_two_nodes_of_one_name_are_told_of_each_other_and_both_run() -> None:
    async with Node(config("other")) as other, Node(config("a", join=[str(other.address)])) as a:
        await until(lambda: len(other.members()) == 2)
        told = a.events()
        async with Node(config("a", join=[str(other.address)])) as twin:
            for node, events, rival in ((a, told, twin), (twin, twin.events(), a)):
                with trio.fail_after(5):
                    while not isinstance(conflict := await anext(aiter(events)), NameConflict):
                        pass
                assert (conflict.member.address, conflict.rival) == (node.address, rival.address)
            assert [m.address for m in other.members() if m.name == "a"] == [a.address]
