"""Broadcasts, queries and streams of real agents, over HTTP and through the command."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from node.client import AgentProblemError, Client
from node.demo.cluster import Agent, Cluster
from node.talk_verbs import condition, words
from tests.node.waiting import until


@pytest.fixture(scope="module")
def agents() -> Iterator[list[Agent]]:
    cluster = Cluster(["one", "two"])
    try:
        first, second = cluster.agents
        first.start(join=[])
        until(first.is_ready)
        second.start(join=[first.gossip])
        until(second.is_ready)
        until(lambda: len(first.client.get("v1", "members")["members"]) == 2)
        yield cluster.agents
    finally:
        cluster.close(keep_logs=False)


def coterie(agent: Agent, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "node.command", words[0], "--agent", agent.http, *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@contextmanager
def streamed(verb: str, agent: Agent, *options: str) -> Iterator[Iterator[str]]:
    """The lines of `coterie monitor`, say, which is there when its first line came."""
    command = [sys.executable, "-u", "-m", "node.command", verb, "--agent", agent.http]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield iter(process.stdout)
        finally:
            process.kill()


@contextmanager
def repeated(tell: Callable[[], None]) -> Iterator[None]:
    """Tell something again and again, for whoever begins to listen meanwhile."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(0.1):
            tell()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def post(agent: Agent, path: str, **body: Any) -> dict[str, Any]:
    return agent.client.request("POST", "v1", path, body=json.dumps(body))


def test_a_broadcast_is_streamed_by_all_agents(agents: list[Agent]) -> None:
    one, two = agents

    def tell() -> None:
        post(one, "broadcast", topic="other", payload=0)
        post(one, "broadcast", topic="deploy", payload={"version": 7})

    with Client(two.http) as agent, repeated(tell):
        found = next(agent.stream("v1", "broadcasts", topic="deploy"))
    assert found.pop("sequence") >= 2
    assert found == {
        "kind": "event", "origin": "one", "topic": "deploy", "payload": {"version": 7},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("broadcast", {}),
        ("broadcast", {"topic": ""}),
        ("broadcast", {"topic": 1}),
        ("broadcast", {"topic": "t", "more": 1}),
        ("broadcast", {"topic": "t", "payload": "x" * 900}),
        ("query", {"topic": "t", "timeout": 0}),
        ("query", {"topic": "t", "timeout": "soon"}),
        ("query", {"topic": "t", "timeout": [1]}),
        ("query", {"topic": "t", "timeout": 1e305}),
        ("query", {"topic": "t", "timeout": 10**400}),
        ("query", {"topic": "t", "relays": 9}),
        ("query", {"topic": "t", "relays": "many"}),
        ("query", {"topic": "t", "where": []}),
        ("query", {"topic": "t", "where": {"role": "web"}}),
        ("query", {"topic": "t", "where": {"names": "one"}}),
        ("query", {"topic": "t", "where": {"names": [1]}}),
        ("query", {"topic": "t", "where": {"tags": {"role": 1}}}),
    ],
)
def test_what_cannot_be_meant_is_a_problem(
    agents: list[Agent], path: str, body: dict[str, Any]
) -> None:
    with pytest.raises(AgentProblemError) as caught:
        post(agents[0], path, **body)
    assert caught.value.status == 400


def test_a_query_that_nobody_answers_is_over_at_once(agents: list[Agent]) -> None:
    assert post(agents[0], "query", topic="load", timeout=60) == {"answers": [], "silent": []}
    done = coterie(agents[0], "query", "load", "--where", "role=web", "--node", "one")
    assert (done.returncode, done.stdout, done.stderr) == (1, "NAME  ANSWER\n", "")


def test_events_are_those_of_members_and_no_others(agents: list[Agent]) -> None:
    one, two = agents
    changes = itertools.count()

    def tell() -> None:
        post(one, "broadcast", topic="deploy")
        body = json.dumps({"changed": str(next(changes))})
        one.client.request("PUT", "v1", "tags", body=body)

    with (
        streamed("events", two) as text,
        streamed("events", two, "-o", "json") as lines,
        repeated(tell),
    ):
        assert next(text) == f"MemberUpdated one {one.gossip}\n"
        found: list[dict[str, Any]] = [json.loads(next(lines)) for _ in range(3)]
    assert [(event["kind"], event["event"]) for event in found] == [("member", "MemberUpdated")] * 3
    members = two.client.get("v1", "members")["members"]
    assert found[0]["member"].keys() == members[0].keys()
    first, *_, last = (int(event["member"]["tags"]["changed"]) for event in found)
    assert first < last


def test_the_monitor_shows_members_the_log_and_events(agents: list[Agent]) -> None:
    one, two = agents

    def tell() -> None:
        sent = coterie(one, "event", "deploy", '{"v": 1}', "--json")
        assert (sent.returncode, sent.stdout, sent.stderr) == (0, "", "")

    def trick() -> None:
        post(one, "broadcast", topic="deploy\n\x1b[2J", payload="\x9b2J")

    with streamed("monitor", two) as text, repeated(trick):
        assert next(text) == 'event deploy\\n\\x1b[2J from one: "\\x9b2J"\n'
    with streamed("monitor", two, "-o", "json") as lines:
        with repeated(tell):
            seen: list[dict[str, Any]] = [json.loads(next(lines))]
        assert (seen[0]["kind"], seen[0]["payload"]) == ("event", {"v": 1})
        one.kill()
        while not {"log", "member"} <= {event["kind"] for event in seen}:
            seen.append(json.loads(next(lines)))
    member = next(event for event in seen if event["kind"] == "member")
    assert (member["event"], member["member"]["name"]) == ("MemberSuspected", "one")


def test_the_words_of_the_monitor() -> None:
    address = {"name": "one", "address": "127.0.0.1:1"}
    assert words({"kind": "member", "event": "MemberFailed", "member": address}) == (
        "MemberFailed one 127.0.0.1:1"
    )
    told = {"kind": "event", "topic": "t", "origin": "one", "payload": "x", "sequence": 1}
    assert words(told) == 'event t from one: "x"'
    assert words({"kind": "lost", "origin": "one", "missed": 3}) == "3 events of one are lost"
    assert words({"kind": "lagged", "missed": 3}) == "3 lines were left out: too many at once"
    assert words({"kind": "log", "level": "INFO", "message": "left"}) == "INFO left"


def test_conditions_as_they_are_typed() -> None:
    assert condition("role=web=1") == ("tags", "role", "web=1")
    assert condition("role~web*") == ("patterns", "role", "web*")
    for text in ("role", "=web", "~", ""):
        with pytest.raises(Exception, match="TAG=TEXT or TAG~PATTERN"):
            condition(text)
