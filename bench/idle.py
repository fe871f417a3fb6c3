"""What an agent costs that has nothing to do: real processes, seen through /proc.

CPU time is what the kernel charged over the window, memory is what the process holds for itself
(private pages; resident memory beside it counts shared libraries too). Both for an agent alone and
for each member of a cluster of five that has converged.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, SOCK_STREAM, SocketKind, socket

from bench.measure import Figure, Progress
from node.client import AgentProblemError, AgentUnreachableError, Client

WINDOW = 20.0
"""Seconds that an idle agent is watched."""
SETTLE = 3.0
"""Seconds after convergence that are not counted: what start-up left behind."""
DEADLINE = 60.0
"""Seconds for the processes to start and find each other."""

COTERIE = Path(sys.executable).with_name("coterie")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def measure(say: Progress) -> Iterator[Figure]:
    """CPU share, private and resident memory of an idle agent."""
    for size, where in ((1, "alone"), (5, "of five")):
        say(f"an agent {where}, watched for {WINDOW:.0f} s")
        with agents(size) as pids:
            time.sleep(SETTLE)
            before, began = [cpu_seconds(pid) for pid in pids], time.monotonic()
            time.sleep(WINDOW)
            elapsed = time.monotonic() - began
            shares = [
                100 * (cpu_seconds(pid) - earlier) / elapsed
                for pid, earlier in zip(pids, before, strict=True)
            ]
            private = [mebibytes(pid, "Private_") for pid in pids]
            resident = [mebibytes(pid, "Rss:") for pid in pids]
        yield Figure.of("idle", f"CPU of an agent {where}", shares, "% of a core")
        yield Figure.of("idle", f"private memory of an agent {where}", private, "MiB")
        yield Figure.of("idle", f"resident memory of an agent {where}", resident, "MiB")


@contextmanager
def agents(size: int) -> Iterator[list[int]]:
    """The process ids of `size` agents that see each other; they end with the block."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coterie-bench-")))
        secret = folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text(os.urandom(32).hex(), "ascii")
        first = f"127.0.0.1:{free_port(SOCK_DGRAM)}"
        urls, pids = [], []
        for number in range(size):
            http = f"127.0.0.1:{free_port(SOCK_STREAM)}"
            flags = ["--name", f"idle-{number}", "--http", http, "--secret-file", str(secret)]
            flags += ["--bind", "127.0.0.1:0", "--join", first] if number else ["--bind", first]
            with (folder / f"{number}.log").open("wb") as log:
                agent = subprocess.Popen([COTERIE, "agent", *flags], stdout=log, stderr=log)
            stack.callback(end, agent)
            urls.append(f"http://{http}")
            pids.append(agent.pid)
        wait_until_together(urls)
        yield pids


def wait_until_together(urls: Sequence[str]) -> None:
    """Return when every agent sees all of them alive; TimeoutError after `DEADLINE`."""
    until = time.monotonic() + DEADLINE
    while any(alive_members(url) < len(urls) for url in urls):
        if time.monotonic() > until:
            raise TimeoutError(f"{len(urls)} agents did not find each other in {DEADLINE:.0f} s")
        time.sleep(0.1)


def alive_members(url: str) -> int:
    """How many members the agent sees alive; 0 while it does not answer."""
    try:
        with Client(url) as client:
            members = client.get("v1", "members")["members"]
    except (AgentUnreachableError, AgentProblemError):
        return 0
    return sum(member["state"] == "alive" for member in members)


def end(agent: subprocess.Popen[bytes]) -> None:
    """Ask the agent to leave, and see it gone."""
    agent.terminate()
    try:
        agent.wait(10)
    except subprocess.TimeoutExpired:
        agent.kill()
        agent.wait()


def free_port(kind: SocketKind) -> int:
    """A port of loopback that nobody has bound now."""
    with socket(AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has had so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_SECOND


def mebibytes(pid: int, field: str) -> float:
    """The sum of the fields of a process' memory that begin with `field`."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024
