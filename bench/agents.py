"""Real `coterie agent` processes to be measured, and what the kernel says of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from typing import Any

from gossip import Address
from node.client import AgentProblemError, AgentUnreachableError, Client

DEADLINE = 60.0
"""Seconds for the processes to start and find each other."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A running agent: its process, where it is called, and the secret of its cluster."""

    name: str
    pid: int
    url: str
    secret: bytes

    def status(self) -> dict[str, Any]:
        """What it says of itself; an empty dictionary while it does not answer."""
        try:
            with Client(self.url) as client:
                return client.get("v1", "status")
        except (AgentUnreachableError, AgentProblemError):
            return {}

    def sees(self, members: int) -> bool:
        """Whether it has so many members alive, itself included."""
        return bool(self.status().get("members", {}).get("alive", 0) == members)

    @property
    def address(self) -> Address:
        """Where it gossips."""
        return Address.parse(self.status()["address"])

    def cpu_seconds(self) -> float:
        """User and system time that the process has had so far.

        Its CPU clock, under the number that clock_getcpuclockid(3) gives it: the ticks in /proc are
        a hundredth of a second, as much as an idle agent uses in ten.
        """
        return time.clock_gettime(~self.pid << 3 | 2)

    def mebibytes(self, field: str) -> float:
        """The sum of the fields of the process' memory that begin with `field`."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text("ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


@contextmanager
def agents(size: int) -> Iterator[list[Agent]]:
    """So many agents that all see each other; they end with the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coterie-bench-")))
        started: list[Agent] = []
        for number in range(size):
            join = ["--join", str(started[0].address)] if started else []
            started.append(start(f"bench-{number}", folder, join, stack))
            wait_until_together(started)
        yield started


def start(name: str, folder: Path, join: list[str], stack: ExitStack) -> Agent:
    """One agent on free ports of loopback, with default timings and nothing on disk."""
    secret = folder / "secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(os.urandom(32).hex(), "ascii")
    http = f"127.0.0.1:{free_tcp_port()}"
    command = [sys.executable, "-P", "-m", "node.command", "agent", "--name", name, *join]
    command += ["--bind", "127.0.0.1:0", "--http", http, "--secret-file", str(secret)]
    settings = {key: value for key, value in os.environ.items() if not key.startswith("COTERIE_")}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=settings)
    stack.callback(end, process)
    return Agent(name, process.pid, f"http://{http}", secret.read_bytes())


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the agent to leave, and see it gone."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_together(started: list[Agent]) -> None:
    """Return when every agent sees all of them alive; TimeoutError after `DEADLINE`."""
    until = time.monotonic() + DEADLINE
    while not all(agent.sees(len(started)) for agent in started):
        if time.monotonic() > until:
            raise TimeoutError(f"{len(started)} agents did not meet in {DEADLINE:.0f} s")
        time.sleep(0.1)


def free_tcp_port() -> int:
    """A port of loopback that nobody has bound now."""
    with socket(AF_INET, SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
