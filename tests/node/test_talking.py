"""Nodes over real sockets: what one tells, all hear; what one asks, others answer."""

from __future__ import annotations

import gc
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from gossip import QueryId
from gossip.effects import QueryAsked
from node import (
    Lagged,
    Node,
    NodeBusy,
    NodeClosed,
    Question,
    UserEvent,
    UserEventsLost,
    where,
)
from node.talking import BUSY_MAX
from node.watching import PENDING
from tests.node.test_node import config, states, until


def name_of(node: Node, _: Question) -> str:
    return node.name


@pytest.fixture
async def four() -> AsyncIterator[list[Node]]:
    async with AsyncExitStack() as stack:
        nodes: list[Node] = []
        for index in range(4):
            tags = {"role": "web" if index % 2 else "db"}
            join = [str(node.address) for node in nodes[:1]]
            made = Node(config(f"n{index}", join=join, tags=tags))
            nodes.append(await stack.enter_async_context(made))
        await until(lambda: all(states(node) == ["alive"] * 4 for node in nodes))
        yield nodes


async def test_all_hear_what_one_tells_in_order(four: list[Node]) -> None:
    readers = [node.broadcasts("deploy") for node in four]
    everything = four[3].broadcasts()
    await four[0].broadcast("other")
    for number in range(100):
        await four[0].broadcast("deploy", {"n": number})
    with trio.fail_after(10):
        for reader in readers:
            for number in range(100):
                event = await anext(reader)
                assert isinstance(event, UserEvent)
                assert (event.origin, event.topic, event.payload) == ("n0", "deploy", {"n": number})
        first = await anext(everything)
        assert isinstance(first, UserEvent)
        assert first.topic == "other"
    assert four[1].statistics().users["received"] == 101


async def test_what_cannot_be_carried_is_refused(four: list[Node]) -> None:
    with pytest.raises(ValueError, match="800 bytes"):
        await four[0].broadcast("t", "x" * 800)
    with pytest.raises(TypeError):
        await four[0].query("t", object())
    with pytest.raises(ValueError, match="a list, not the one text"):
        await four[0].query("t", where="n1")
    with pytest.raises(ValueError, match="waits from"):
        await four[0].query("t", timeout=0)
    with pytest.raises(ValueError, match="not for inf"):
        await four[0].query("t", timeout=math.inf)
    text: Any = "5"  # and not a gigabyte of fives
    with pytest.raises(TypeError, match="real number"):
        await four[0].query("t", timeout=text)


async def test_a_reader_that_is_too_slow_is_told_how_much_it_missed() -> None:
    async with Node(config("alone")) as node:
        reader = node.broadcasts()
        for number in range(PENDING + 3):
            reader.heard(UserEvent("n1", "t", number, number + 1, 1))
        reader.heard(UserEventsLost("n1", 5))
        assert await anext(reader) == Lagged(4)
        assert await anext(reader) == UserEvent("n1", "t", 4, 5, 1)


async def test_readers_end_with_the_node_and_nothing_can_be_sent_after() -> None:
    async with Node(config("gone")) as node:
        reader = node.broadcasts()
        await node.broadcast("t", 1)
        await node.leave()
        assert [getattr(event, "payload", None) async for event in reader] == [1]
        for call in (node.broadcast, node.query):
            with pytest.raises(NodeClosed):
                await call("t")
        with pytest.raises(NodeClosed):
            node.broadcasts()


async def test_what_answers_can_be_called() -> None:
    async with Node(config("a")) as node:
        with pytest.raises(TypeError, match="'who' is a function, not 5"):
            node.answer("who", 5)  # type: ignore[arg-type]


async def test_tasks_that_share_a_reader_share_what_comes_and_all_come_to_the_end() -> None:
    node = Node(config("shared"))
    events = node.events()
    async with node:
        node.answer("who", partial(name_of, node))
        readers = [events, node.broadcasts(), node.quorum_changes(), node.watch()]
        answers = await node.query("who", timeout=0.2)
        seen: list[object] = []
        ended: list[object] = []

        async def read(reader: Any) -> None:
            with suppress(NodeClosed):
                seen.extend([thing async for thing in reader])
            ended.append(reader)

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                for reader in [*readers, answers] * 3:
                    nursery.start_soon(read, reader)
                await trio.testing.wait_all_tasks_blocked()
                await node.broadcast("t", "heard once")
                await node.leave()
    assert len(ended) == 15
    payloads = [getattr(thing, "payload", None) for thing in seen]
    assert payloads.count("heard once") == payloads.count("shared") == 1


async def test_those_who_are_asked_answer_and_then_it_is_over(four: list[Node]) -> None:
    async def slowly(question: Question) -> Any:
        await trio.sleep(0.01)
        return [question.asker, question.topic, question.payload]

    for node in four[:3]:
        node.answer("load", slowly)
    with trio.fail_after(5):
        answers = await four[0].query("load", 7, timeout=60)
        found = {answer.responder: answer.payload async for answer in answers}
    assert found == {name: ["n0", "load", 7] for name in ("n0", "n1", "n2")}
    assert answers.silent == ()


@pytest.mark.parametrize(
    ("meant", "expected"),
    [
        ({"role": "web"}, ["n1", "n3"]),
        (["n2", "n3"], ["n2", "n3"]),
        (where(patterns={"role": "d?"}, names=["n0"]), ["n0"]),
        ({"role": "none"}, []),
    ],
)
async def test_it_is_for_those_that_were_selected(
    four: list[Node], meant: Any, expected: list[str]
) -> None:
    for node in four:
        node.answer("who", partial(name_of, node))
    with trio.fail_after(5):
        answers = await four[0].query("who", timeout=60, where=meant, relays=1)
        assert sorted([answer.payload async for answer in answers]) == expected


async def test_a_function_that_fails_or_is_late_ends_nothing(
    four: list[Node], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Question) -> None:
        raise ZeroDivisionError("by intent")

    async def never(_: Question) -> None:
        await trio.sleep_forever()

    four[1].answer("q", fails)
    four[2].answer("q", never)
    four[3].answer("q", lambda _: "x" * 900)
    with trio.fail_after(5):
        answers = await four[0].query("q", timeout=0.3)
        assert [answer async for answer in answers] == []
    assert answers.silent == ("n2",)
    assert "the answer to a query about 'q' failed" in caplog.text
    four[3].answer("q", None)
    assert states(four[0]) == ["alive"] * 4


async def test_more_open_queries_than_there_may_be(four: list[Node]) -> None:
    async def never(_: Question) -> None:
        await trio.sleep_forever()

    four[1].answer("q", never)
    kept = [await four[0].query("q", timeout=60) for _ in range(64)]
    with pytest.raises(NodeBusy, match="64 queries are open"):
        await four[0].query("q", timeout=60)
    del kept[:]
    gc.collect()
    await four[0].query("q", timeout=60)  # those that nobody waits for are forgotten


async def test_a_flood_of_questions_is_declined() -> None:
    async with Node(config("flooded")) as node:

        async def never(_: Question) -> None:
            await trio.sleep_forever()

        node.answer("q", never)
        peer = node._running()
        for number in range(BUSY_MAX + 20):
            node._talk.notice(QueryAsked(QueryId("x", 1, number), "q", None, 10**12), peer)
        await trio.testing.wait_all_tasks_blocked()
        assert node._talk.busy == BUSY_MAX
