"""Sealed datagrams through a real node: a `coterie agent` process, asked over loopback.

Another member, played by hand in this process, keeps `WINDOW` probes under way; the agent reads
each from its socket, opens it, and seals and sends the answer. The rate counts answers, so one
datagram into the node and one out of it. CPU time is the agent's own, as charged by the kernel, and
tells more than the rate, for which the one who asks needs a second core.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from select import select
from socket import AF_INET, SOCK_DGRAM, socket

from bench.agents import DEADLINE, Agent, Agents
from bench.asker import Asker
from bench.measure import RUNS, Figure, Progress
from gossip import Address

QUESTIONS = 10_000
WINDOW = 64
PATIENCE = 0.2
"""Seconds without an answer after which what is under way counts as lost."""


def measure(say: Progress) -> Iterator[Figure]:
    """Probes answered per second by an agent, and its CPU time for each."""
    rates, costs = [], []
    with Agents(1) as cluster, Membership(cluster.running[0]) as membership:
        (agent,) = cluster.running
        for number in range(RUNS):
            say(f"an agent answers {QUESTIONS:,} probes, run {number + 1} of {RUNS}")
            membership.keep_until_ready()
            questions = membership.asker.questions(QUESTIONS)
            before, began = agent.cpu_seconds(), time.perf_counter()
            answered = membership.ask(questions)
            rates.append(answered / (time.perf_counter() - began))
            costs.append((agent.cpu_seconds() - before) * 1e6 / max(1, answered))
    yield Figure.of("node", "probes answered by an agent over loopback", rates, "answers/s")
    yield Figure.of("node", "CPU time of the agent for each answer", costs, "µs")


class Membership(ExitStack):
    """An asker with two sockets: one to be a member with, one to ask from."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self.agent = agent.address
        self.line = self.enter_context(loopback())
        self.questions = self.enter_context(loopback())
        self.asker = Asker("asker", agent.secret, Address(*self.line.getsockname()))
        self.asker.peer.start(time.monotonic_ns(), join=[self.agent])

    def keep_until_ready(self) -> None:
        """Be an ordinary member until both agree."""
        until = time.monotonic() + DEADLINE
        while self.take_turn(0.01) or not self.asker.ready:
            if time.monotonic() > until:
                raise TimeoutError(f"the agent does not agree with us after {DEADLINE:.0f} s")

    def take_turn(self, patience: float = 0) -> bool:
        """The driver's loop, once; True when there was a datagram."""
        arrived = bool(select([self.line], [], [], patience)[0])
        now = time.monotonic_ns()
        if arrived:
            self.asker.peer.receive(self.line.recv(2048), self.agent, now)
        elif (self.asker.peer.next_wake or now) <= now:
            self.asker.peer.wake(now)
        for transmit in self.asker.outgoing():
            self.line.sendto(*transmit)
        return arrived

    def ask(self, questions: list[bytes]) -> int:
        """Keep `WINDOW` questions under way until all are asked; how many were answered."""
        answered = asked = lost = 0
        while answered + lost < len(questions):
            for question in questions[asked : answered + lost + WINDOW]:
                self.questions.sendto(question, self.agent)
                asked += 1
            if not select([self.questions], [], [], PATIENCE)[0]:
                lost = asked - answered
            while select([self.questions], [], [], 0)[0]:
                self.questions.recv(2048)
                answered += 1
            self.take_turn()
        return answered


def loopback() -> socket:
    """A datagram socket on a free port."""
    made = socket(AF_INET, SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made
