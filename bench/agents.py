"""Real `coterie agent` processes to be measured, and what the kernel says of them."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket

from bench.journal import Journal
from gossip import Address
from node.client import Client

DEADLINE = 60.0
"""Seconds for whatever agents are waited for."""

POLL = 0.02
"""Seconds between looks at their logs."""

AT_ONCE = 8
"""Processes that start at the same time: more would only wait for each other's imports."""


class Agent:
    """A running agent: its process, its log, and the secret of its cluster."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, secret: str) -> None:
        self.name = name
        self.secret = secret.encode("ascii")
        self.pid = process.pid
        self.journal = Journal(log)
        self._process = process

    def is_ready(self) -> bool:
        """Whether it has said where it is called. `ChildProcessError` when it ended instead."""
        self.journal.read()
        if not self.journal.http and self._process.poll() is not None:
            raise ChildProcessError(f"{self.name} ended with {self._process.returncode}")
        return bool(self.journal.http)

    @property
    def address(self) -> Address:
        """Where it gossips, once it is ready."""
        assert self.journal.gossip is not None, "asked before it was ready"
        return self.journal.gossip

    def client(self) -> Client:
        """A connection of one's own to it."""
        return Client(self.journal.http, timeout=DEADLINE)

    def signal(self, number: signal.Signals) -> float:
        """Send a signal; the time just before, in seconds since 1970."""
        at = time.time()
        os.kill(self.pid, number)
        return at

    def end(self) -> None:
        """Kill it, if it still runs; it is nobody's child any more."""
        self._process.kill()
        self._process.wait()
        self.journal.close()

    def cpu_seconds(self) -> float:
        """User and system time that the process has had so far.

        Its CPU clock, under the number that clock_getcpuclockid(3) gives it: the ticks in /proc are
        a hundredth of a second, as much as an idle agent uses in ten.
        """
        return time.clock_gettime(~self.pid << 3 | 2)

    def wake_ups(self) -> int:
        """How often any of its threads went to sleep so far."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        lines = [line for task in tasks for line in (task / "status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))

    def mebibytes(self, field: str) -> float:
        """The sum of the fields of the process' memory that begin with `field`."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text("ascii").splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


class Agents(ExitStack):
    """Agents of one cluster, on free ports of loopback, with the default timings and nothing on
    disk. They are killed with the end of the block.
    """

    def __init__(self, size: int = 0) -> None:
        """So many agents that see each other; none yet, if it is left out."""
        super().__init__()
        self._folder = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="coterie-")))
        self._started = 0
        self.secret = secrets.token_hex(32)
        (self._folder / "secret").touch(mode=0o600)
        (self._folder / "secret").write_text(self.secret, "ascii")
        self.running: list[Agent] = []
        try:
            if size:
                self.add(size)
        except BaseException:
            self.close()
            raise

    def add(self, count: int) -> None:
        """Start so many more, a few at a time, and return when all see each other."""
        while count:
            batch = min(count, AT_ONCE) if self.running else 1
            join = [self.running[0].address] if self.running else []
            for _ in range(batch):
                self.fork(join)
            wait_for(lambda: all(agent.is_ready() for agent in self.running), "to be ready")
            count -= batch
        self.wait_until_together()

    def fork(self, join: Sequence[Address], bind: str = "127.0.0.1:0") -> Agent:
        """Begin to start one more."""
        name = f"bench-{self._started}"
        self._started += 1
        command = [sys.executable, "-P", "-m", "node.command", "agent", "--name", name]
        command += [word for address in join for word in ("--join", str(address))]
        command += ["--bind", bind, "--http", "127.0.0.1:0"]
        command += ["--secret-file", str(self._folder / "secret")]
        settings = {key: value for key, value in os.environ.items() if key[:8] != "COTERIE_"}
        path = self._folder / f"{name}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=settings)
        agent = Agent(name, process, path, self.secret)
        self.callback(agent.end)
        self.running.append(agent)
        return agent

    def wait_until_together(self, settled: float = 0.0) -> float:
        """Return when every agent sees all of them alive, and has noticed nothing for as long as
        `settled`; the time at which the last one noticed something.
        """

        def together() -> bool:
            self.read()
            quiet = time.time() - self.latest >= settled
            return quiet and all(a.journal.alive == len(self.running) for a in self.running)

        wait_for(together, f"for {len(self.running)} to see each other")
        return self.latest

    def read(self) -> None:
        """Take in what they have said."""
        for agent in self.running:
            agent.journal.read()

    @property
    def latest(self) -> float:
        """When any of them noticed something last."""
        return max(agent.journal.latest for agent in self.running)

    def wait_until_all_see(self, name: str, state: str) -> list[float]:
        """Return when each of them has seen a member in that state; the times at which they did."""

        def seen() -> bool:
            self.read()
            return all(a.journal.first(name, state) is not None for a in self.running)

        wait_for(seen, f"until {name} is {state}")
        return [at for a in self.running if (at := a.journal.first(name, state)) is not None]


def wait_for(holds: Callable[[], bool], what: str) -> None:
    """Return when it holds; `TimeoutError` after `DEADLINE`."""
    until = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"waited {what}, and not after {DEADLINE:.0f} s")
        time.sleep(POLL)


def free_udp_port() -> int:
    """A port of loopback that nobody has bound now."""
    with socket(AF_INET, SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
