"""Tags as a mapping: all of a change or none of it, and one change for what is done at once."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from gossip import MemberUpdated
from node import Config, ConfigError, Node, NodeClosed
from node.tags import Tags
from tests.node.test_node import config, until


class Kept:
    """Tags without a node."""

    def __init__(self) -> None:
        self.written: list[dict[str, str]] = [{"role": "web"}]
        self.tags = Tags(lambda: self.written[-1], lambda tags: self.written.append(dict(tags)))


def test_it_is_a_mapping() -> None:
    kept = Kept()
    tags = kept.tags
    assert (dict(tags), len(tags), tags["role"]) == ({"role": "web"}, 1, "web")
    tags["zone"] = "a"
    del tags["role"]
    assert tags == {"zone": "a"}
    assert repr(tags) == "Tags({'zone': 'a'})"
    assert tags.pop("zone") == "a"
    tags.clear()
    assert not tags


def test_an_update_is_one_change() -> None:
    kept = Kept()
    kept.tags.update({"a": "1"}, b="2")
    kept.tags.update([("c", "3")])
    assert kept.written[1:] == [
        {"role": "web", "a": "1", "b": "2"},
        {"role": "web", "a": "1", "b": "2", "c": "3"},
    ]


@pytest.mark.parametrize(
    "bad",
    [
        {"n": 1},
        {"": "x"},
        {"k": "v" * 4096},
        {"k": "\ud800"},
        dict.fromkeys(map(str, range(257)), ""),
    ],
)
def test_what_cannot_be_carried_changes_nothing(bad: dict[str, Any]) -> None:
    kept = Kept()
    with pytest.raises(ConfigError) as caught:
        kept.tags.update({"good": "x"} | bad)
    assert caught.value.field == "tags"
    assert len(kept.written) == 1
    with pytest.raises(ConfigError):
        Config(name="a", tags=bad)


def test_what_is_absent_cannot_be_deleted() -> None:
    with pytest.raises(KeyError):
        del Kept().tags["nothing"]


async def test_others_see_a_change_and_are_told_once() -> None:
    async with (
        Node(config("a", tags={"role": "web"})) as a,
        Node(config("b", join=[str(a.address)])) as b,
    ):
        await until(lambda: len(a.members()) == len(b.members()) == 2)
        events = b.events()
        a.tags.update(role="db")
        a.tags["zone"] = "x"
        assert a.tags == {"role": "db", "zone": "x"}
        with trio.fail_after(5):
            event = await anext(aiter(events))
        assert isinstance(event, MemberUpdated)
        assert dict(event.member.tags) == {"role": "db", "zone": "x"}
        assert event.member.incarnation == 1
    with pytest.raises(NodeClosed):
        a.tags["zone"] = "y"


async def test_a_node_that_was_not_started_has_no_tags_yet() -> None:
    with pytest.raises(NodeClosed):
        Node(config("a")).tags["a"] = "b"


async def test_tags_of_four_kibibytes_are_seen_by_others() -> None:
    large = {f"key {number}": "v" * 400 for number in range(10)}
    async with Node(config("a", tags=large)) as a, Node(config("b", join=[str(a.address)])) as b:
        await until(lambda: [dict(member.tags) for member in b.members()] == [large, {}])
        b.tags.update(large)
        await until(lambda: [dict(member.tags) for member in a.members()] == [large, large])
