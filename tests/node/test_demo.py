"""The demo: that it ends well, and that it can fail."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from node.demo import story
from node.demo.cluster import Cluster, DemoError
from node.demo.workload import Expected, compare, installed_packages, readme_words, words


@pytest.mark.slow
def test_the_main_job_ends_with_0_and_shows_its_figures() -> None:
    command = [sys.executable, "-P", "-m", "node.command", "demo"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    for shown in "n1 failed", "healed", "everything is as it has to be", "bytes received":
        assert shown in ended.stdout


@pytest.mark.slow
def test_a_demo_that_takes_too_long_fails_and_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clusters: list[Cluster] = []

    class Watched(Cluster):
        def close(self, *, keep_logs: bool) -> None:
            clusters.append(self)
            super().close(keep_logs=False)

    monkeypatch.setattr(story, "Cluster", Watched)
    monkeypatch.setattr(story, "SECONDS_MAX", 0.0)
    with pytest.raises(DemoError, match="demo failed: not reached within"):
        story.run(keep=False)
    (cluster,) = clusters
    assert all(agent.pid is None for agent in cluster.agents)
    assert not cluster.directory.exists()


@pytest.mark.slow
def test_an_agent_that_dies_by_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Doomed(Cluster):
        def close(self, *, keep_logs: bool) -> None:
            super().close(keep_logs=False)

    def load(self: story.Story) -> None:
        pid = self.agents[2].pid
        assert pid is not None
        os.kill(pid, signal.SIGABRT)
        self.until("it is dead", lambda: self.agents[2].exit_code() is not None)
        self.agents[2].client.get("v1", "status")

    monkeypatch.setattr(story, "Cluster", Doomed)
    monkeypatch.setattr(story.Story, "load", load)
    with pytest.raises(DemoError, match=r"demo failed: cannot reach .* \(n3 ended with -6\)"):
        story.run(keep=False)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-P", "-m", "node.command", "demo"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    # Whoever runs the tests in the background has SIGINT ignored, and a child inherits that.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "writing" in line:
                break
        assert agents_of(tmp_path)
        demo.send_signal(number)
        demo.stdout.read()
    assert demo.returncode == 130
    assert agents_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def agents_of(directory: Path) -> list[str]:
    """The running processes whose command line names this directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(directory) in command:
                found.append(command)
    return found


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({}, {"a": None, "b": 1}),
        (["a"], ["a", "b"]),
        (3, 4),
    ],
)
def test_a_difference_is_named(found: Any, wanted: Any) -> None:
    with pytest.raises(DemoError, match=r"^n2 has another thing \(.* instead of .*\)$"):
        compare("n2", "thing", found, wanted)
    compare("n2", "thing", wanted, wanted)


def test_increments_of_one_counter_add_up() -> None:
    expected = Expected(increments=[("a", 1), ("b", 5), ("a", -3)])
    assert expected.counters() == {"a": -2, "b": 5}


def test_words_are_taken_in_lower_case() -> None:
    assert words("Don't panic: `make demo`, 2 times") == ["don't", "panic", "make", "demo", "times"]


def test_there_is_real_data_on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "coterie" in readme_words()
    assert installed_packages()
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "trio" in installed_packages()
