"""Real agent processes on loopback: they meet, lose one, shut strangers out, and say farewell."""

import os
import random
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

import pytest

from node.client import AgentProblemError
from node.demo.cluster import Agent, Cluster
from tests.node.waiting import until

Launch = Callable[..., list[Agent]]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start agents with a secret of their own, the first alone and the others through it."""
    with ExitStack() as stack:

        def start(*names: str, join: Sequence[str] = ()) -> list[Agent]:
            cluster = Cluster(names)
            stack.callback(cluster.close, keep_logs=False)
            first, *others = cluster.agents
            first.start(join=join)
            until(first.is_ready)
            for agent in others:
                agent.start(join=[first.gossip])
            for agent in others:
                until(agent.is_ready)
            return cluster.agents

        yield start


def dropped(agent: Agent) -> int:
    """How many datagrams an agent has ignored."""
    view = agent.view()
    return 0 if view is None else sum(view.statistics["dropped"].values())


def states(agent: Agent) -> dict[str, str]:
    """What an agent sees; nothing while it cannot be asked."""
    view = agent.view()
    return {} if view is None else dict(view.states)


def digest(agent: Agent) -> str:
    return str(agent.client.get("v1", "digest")["digest"])


def all_alive(agents: Sequence[Agent]) -> Callable[[], bool]:
    wanted = {agent.name: "alive" for agent in agents}
    return lambda: all(states(agent) == wanted for agent in agents)


@pytest.mark.slow
def test_a_killed_agent_is_seen_failed_by_the_four_others(launch: Launch) -> None:
    agents = launch("a", "b", "c", "d", "e")
    until(all_alive(agents))
    agents[0].client.request("PUT", "v1", "sets", "online", "alice")
    victim, *others = agents
    victim.kill()
    until(lambda: all(states(agent).get("a") == "failed" for agent in others))
    for agent in others:
        alive = {name for name, state in states(agent).items() if state == "alive"}
        assert alive == {"b", "c", "d", "e"}


@pytest.mark.slow
def test_what_is_written_at_one_agent_is_read_at_the_others(launch: Launch) -> None:
    agents = launch("a", "b", "c")
    until(all_alive(agents))
    for index, agent in enumerate(agents, 1):
        agent.client.request("POST", "v1", "counters", "n", body=f'{{"increment": {index}}}')
        agent.client.request("PUT", "v1", "sets", "online", agent.name)
        agent.client.request("PUT", "v1", "maps", "config", agent.name, body=str(index))
    until(lambda: len({digest(agent) for agent in agents}) == 1)
    until(lambda: all(agent.client.get("v1", "status")["converged"] for agent in agents))
    for agent in agents:
        assert agent.client.get("v1", "counters", "n")["value"] == 6
        assert sorted(agent.client.get("v1", "sets", "online")["value"]) == ["a", "b", "c"]
        assert agent.client.get("v1", "maps", "config")["value"] == {"a": 1, "b": 2, "c": 3}


@pytest.mark.slow
def test_an_acknowledged_write_is_held_by_all_when_it_is_answered(launch: Launch) -> None:
    agents = launch("a", "b", "c")
    until(all_alive(agents))
    query = {"acks": "all", "timeout": "20s"}
    agents[0].client.request("PUT", "v1", "sets", "online", "alice", query=query)
    for agent in agents:
        assert agent.client.get("v1", "sets", "online")["value"] == ["alice"]


@pytest.mark.slow
def test_an_agent_with_another_secret_never_becomes_a_member_and_changes_nothing(
    launch: Launch,
) -> None:
    agents = launch("a", "b")
    until(all_alive(agents))
    agents[0].client.request("PUT", "v1", "sets", "online", "alice")
    until(lambda: digest(agents[0]) == digest(agents[1]))
    before = digest(agents[0])
    (stranger,) = launch("stranger", join=[agent.gossip for agent in agents])
    stranger.client.request("PUT", "v1", "sets", "online", "mallory")

    # That it was heard and refused, several times, is what makes its absence mean something.
    until(lambda: all(dropped(agent) >= 3 for agent in agents))
    for agent in agents:
        assert states(agent) == {"a": "alive", "b": "alive"}
        assert digest(agent) == before
    assert states(stranger) == {"stranger": "alive"}
    assert stranger.client.get("v1", "sets", "online")["value"] == ["mallory"]
    with pytest.raises(AgentProblemError, match="no answer yet"):
        stranger.client.get("readyz")


@pytest.mark.slow
def test_garbage_is_counted_and_changes_nothing(launch: Launch) -> None:
    agents = launch("a", "b")
    until(all_alive(agents))
    before = digest(agents[0])
    noise = random.Random(7)
    garbage = [b"", b"\x00", *(noise.randbytes(2**size) for size in range(1, 16))]
    host, port = agents[0].gossip.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in garbage:
            stranger.sendto(datagram, (host, int(port)))
    until(lambda: dropped(agents[0]) == len(garbage))
    assert digest(agents[0]) == before
    assert states(agents[0]) == {"a": "alive", "b": "alive"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_an_agent_leave_and_end_with_0(launch: Launch, number: int) -> None:
    agents = launch("a", "b")
    until(all_alive(agents))
    assert agents[1].pid is not None
    os.kill(agents[1].pid, number)
    until(lambda: states(agents[0]) == {"a": "alive", "b": "left"})
    until(lambda: agents[1].exit_code() is not None)
    assert agents[1].exit_code() == 0


@pytest.mark.slow
def test_an_agent_whom_nobody_asks_has_no_server_and_leaves_as_well() -> None:
    command = [sys.executable, "-P", "-X", "importtime", "-m", "node.command", "agent", "--dev"]
    command += ["--http", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as agent:
        assert agent.stderr is not None
        said = ""
        for line in agent.stderr:
            said += line
            if "ready:" in line:
                break
        assert " node.node\n" in said
        assert "hypercorn" not in said
        assert "starlette" not in said
        agent.send_signal(signal.SIGTERM)
        assert "left" in agent.stderr.read()
        assert agent.wait(20) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, 3)])
def test_who_watches_an_agent_can_tell_its_leave_from_its_crash(
    launch: Launch, number: int, code: int
) -> None:
    (agent,) = launch("a")
    command = [sys.executable, "-u", "-m", "node.command", "monitor", "--agent", agent.http]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        body = '{"topic": "are you there"}'
        assert watch.stdout is not None
        while not select.select([watch.stdout], [], [], 0.1)[0]:
            agent.client.request("POST", "v1", "broadcast", body=body)
        assert agent.pid is not None
        os.kill(agent.pid, number)
        assert watch.wait(20) == code


@pytest.mark.slow
def test_a_second_signal_ends_an_agent_that_still_takes_leave(launch: Launch) -> None:
    agents = launch("a", "b")
    until(all_alive(agents))
    leaver, deaf = agents
    assert leaver.pid is not None
    assert deaf.pid is not None
    os.kill(deaf.pid, signal.SIGSTOP)  # nobody hears the goodbye: it takes its whole time
    try:
        os.kill(leaver.pid, signal.SIGTERM)
        until(lambda: "leaving" in leaver.log.read_text())
        os.kill(leaver.pid, signal.SIGTERM)
        until(lambda: leaver.exit_code() is not None)
    finally:
        os.kill(deaf.pid, signal.SIGCONT)
    assert leaver.exit_code() == -signal.SIGTERM


@pytest.mark.slow
def test_an_agent_that_is_told_to_leave_over_http_ends_with_0(launch: Launch) -> None:
    agents = launch("a", "b")
    until(all_alive(agents))
    assert agents[1].client.request("POST", "v1", "leave")["name"] == "b"
    until(lambda: states(agents[0]) == {"a": "alive", "b": "left"})
    until(lambda: agents[1].exit_code() is not None)
    assert agents[1].exit_code() == 0


@pytest.mark.slow
def test_a_hangup_ends_nothing(launch: Launch) -> None:
    (agent,) = launch("a")
    assert agent.pid is not None
    os.kill(agent.pid, signal.SIGHUP)
    until(lambda: "not there yet" in agent.log.read_text())
    assert states(agent) == {"a": "alive"}


@pytest.mark.slow
def test_a_restarted_agent_is_alive_again_with_its_data(launch: Launch) -> None:
    agents = launch("a", "b")
    until(all_alive(agents))
    agents[1].client.request("PUT", "v1", "sets", "online", "alice")
    until(lambda: digest(agents[0]) == digest(agents[1]))
    agents[1].kill()
    agents[0].client.request("PUT", "v1", "sets", "online", "bob")
    agents[1].start(join=[agents[0].gossip])
    until(agents[1].is_ready)
    until(all_alive(agents))
    until(lambda: digest(agents[0]) == digest(agents[1]))
    assert sorted(agents[1].client.get("v1", "sets", "online")["value"]) == ["alice", "bob"]


@pytest.mark.slow
def test_two_agents_that_know_nothing_of_each_other_are_joined(launch: Launch) -> None:
    (one,) = launch("a")
    cluster = Cluster(["b"])
    try:
        (cluster.directory / "secret").write_bytes((one.directory / "secret").read_bytes())
        other = cluster.agents[0]
        other.start(join=[])
        until(other.is_ready)
        assert states(other) == {"b": "alive"}
        body = f'{{"addresses": ["{one.gossip}"]}}'
        other.client.request("POST", "v1", "members", "join", body=body)
        until(all_alive([one, other]))
    finally:
        cluster.close(keep_logs=False)
