"""The quorum view of a node: to be looked at, and to be waited for."""

from __future__ import annotations

import pytest
import trio

from node import ConfigError, Node, QuorumView
from node.config import Config, parse_expected
from node.watching import QuorumReader
from tests.node.test_node import config


async def test_a_node_tells_its_view_and_when_it_changed(autojump_clock: trio.abc.Clock) -> None:
    view = QuorumView("unknown", 1, 1)
    reader = QuorumReader(lambda: view)
    assert await anext(reader) == QuorumView("unknown", 1, 1)
    reader.notice()
    with trio.move_on_after(1) as scope:
        await anext(reader)
    assert scope.cancelled_caught  # it changed and changed back before anybody looked
    view = QuorumView("majority", 1, 1)
    reader.notice()
    assert await anext(reader) == view
    reader.close()
    with pytest.raises(StopAsyncIteration):
        await anext(reader)


async def test_a_lonely_node_is_its_own_majority_or_a_minority_of_those_expected() -> None:
    async with Node(config("a")) as a, Node(config("b", expected=["b", "c", "d"])) as b:
        assert a.quorum.state == b.quorum.state == "unknown"
        seen = {"a": [], "b": []}  # type: dict[str, list[str]]
        with trio.fail_after(20):
            for node in (a, b):
                async for view in node.quorum_changes():
                    seen[node.name].append(view.state)
                    if view.state != "unknown":
                        break
        assert a.quorum == QuorumView("majority", 1, 1)
        assert b.quorum == QuorumView("minority", 1, 3)
        assert seen["a"] == ["unknown", "majority"]
        reader = a.quorum_changes()
        await anext(reader)
        await a.leave()
        assert [view async for view in reader] == []
    assert a.quorum.state == "unknown"


@pytest.mark.parametrize("expected", [0, -1, True, 1.5, "5", [], ["", "a"], [1], 10**6, b"a"])
def test_what_cannot_be_expected_is_refused(expected: object) -> None:
    with pytest.raises(ConfigError, match="expected: "):
        Config(name="a", expected=expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["-1", "0", "5.0", "1e3", "99999999999", ""])
def test_a_number_that_cannot_be_is_no_name(text: str) -> None:
    with pytest.raises(ConfigError, match="expected: "):
        Config(name="a", expected=parse_expected(text))


def test_what_is_expected_is_a_number_or_names() -> None:
    assert Config(name="a").expected is None
    assert Config(name="a", expected=3).expected == 3
    assert Config(name="a", expected=["b", "a", "b"]).expected == ("b", "a")
    assert parse_expected("3") == 3
    assert parse_expected("web-1, web-2") == ["web-1", "web-2"]
    assert parse_expected("4e, 5, nan") == ["4e", "5", "nan"]
    assert Config.load(environ={"COTERIE_EXPECTED": "4"}, name="a").expected == 4
    assert Config.load(environ={"COTERIE_EXPECTED": "a,b"}, name="a").expected == ("a", "b")
