"""The verbs about what goes wrong among members, against real agents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from node.command import main
from node.demo.cluster import Agent, Cluster, block
from tests.node.waiting import until

Output = pytest.CaptureFixture[str]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(["a", "b", "c"])
    try:
        first = cluster.agents[0]
        first.start(join=[])
        until(first.is_ready)
        for other in cluster.agents[1:]:
            other.start(join=[first.gossip])
        until(lambda: all(agent.is_ready() for agent in cluster.agents))
        until(lambda: states(cluster) == {"a": "alive", "b": "alive", "c": "alive"})
        yield cluster
    finally:
        cluster.close(keep_logs=False)


def states(cluster: Cluster) -> dict[str, str] | None:
    """What all that run see, where they agree."""
    views = [dict(view.states) for view in cluster.views().values() if view is not None]
    return views[0] if all(view == views[0] for view in views) else None


def said(capsys: Output, agent: Agent, *words: str) -> tuple[int, Any]:
    """The exit code of a verb, and the object that it prints."""
    capsys.readouterr()
    code = main([*words, "--agent", agent.http, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def printed(capsys: Output, agent: Agent, *words: str) -> tuple[int, str]:
    """The exit code of a verb, and its text."""
    capsys.readouterr()
    code = main([*words, "--agent", agent.http])
    return code, capsys.readouterr().out


def test_why_a_killed_member_was_failed_and_that_it_can_be_made_to_leave(
    cluster: Cluster, capsys: Output
) -> None:
    a, _, c = cluster.agents
    assert said(capsys, a, "why", "c") == (0, {"name": "c", "cases": []})
    c.kill()
    until(lambda: states(cluster) == {"a": "alive", "b": "alive", "c": "failed"})
    code, why = said(capsys, a, "why", "c")
    assert code == 0
    assert {each["name"] for each in why["cases"][0]["accusers"]} == {"a", "b"}
    assert why["cases"][0]["outcome"] == "failed"
    assert "accused by" in printed(capsys, a, "why", "c")[1]
    assert said(capsys, a, "force-leave", "c") == (0, {"name": "c"})
    until(lambda: states(cluster) == {"a": "alive", "b": "alive", "c": "left"})
    assert main(["force-leave", "c", "--agent", a.http]) == 1  # it has left already


def test_who_does_not_reach_whom_is_shown_while_nobody_is_failed(
    cluster: Cluster, capsys: Output
) -> None:
    a, b, c = cluster.agents
    everybody: tuple[int, Any] = (0, {"unreached": [], "more": {}, "silent": []})
    assert said(capsys, c, "reachability") == everybody
    block(a, [b])
    block(b, [a])
    both = [{"from": "a", "to": "b", "others": True}, {"from": "b", "to": "a", "others": True}]
    until(lambda: said(capsys, c, "reachability")[1]["unreached"] == both)
    assert said(capsys, a, "reachability") == (1, {"unreached": both, "more": {}, "silent": []})
    code, text = printed(capsys, c, "reachability")
    assert code == 1
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["a", "b", "others", "do"],
        ["b", "a", "others", "do"],
    ]
    seen = {m["state"] for agent in (a, b, c) for m in agent.client.get("v1", "members")["members"]}
    assert seen <= {"alive", "suspect"}
    cluster.heal()
    until(lambda: said(capsys, c, "reachability") == everybody)
    assert printed(capsys, c, "reachability") == (0, "everybody reaches everybody\n")
