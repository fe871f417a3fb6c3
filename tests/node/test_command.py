"""The command: what it prints, where, and with which exit code it ends."""

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from node import command
from node.cluster_verbs import condition
from node.command import main
from node.demo.cluster import Agent, Cluster
from node.durations import seconds
from node.output import natural
from tests.node.waiting import until

Output = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def running() -> Iterator[Agent]:
    cluster = Cluster(["solo"])
    try:
        cluster.agents[0].start(join=[])
        until(cluster.agents[0].is_ready)
        yield cluster.agents[0]
    finally:
        cluster.close(keep_logs=False)


@pytest.fixture
def agent(running: Agent, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """An agent that the environment names."""
    monkeypatch.setenv("COTERIE_AGENT", running.http)
    return running


def run(*arguments: str) -> int:
    """The exit code, also where argparse ends the process itself."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else -1


def printed(capsys: Output, *arguments: str) -> str:
    """What a command that has to succeed prints."""
    capsys.readouterr()
    code = run(*arguments)
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def failing(capsys: Output, code: int, *arguments: str) -> str:
    """The one line on stderr of a command that has to fail."""
    capsys.readouterr()
    assert run(*arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("coterie: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    return err


def test_without_arguments_it_says_what_to_try_first(capsys: Output) -> None:
    out = printed(capsys)
    for example in "coterie demo", "coterie agent", "coterie counter increment visits":
        assert example in out
    assert len(out.splitlines()) <= 12


def test_help_lists_every_verb_also_those_of_other_packages(capsys: Output) -> None:
    out = printed(capsys, "--help")
    for verb in ("demo", "keygen", "agent", "members", "info", "join", "leave", "counter", "set"):
        assert f"    {verb} " in out
    for verb in "map", "digest", "wait", "sim", "bench":
        assert f"    {verb} " in out


def test_a_foreign_verb_is_loaded_only_when_it_is_asked_for(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EntryPoint("broken", "no.such.module:add", "coterie.verbs")
    monkeypatch.setattr(command, "entry_points", lambda group: [broken])
    assert "broken" in printed(capsys, "--help")
    assert len(base64.b64decode(printed(capsys, "keygen"))) == 32
    assert "no is not installed" in failing(capsys, 1, "broken")


def test_keygen_prints_another_secret_each_time(capsys: Output) -> None:
    assert printed(capsys, "keygen") != printed(capsys, "keygen")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "counter",
        "counter multiply visits",
        "counter get",
        "counter increment visits many",
        "counter get visits -o yaml",
        "counter get visits --timeout soon",
        "members --timeout 0s",
        "members --timeout 99999999999999s",
        "query load --timeout 99999999999999s",
        "map put config theme dark",
        "set add online",
        "wait",
        "wait --for members",
        "wait --for members=-1",
        "wait --for state:a=dead",
        "wait --for members=" + "9" * 5000,
        "agent --tag role",
        "counter get visits --agent ftp://127.0.0.1",
        "counter get visits --agent 127.0.0.1:7848",
    ],
)
def test_bad_usage_is_2(capsys: Output, line: str) -> None:
    failing(capsys, 2, *line.split())


def test_no_agent_is_3(capsys: Output, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take it
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for verb in "members", "info", "digest", "counter get x", "map put m k 1", "leave":
            assert url in failing(capsys, 3, *verb.split(), "--agent", url)
        failing(capsys, 3, "wait", "--for", "converged", "--timeout", "0s", "--agent", url)
    failing(capsys, 3, "digest", "--agent", f"unix:{tmp_path}/absent")


def test_an_agent_that_does_not_answer_is_3(capsys: Output) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        line = failing(capsys, 3, "digest", "--agent", url, "--timeout", "50ms")
        assert "no answer in 0.05 s" in line


def test_counters(agent: Agent, capsys: Output) -> None:
    assert printed(capsys, "counter", "get", "visits") == "0\n"
    assert printed(capsys, "counter", "increment", "visits", "5") == "5\n"
    assert printed(capsys, "counter", "increment", "visits") == "6\n"
    assert printed(capsys, "counter", "decrement", "visits", "8") == "-2\n"
    assert json.loads(printed(capsys, "counter", "get", "visits", "-o", "json")) == {"value": -2}


def test_sets(agent: Agent, capsys: Output) -> None:
    assert printed(capsys, "set", "get", "online") == ""
    assert printed(capsys, "set", "add", "online", "alice") == ""
    assert printed(capsys, "set", "add", "online", "a/b c") == ""
    assert printed(capsys, "set", "get", "online").splitlines() == ["a/b c", "alice"]
    assert printed(capsys, "set", "remove", "online", "a/b c") == ""
    assert json.loads(printed(capsys, "set", "get", "online", "-o", "json")) == {"value": ["alice"]}
    assert "'bob' is not in the set" in failing(capsys, 1, "set", "remove", "online", "bob")


def test_every_mutator_of_counters_and_sets_is_a_verb(agent: Agent, capsys: Output) -> None:
    assert printed(capsys, "counter", "increment", "to reset", "5") == "5\n"
    assert printed(capsys, "counter", "reset", "to reset") == "0\n"
    printed(capsys, "set", "add", "to clear", "a")
    printed(capsys, "set", "discard", "to clear", "absent")
    assert json.loads(printed(capsys, "set", "discard", "to clear", "b", "-o", "json")) == {
        "value": ["a"]
    }
    printed(capsys, "set", "clear", "to clear")
    assert printed(capsys, "set", "get", "to clear").strip() == ""


@pytest.mark.parametrize(
    "line",
    [
        "counter get \udcff",
        "set add s \udcff",
        "members --agent http://\udcff:1",
        "members --agent http://" + "a" * 300 + ".com",
    ],
)
def test_text_that_cannot_be_sent_is_one_line(agent: Agent, capsys: Output, line: str) -> None:
    capsys.readouterr()
    assert run(*line.split()) in (2, 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("coterie: ")
    assert err.count("\n") == 1


def test_maps(agent: Agent, capsys: Output) -> None:
    assert printed(capsys, "map", "put", "config", "theme", '"dark"') == ""
    assert printed(capsys, "map", "put", "config", "sizes", "[1, -2.5]") == ""
    assert printed(capsys, "map", "get", "config", "theme") == '"dark"\n'
    table = printed(capsys, "map", "get", "config").splitlines()
    assert table == ["KEY    VALUE", "sizes  [1, -2.5]", 'theme  "dark"']
    shown = json.loads(printed(capsys, "map", "get", "config", "--prefix", "t", "-o", "json"))
    assert shown == {"value": {"theme": "dark"}}
    assert printed(capsys, "map", "delete", "config", "theme") == ""
    failing(capsys, 1, "map", "get", "config", "theme")
    failing(capsys, 1, "map", "delete", "config", "theme")


def test_what_cannot_be_carried_is_bad_usage(agent: Agent, capsys: Output) -> None:
    failing(capsys, 2, "map", "put", "config", "big", str(2**64))
    failing(capsys, 2, "map", "put", "config", "big", "1e400")
    failing(capsys, 2, "map", "put", "config", "big", '"\\ud800"')
    failing(capsys, 2, "counter", "increment", "huge", str(2**63))
    failing(capsys, 2, "counter", "increment", "huge", "--acks", "0")
    assert printed(capsys, "counter", "get", "huge") == "0\n"


def test_a_name_of_another_type_is_1(agent: Agent, capsys: Output) -> None:
    printed(capsys, "set", "add", "typed", "x")
    failing(capsys, 1, "counter", "get", "typed")


def test_acks_that_are_not_reached_are_1(agent: Agent, capsys: Output) -> None:
    printed(capsys, "counter", "increment", "acked", "--acks", "1")
    line = failing(capsys, 1, "counter", "increment", "acked", "--acks", "2", "--timeout", "50ms")
    assert "1 of 2" in line
    assert printed(capsys, "counter", "get", "acked") == "2\n"


def test_members_info_and_digest(agent: Agent, capsys: Output) -> None:
    header, row = printed(capsys, "members").splitlines()
    assert header.split()[:3] == ["NAME", "ADDRESS", "STATE"]
    assert row.split()[:3] == ["solo", agent.gossip, "alive"]
    (member,) = json.loads(printed(capsys, "members", "-o", "json"))["members"]
    assert member["name"] == "solo"
    assert "solo" in printed(capsys, "info")
    status = json.loads(printed(capsys, "info", "-o", "json"))
    assert printed(capsys, "digest") == status["digest"] + "\n"
    assert json.loads(printed(capsys, "digest", "-o", "json")) == {"digest": status["digest"]}


def test_wait(agent: Agent, capsys: Output) -> None:
    for holds in "members=1", "converged", "state:solo=alive":
        assert printed(capsys, "wait", "--for", holds) == ""
    line = failing(capsys, 1, "wait", "--for", "members=2", "--timeout", "50ms")
    assert "members=2 did not hold" in line
    failing(capsys, 1, "wait", "--for", "state:other=failed", "--timeout", "0s")


def test_the_flag_goes_before_the_environment(
    running: Agent, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COTERIE_AGENT", "http://127.0.0.1:1")
    failing(capsys, 3, "digest")
    printed(capsys, "digest", "--agent", running.http)


def test_a_missing_extra_is_named(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "node.agent", None)
    monkeypatch.delitem(sys.modules, "node.agent")
    monkeypatch.setitem(sys.modules, "hypercorn", None)
    line = failing(capsys, 1, "agent", "--dev")
    assert "pip install 'coterie[all]'" in line


def test_output_that_cannot_be_written_is_one_line(agent: Agent) -> None:
    command_line = [sys.executable, "-P", "-m", "node.command", "members"]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            command_line, stdout=full, stderr=subprocess.PIPE, timeout=30, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr == b"coterie: the system refuses (No space left on device)\n"


def test_a_reader_that_has_seen_enough_is_no_error(agent: Agent) -> None:
    command_line = [sys.executable, "-P", "-m", "node.command", "members"]
    with subprocess.Popen(command_line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def start_agent(*arguments: str, environ: dict[str, str] | None = None) -> str:
    """The one line of an agent that cannot start: it ends at once, with 1 and no traceback."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("COTERIE_")}
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "node.command", "agent", *arguments],
        capture_output=True,
        text=True,
        env=clean | (environ or {}),
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("coterie: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_an_agent_whose_settings_are_wrong_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "coterie.toml"
    file.write_text('nmae = "web-1"\n')
    assert "nmae" in start_agent("--config", str(file))
    file.write_text("name = web-1\n")
    assert "is not TOML" in start_agent("--config", str(file))
    absent = str(tmp_path / "absent")
    assert absent in start_agent("--config", absent)
    assert absent in start_agent("--secret-file", absent)
    assert "secret: " in start_agent("--bind", "0.0.0.0:0")
    assert "bind: " in start_agent("--bind", "nowhere")
    assert "http: " in start_agent("--http", "0.0.0.0:0")
    assert "join: " in start_agent("--join", "a:b:c")
    assert "profile: " in start_agent(environ={"COTERIE_PROFILE": "fast"})


def test_an_agent_whose_ports_are_taken_does_not_start(running: Agent) -> None:
    url = running.http.removeprefix("http://")
    line = start_agent("--bind", "127.0.0.1:0", "--http", url)
    assert url in line
    assert "Address already in use" in line
    line = start_agent("--bind", running.gossip, "--http", "127.0.0.1:0")
    assert running.gossip in line
    assert "; try: " in line


def test_an_agent_whose_data_directory_is_a_file_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    line = start_agent("--bind", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir", str(file))
    assert str(file) in line


def test_an_agent_whose_data_directory_is_in_use_does_not_start(running: Agent) -> None:
    used = str(running.directory / running.name)
    line = start_agent("--bind", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir", used)
    assert used in line
    assert "another process" in line


@pytest.mark.parametrize(
    ("text", "length"), [("500ms", 0.5), ("2s", 2.0), ("2", 2.0), ("1.5m", 90.0), ("1h", 3600.0)]
)
def test_lengths_of_time(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "1e3", "nan", "inf", "1 s", "9" * 400])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueError, match="length of time"):
        seconds(text)


def test_names_are_sorted_as_people_do() -> None:
    assert sorted(["web-10", "web-2", "db", "10", "9"], key=natural) == [
        *("9", "10", "db", "web-2", "web-10")
    ]


def test_a_condition_keeps_its_spelling_for_the_message() -> None:
    assert condition("members=3")[0] == "members=3"
    assert condition("state:web=1=failed")[0] == "state:web=1=failed"


def test_the_round_trip_and_the_exit_code_when_there_is_none(agent: Agent, capsys: Output) -> None:
    assert printed(capsys, "rtt", "solo") == "0.000 ms\n"
    assert json.loads(printed(capsys, "rtt", "solo", "solo", "-o", "json"))["rtt"] == 0.0
    assert "no member 'x'" in failing(capsys, 1, "rtt", "solo", "x")


def test_tags_from_the_command(agent: Agent, capsys: Output) -> None:
    assert printed(capsys, "tags", "set", "zone=a", "rack=b=c") == ""
    assert "rack  b=c\nzone  a\n" in printed(capsys, "tags", "get")
    assert json.loads(printed(capsys, "tags", "get", "-o", "json"))["tags"]["zone"] == "a"
    printed(capsys, "tags", "set", "large=" + "v" * 4000)
    assert max(map(len, printed(capsys, "members").splitlines())) < 200
    assert "v" * 4000 in printed(capsys, "members", "-o", "json")
    assert printed(capsys, "tags", "delete", "zone", "rack", "large") == ""
    assert "no tag 'zone'" in failing(capsys, 1, "tags", "delete", "zone")
    assert "more than 256 tags" in failing(capsys, 2, "tags", "set", "k=" + "v" * 4096)
    assert "is not KEY=VALUE" in failing(capsys, 2, "tags", "set", "zone")


def test_tags_are_no_commands_to_a_terminal(agent: Agent, capsys: Output) -> None:
    """Any member can set its own, and all look at them."""
    printed(capsys, "tags", "set", "role=\x1b[2Jweb\nroot", "c1=\x9b2J")
    for verb in ("members",), ("tags", "get"):
        table = printed(capsys, *verb)
        assert r"\x1b[2Jweb\nroot" in table
        assert all(line.isprintable() for line in table.splitlines())
    assert len(printed(capsys, "members").splitlines()) == 2
    tags = json.loads(printed(capsys, "members", "-o", "json"))["members"][0]["tags"]
    assert tags == {"role": "\x1b[2Jweb\nroot", "c1": "\x9b2J"}
    printed(capsys, "tags", "delete", "role", "c1")


def test_options_may_stand_before_an_argument_that_may_be_left_out(
    agent: Agent, capsys: Output
) -> None:
    assert printed(capsys, "event", "deploy", "--json", '{"v": 7}') == ""
    assert printed(capsys, "rtt", "solo", "--agent", agent.http, "solo") == "0.000 ms\n"
    assert "unrecognized" in failing(capsys, 2, "event", "deploy", "--json", "1", "2")


def test_info_shows_the_quorum(agent: Agent, capsys: Output) -> None:
    assert "1 of 1 are there\n" in printed(capsys, "info")


def test_force_leave_of_nobody(agent: Agent, capsys: Output) -> None:
    assert "no member 'x'" in failing(capsys, 1, "force-leave", "x")
