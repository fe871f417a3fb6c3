"""The HTTP interface of one real agent process: every route, and everything it refuses."""

import http.client
import json
import math
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from starlette.requests import Request

from gossip import Address, Member
from node import Config
from node.bodies import plain, plain_key
from node.demo.cluster import Agent, Cluster
from node.http import AgentRoutes
from node.http_members import MemberRoutes
from node.problems import Problem
from tests.node.waiting import until

Answer = tuple[int, str, Any]


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    cluster = Cluster(["solo"])
    try:
        cluster.agents[0].start(join=[])
        until(cluster.agents[0].is_ready)
        yield cluster.agents[0]
    finally:
        cluster.close(keep_logs=False)


def ask(
    agent: Agent,
    method: str,
    target: str,
    body: bytes | str | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own: status, content type and the object."""
    connection = http.client.HTTPConnection(agent.http.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return (
            response.status,
            response.headers["content-type"],
            json.loads(response.read(), parse_constant=pytest.fail),
        )
    finally:
        connection.close()


def value(agent: Agent, method: str, target: str, body: bytes | str | None = None) -> Any:
    """The value in an answer that has to be 200."""
    status, kind, content = ask(agent, method, target, body)
    assert (status, kind) == (200, "application/json"), content
    return content["value"]


def refused(answer: Answer, status: int) -> dict[str, Any]:
    """A problem as RFC 9457 has it."""
    assert answer[0] == status, answer
    assert answer[1] == "application/problem+json"
    problem = answer[2]
    assert isinstance(problem, dict)
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


def test_the_status_says_who_the_agent_is(agent: Agent) -> None:
    status, _, content = ask(agent, "GET", "/v1/status")
    assert status == 200
    assert content["name"] == "solo"
    assert content["address"] == agent.gossip
    assert content["http"] == agent.http
    assert content["phase"] == "running"
    assert content["members"] == {"alive": 1}
    assert content["quorum"].keys() == {"state", "present", "expected"}
    assert set(content["statistics"]) >= {"datagrams_sent", "bytes_sent", "dropped"}
    assert content["digest"] == ask(agent, "GET", "/v1/digest")[2]["digest"]


def test_members_have_the_fields_of_the_contract(agent: Agent) -> None:
    (member,) = ask(agent, "GET", "/v1/members")[2]["members"]
    assert member.keys() == {"name", "id", "address", "state", "incarnation", "tags", "rtt"}
    assert (member["name"], member["address"], member["state"]) == ("solo", agent.gossip, "alive")


def test_a_lonely_agent_that_was_told_to_join_nobody_is_ready(agent: Agent) -> None:
    assert ask(agent, "GET", "/healthz")[0] == 200
    assert ask(agent, "GET", "/readyz")[0] == 200


def test_a_counter_is_changed_by_signed_amounts(agent: Agent) -> None:
    assert value(agent, "GET", "/v1/counters/c1") == 0
    assert value(agent, "POST", "/v1/counters/c1", '{"increment": 5}') == 5
    assert value(agent, "POST", "/v1/counters/c1", '{"increment": -7}') == -2
    assert value(agent, "GET", "/v1/counters/c1") == -2


@pytest.mark.parametrize(
    "body",
    [
        "",
        "5",
        "{}",
        '{"increment": true}',
        '{"increment": 1.5}',
        '{"increment": "1"}',
        '{"increment": 1, "more": 2}',
        '{"increment": 9223372036854775808}',
        '{"increment": 1e400}',
        '{"increment": NaN}',
        '{"increment"',
        b"\xff",
        "[" * 100_000,
    ],
)
def test_a_counter_refuses_what_is_no_amount(agent: Agent, body: str | bytes) -> None:
    refused(ask(agent, "POST", "/v1/counters/refused", body), 400)
    assert "refused" not in ask(agent, "GET", "/v1/names")[2]["names"]


def test_elements_of_a_set_are_any_text(agent: Agent) -> None:
    assert value(agent, "GET", "/v1/sets/s1") == []
    for element in "alice", "a%2Fb%20%25c", "%E2%82%AC", "":
        value(agent, "PUT", f"/v1/sets/s1/{element}")
    assert sorted(value(agent, "GET", "/v1/sets/s1")) == ["", "a/b %c", "alice", "€"]
    assert sorted(value(agent, "DELETE", "/v1/sets/s1/a%2Fb%20%25c")) == ["", "alice", "€"]


def test_removing_what_is_not_there_is_404(agent: Agent) -> None:
    refused(ask(agent, "DELETE", "/v1/sets/s2/bob"), 404)
    refused(ask(agent, "DELETE", "/v1/maps/m2/bob"), 404)
    refused(ask(agent, "GET", "/v1/maps/m2/bob"), 404)


def test_a_map_holds_any_json(agent: Agent) -> None:
    document = {"list": [1, -1.5, None, True], "nested": {"": "€"}, "big": 2**64 - 1}
    assert value(agent, "GET", "/v1/maps/m1") == {}
    assert value(agent, "PUT", "/v1/maps/m1/a%2Fb", json.dumps(document)) == document
    assert value(agent, "GET", "/v1/maps/m1/a%2Fb") == document
    assert value(agent, "PUT", "/v1/maps/m1/", "null") is None
    assert value(agent, "GET", "/v1/maps/m1") == {"": None, "a/b": document}
    assert value(agent, "DELETE", "/v1/maps/m1/a%2Fb") is None
    assert value(agent, "GET", "/v1/maps/m1") == {"": None}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "dark",
        "NaN",
        "-Infinity",
        "1e400",
        "18446744073709551616",
        '"\\ud800"',
        '{"\\ud800": 1}',
        b'"\xff"',
        "[" * 65 + "]" * 65,
        "[" * 100_000 + "]" * 100_000,
        json.dumps("x" * 1_000_000),
    ],
)
def test_a_map_refuses_what_cannot_be_carried(agent: Agent, body: str | bytes) -> None:
    digest = ask(agent, "GET", "/v1/digest")
    refused(ask(agent, "PUT", "/v1/maps/refused-map/key", body), 400)
    assert ask(agent, "GET", "/v1/digest") == digest


def test_a_part_of_a_map_is_selected_by_its_keys(agent: Agent) -> None:
    entries = {key: key.upper() for key in ("a1", "a2", "b1", "b2", "b3", "c1")}
    assert ask(agent, "PUT", "/v1/maps/m3", json.dumps(entries))[2] == {"updated": 6}

    def selected(query: str) -> list[str]:
        return list(value(agent, "GET", f"/v1/maps/m3?{query}"))

    assert selected("") == ["a1", "a2", "b1", "b2", "b3", "c1"]
    assert selected("prefix=b") == ["b1", "b2", "b3"]
    assert selected("start=a2&stop=b3") == ["a2", "b1", "b2"]
    assert selected("prefix=b&start=b2&stop=b3") == ["b2"]
    assert selected("start=b&limit=2") == ["b1", "b2"]
    assert selected("limit=0") == []
    refused(ask(agent, "GET", "/v1/maps/m3?limit=-1"), 400)


def test_an_update_of_a_map_is_all_or_nothing(agent: Agent) -> None:
    refused(ask(agent, "PUT", "/v1/maps/m4", '{"a": 1, "b": 18446744073709551616}'), 400)
    refused(ask(agent, "PUT", "/v1/maps/m4", "[]"), 400)
    assert value(agent, "GET", "/v1/maps/m4") == {}


def test_reading_does_not_create(agent: Agent) -> None:
    for kind in "counters", "sets", "maps":
        value(agent, "GET", f"/v1/{kind}/never-written")
    assert "never-written" not in ask(agent, "GET", "/v1/names")[2]["names"]


def test_names_are_listed_with_their_types(agent: Agent) -> None:
    value(agent, "POST", "/v1/counters/listed%2Fc", '{"increment": 1}')
    value(agent, "PUT", "/v1/sets/listed%2Fs/x")
    value(agent, "PUT", "/v1/maps/listed%2Fm/x", "1")
    names = ask(agent, "GET", "/v1/names?prefix=listed/")[2]["names"]
    assert names == {"listed/c": "counter", "listed/m": "map", "listed/s": "set"}


def test_a_name_of_another_type_is_409(agent: Agent) -> None:
    value(agent, "PUT", "/v1/sets/typed/x")
    digest = ask(agent, "GET", "/v1/digest")
    refused(ask(agent, "GET", "/v1/counters/typed"), 409)
    refused(ask(agent, "POST", "/v1/counters/typed", '{"increment": 1}'), 409)
    refused(ask(agent, "PUT", "/v1/maps/typed/x", "1"), 409)
    assert ask(agent, "GET", "/v1/digest") == digest


def test_a_write_waits_for_its_acks(agent: Agent) -> None:
    assert value(agent, "POST", "/v1/counters/acked?acks=1", '{"increment": 1}') == 1
    assert value(agent, "POST", "/v1/counters/acked?acks=all&timeout=2s", '{"increment": 1}') == 2
    short = "/v1/counters/acked?acks=2&timeout=50ms"
    problem = refused(ask(agent, "POST", short, '{"increment": 1}'), 503)
    assert (problem["reached"], problem["wanted"]) == (1, 2)
    assert value(agent, "GET", "/v1/counters/acked") == 3  # the write stays


@pytest.mark.parametrize("query", ["acks=0", "acks=-1", "acks=most", "acks=1&timeout=soon"])
def test_nothing_is_written_when_the_acks_make_no_sense(agent: Agent, query: str) -> None:
    refused(ask(agent, "PUT", f"/v1/sets/unacked/x?{query}"), 400)
    assert value(agent, "GET", "/v1/sets/unacked") == []


@pytest.mark.parametrize("target", ["/", "/v1", "/v1/nothing", "/v1/maps", "/v1/status/"])
def test_an_unknown_path_is_a_problem(agent: Agent, target: str) -> None:
    refused(ask(agent, "GET", target), 404)


def test_a_wrong_method_is_a_problem(agent: Agent) -> None:
    refused(ask(agent, "DELETE", "/v1/status"), 405)


def test_a_path_that_is_not_utf_8_is_a_problem(agent: Agent) -> None:
    refused(ask(agent, "GET", "/v1/counters/%ff"), 400)


def test_a_body_that_ends_early_changes_nothing(agent: Agent) -> None:
    host, port = agent.http.removeprefix("http://").split(":")
    before = len(agent.log.read_text())
    with socket.create_connection((host, int(port))) as connection:
        head = "PUT /v1/maps/cut-off/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n"
        connection.sendall(head.encode() + b"1")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert value(agent, "GET", "/v1/maps/cut-off") == {}
    assert agent.log.read_text()[before:] == ""


def test_a_large_body_is_refused(agent: Agent) -> None:
    refused(ask(agent, "PUT", "/v1/maps/large/x", b" " * 5_000_000), 413)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "coterie.example"}, {"Origin": "http://coterie.example"}, {"Origin": "null"}],
)
def test_a_web_page_elsewhere_is_not_answered(agent: Agent, headers: dict[str, str]) -> None:
    refused(ask(agent, "GET", "/v1/status", headers=headers), 403)


@pytest.mark.parametrize("body", ['{"addresses": "a:1"}', '{"addresses": [1]}', "{}"])
def test_join_refuses_what_is_no_list_of_addresses(agent: Agent, body: str) -> None:
    refused(ask(agent, "POST", "/v1/members/join", body), 400)


def test_join_refuses_what_is_no_address(agent: Agent) -> None:
    for address in ("a:b:c", "127.0.0.1:0", "no-such-host.invalid:7847", "a..b"):
        body = f'{{"addresses": ["{address}"]}}'
        problem = refused(ask(agent, "POST", "/v1/members/join", body), 400)
        assert address in problem["detail"]


def test_more_addresses_than_can_be_called_at_once_are_refused_and_the_agent_goes_on(
    agent: Agent,
) -> None:
    """A hundred thousand of them kept an agent from everything else for minutes."""
    addresses = [f"127.0.{i // 250}.{i % 250}:9" for i in range(100_000)]
    refused(ask(agent, "POST", "/v1/members/join", json.dumps({"addresses": addresses})), 400)
    assert ask(agent, "GET", "/healthz")[0] == 200


def test_faults_are_addresses(agent: Agent) -> None:
    body = '{"block": ["127.0.0.1:9"]}'
    assert ask(agent, "PUT", "/v1/faults", body)[2] == {"block": ["127.0.0.1:9"]}
    assert ask(agent, "PUT", "/v1/faults", '{"block": []}')[2] == {"block": []}
    refused(ask(agent, "PUT", "/v1/faults", '{"block": ["nonsense"]}'), 400)
    refused(ask(agent, "PUT", "/v1/faults", '{"block": [1]}'), 400)


def test_json_shows_what_json_cannot_carry() -> None:
    assert plain({"a": (b"\x00", math.inf), b"\xff": math.nan}) == {
        "a": [{"base64": "AA=="}, {"float": "inf"}],
        "base64:/w==": {"float": "nan"},
    }
    assert plain_key("text") == "text"


@dataclass
class StubNode:
    """As much of a node as readiness looks at."""

    phase: str = "running"
    name: str = "a"
    others: tuple[str, ...] = ()

    def members(self) -> list[Member]:
        names = (self.name, *self.others)
        return [Member(n, n, Address("127.0.0.1", 1), "alive", 0, {}, None) for n in names]


def routes(node: StubNode, *join: str) -> AgentRoutes:
    config, since = Config(name="a", join=join), trio.current_time()
    return AgentRoutes(node, config, "", lambda: None, since)  # type: ignore[arg-type]


async def readiness(agent: AgentRoutes) -> int:
    try:
        return (await agent.readyz(Request({"type": "http"}))).status_code
    except Problem as problem:
        return problem.status


async def test_a_node_that_was_told_to_join_is_ready_when_it_has_met_someone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    node = StubNode()
    agent = routes(node, "127.0.0.1:1")
    assert await readiness(agent) == 503
    node.others = ("b",)
    assert await readiness(agent) == 200


async def test_a_node_that_meets_nobody_is_ready_after_a_while(
    autojump_clock: trio.testing.MockClock,
) -> None:
    agent = routes(StubNode(), "127.0.0.1:1")
    await trio.sleep(9.9)
    assert await readiness(agent) == 503
    await trio.sleep(0.2)
    assert await readiness(agent) == 200


async def test_a_node_that_leaves_is_not_ready(autojump_clock: trio.testing.MockClock) -> None:
    assert await readiness(routes(StubNode(phase="leaving"))) == 503


async def test_faults_are_off_by_default(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(Problem) as caught:
        await routes(StubNode()).faults(Request({"type": "http"}))
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "path", ["/v1/names?prefix=", "/v1/maps/m?prefix=", "/v1/maps/m?start=", "/v1/maps/m?stop="]
)
def test_a_question_that_is_too_long_is_a_bad_request(agent: Agent, path: str) -> None:
    status, _, problem = ask(agent, "GET", path + "x" * 2000)
    assert status == 400
    assert "longer than 1024" in problem["detail"]


# Single members.


def test_a_round_trip_is_told_between_those_who_are_known(agent: Agent) -> None:
    assert ask(agent, "GET", "/v1/rtt/solo")[2] == {"a": "solo", "b": "solo", "rtt": 0.0}
    assert ask(agent, "GET", "/v1/rtt/solo/solo")[2]["rtt"] == 0.0
    assert (
        refused(ask(agent, "GET", "/v1/rtt/solo/x%2Fy"), 404)["detail"]
        == "there is no member 'x/y'"
    )


def test_a_round_trip_that_nobody_knows_is_not_found(agent: Agent) -> None:
    stranger = Address("127.0.0.1", 9)
    node = SimpleNamespace(
        name="a",
        rtt=lambda a, b: None,
        members=lambda: [Member(n, "", stranger, "alive", 0, {}, None) for n in "ab"],
    )
    request = Request({"type": "http", "path_params": {"a": "b"}})
    with pytest.raises(Problem, match="between 'b' and 'a' is not known yet"):
        trio.run(MemberRoutes(node).rtt, request)  # type: ignore[arg-type]


def test_tags_are_set_and_deleted(agent: Agent) -> None:
    before = ask(agent, "GET", "/v1/tags")[2]["tags"]
    assert ask(agent, "PUT", "/v1/tags", '{"zone": "a", "x/y": "1"}')[2] == {
        "tags": before | {"zone": "a", "x/y": "1"}
    }
    assert ask(agent, "DELETE", "/v1/tags/x%2Fy")[2] == {"tags": before | {"zone": "a"}}
    refused(ask(agent, "DELETE", "/v1/tags/x%2Fy"), 404)
    for bad in ("[]", '{"zone": 1}', '{"": "a"}', '{"zone": "b", "k": "%s"}' % ("v" * 4096)):
        refused(ask(agent, "PUT", "/v1/tags", bad), 400)
    assert ask(agent, "DELETE", "/v1/tags/zone")[2] == {"tags": before}


def test_force_leave_of_nobody_is_refused(agent: Agent) -> None:
    refused(ask(agent, "POST", "/v1/members/nobody/force-leave"), 404)
