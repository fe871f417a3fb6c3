"""The agents of the demo: real processes on free loopback ports, in a directory of their own."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node.client import AgentProblemError, AgentUnreachableError, Client
from node.errors import NodeError

READY = re.compile(r" ready: name=\S+ gossip=(\S+) http=(\S+)$", re.MULTILINE)
LEAVE_SECONDS_MAX = 6.0
"""How long agents may take to leave before they are killed; leaving is bounded to less."""


class DemoError(NodeError):
    """The demo did not go as it has to."""


@dataclass(frozen=True, slots=True)
class View:
    """The cluster as one agent sees it."""

    states: Mapping[str, str]
    digest: str
    statistics: Mapping[str, Any]


class Agent:
    """One agent process. ``client`` is for whoever writes, `view` asks over another connection."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.log = directory / f"{name}.log"
        self.gossip = ""
        self.http = ""
        self.client = Client()
        self._watcher = Client()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    def start(self, join: Sequence[str]) -> None:
        """Start the process; it takes the ports it had, if it had any."""
        command = [sys.executable, "-P", "-m", "node.command", "agent", "--profile", "local"]
        command += ["--name", self.name, "--fault-injection"]
        command += ["--bind", self.gossip or "127.0.0.1:0"]
        command += ["--http", self.http.removeprefix("http://") or "127.0.0.1:0"]
        command += ["--secret-file", str(self.directory / "secret")]
        command += ["--data-dir", str(self.directory / self.name)]
        command += ["--join", *join] if join else []
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COTERIE_")}
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # a Ctrl-C is for the demo, which then ends its agents
            )

    def is_ready(self) -> bool:
        """Whether it has said where it listens. `DemoError` when it ended instead."""
        text = self.log.read_bytes()[self._log_start :].decode(errors="replace")
        found = READY.search(text)
        if found is None:
            if self.exit_code() is not None:
                raise DemoError(f"{self.name} did not start", why=text.strip().rpartition("\n")[2])
            return False
        self._hang_up()
        self.gossip, self.http = found[1], found[2]
        self.client, self._watcher = Client(self.http), Client(self.http)
        return True

    def _hang_up(self) -> None:
        self.client.close()
        self._watcher.close()

    def view(self) -> View | None:
        """What it sees; None while it cannot be asked."""
        if self._process is None:
            return None
        try:
            members = self._watcher.get("v1", "members")["members"]
            status = self._watcher.get("v1", "status")
        except (AgentUnreachableError, AgentProblemError):
            return None
        states = {member["name"]: member["state"] for member in members}
        return View(states, status["digest"], status["statistics"])

    def kill(self) -> None:
        """SIGKILL: no farewell."""
        self._hang_up()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """Ask it to leave; `kill` it later if it does not."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def wait(self, seconds: float) -> None:
        """Wait for its end for so long."""
        if self._process is not None:
            try:
                self._process.wait(max(0.0, seconds))
            except subprocess.TimeoutExpired:
                return
            self._process = None


class Cluster:
    """All agents, and the directory with their secret, their data and their logs."""

    def __init__(self, names: Sequence[str]) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="coterie-demo-"))
        secret = os.open(self.directory / "secret", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(secret, "w") as file:
            file.write(secrets.token_hex(32))
        self.agents = [Agent(name, self.directory) for name in names]

    def views(self) -> dict[str, View | None]:
        """What each agent sees."""
        return {agent.name: agent.view() for agent in self.agents}

    def deaths(self) -> str:
        """Which agents ended though nobody ended them, as text."""
        codes = {agent.name: agent.exit_code() for agent in self.agents}
        dead = [f"{name} ended with {code}" for name, code in codes.items() if code is not None]
        return ", ".join(dead)

    def cut(self, group: Collection[Agent]) -> None:
        """Cut the cluster in the group and the others: both sides drop what the other sends."""
        others = [agent for agent in self.agents if agent not in group]
        for side, far in (group, others), (others, group):
            for agent in side:
                block(agent, far)

    def heal(self) -> None:
        """End the cut."""
        for agent in self.agents:
            block(agent, [])

    def close(self, *, keep_logs: bool) -> None:
        """End every agent that still runs, and remove what they left; not to be interrupted."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for agent in self.agents:
                agent.end()
            deadline = time.monotonic() + LEAVE_SECONDS_MAX
            for agent in self.agents:
                agent.wait(deadline - time.monotonic())
                agent.kill()
            if not keep_logs:
                shutil.rmtree(self.directory, ignore_errors=True)
        finally:
            signal.signal(signal.SIGINT, before)


def block(agent: Agent, others: Collection[Agent]) -> None:
    """Let an agent ignore others, and no more than those."""
    addresses = ", ".join(f'"{other.gossip}"' for other in others)
    agent.client.request("PUT", "v1", "faults", body=f'{{"block": [{addresses}]}}')
