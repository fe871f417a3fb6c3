"""A cluster of real `coterie agent` processes on loopback: sealed, with the default timings.

What happens is timed by the agents themselves: each logs what it notices with the time, to the
millisecond, and the clock starts just before the signal or the request that makes it happen. Only
events of users are timed by their receiver, over HTTP: so the way through an agent to a program
beside it is part of the figure.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import ceil
from threading import Thread

from bench.agents import Agent, Agents, free_udp_port, wait_for
from bench.measure import Figure, Progress
from gossip import Address
from node.client import AgentUnreachableError

SIZE = 16
"""Agents, where nothing else is said."""

SIZES = (5, 16, 48, 100)
"""Agents of which one is killed."""

COLD = 48
"""Agents that start at once."""

EVENTS = 200
EVENT_PAUSE = 0.05
"""Seconds between two events of users."""
REPAIR = 10.0
"""Seconds after which an event that did not come counts as missed."""

STOPPED = 20.0
"""Seconds that half of the agents are stopped."""

QUIET = 2.0
"""Seconds without any change after which agents have agreed."""

Case = Callable[[int, Progress], Iterator[Figure]]
"""Measures something so many times."""


def measure(say: Progress, *, full: bool = False, only: str = "") -> Iterator[Figure]:
    """The figures of each case that has `only` in its name: of one trial, or of all asked for."""
    chosen = [case for name, case in CASES.items() if only in name]
    if not chosen:
        say(f"no case has {only!r} in its name: {', '.join(CASES)}")
    for trials, case in chosen:
        yield from case(trials if full else 1, say)


def figure(what: str, samples: Sequence[float], bar: str, unit: str = "s") -> Figure:
    """The median of the samples between their extremes."""
    return replace(Figure.of("cluster", what, samples, unit), bar=bar)


# A crash.


def killed(size: int) -> Case:
    """One of so many agents is killed: until all others know."""

    def case(trials: int, say: Progress) -> Iterator[Figure]:
        first, last = [], []
        say(f"{size} agents start")
        with Agents(size) as cluster:
            for trial in range(trials):
                say(f"{trial + 1} of {trials}")
                took = kill_one(cluster)
                first.append(min(took))
                last.append(max(took))
                if trial + 1 < trials:
                    cluster.add(1)
        yield figure(f"killed, until the first of {size} knows", first, "")
        yield figure(f"killed, until all of {size} know", last, "≤ 2.0")

    return case


def kill_one(cluster: Agents) -> list[float]:
    """Kill one of the agents at a random moment; the seconds until each other one knows."""
    cluster.wait_until_together(QUIET)
    time.sleep(random.random())  # agents ask each other once a second: any moment of it is fair
    victim = cluster.running.pop(
        random.randrange(1, len(cluster.running))
    )  # they join by the first
    at = victim.signal(signal.SIGKILL)
    return [seen - at for seen in cluster.wait_until_all_see(victim.name, "failed")]


# A leave.


def leave(trials: int, say: Progress) -> Iterator[Figure]:
    """One agent is told to leave: until all others know."""
    took = []
    say(f"{SIZE} agents start")
    with Agents(SIZE) as cluster:
        for trial in range(trials):
            say(f"{trial + 1} of {trials}")
            took.append(max(leave_one(cluster)))
            if trial + 1 < trials:
                cluster.add(1)
    yield figure(f"told to leave, until all of {SIZE} know", took, "≤ 0.05")


def leave_one(cluster: Agents) -> list[float]:
    """Have one of the agents leave; the seconds until each other one knows."""
    cluster.wait_until_together(QUIET)
    leaver = cluster.running.pop()
    at = leaver.signal(signal.SIGTERM)
    return [seen - at for seen in cluster.wait_until_all_see(leaver.name, "left")]


# An event of users.


def event(trials: int, say: Progress) -> Iterator[Figure]:
    """Events of one agent after the other: until programs beside all of them have it."""
    say(f"{SIZE} agents start")
    with Agents(SIZE) as cluster:
        say(f"{trials * EVENTS} events")
        arrived = tell_all(cluster, trials * EVENTS)
    yield from heard(arrived, SIZE)


def heard(arrived: Sequence[Sequence[float]], size: int) -> Iterator[Figure]:
    """The figures of events, from the seconds after which each came to each of so many agents that
    it came to.
    """
    took = sorted(max(each) for each in arrived if len(each) == size)
    what = f"event of a user, until all of {size} have it"
    yield figure(what, took, "≤ 0.05")
    yield replace(figure(f"{what}, 99%", took, "≤ 0.25"), value=took[ceil(0.99 * len(took)) - 1])
    missed = sum(size - len(each) for each in arrived)
    yield figure("event of a user, missed by some agent", [missed], "0", "")


class Listener:
    """A program beside an agent that notes when events arrive."""

    def __init__(self, agent: Agent) -> None:
        self.arrived: dict[int, float] = {}
        """When each event came, by its number."""
        self._agent = agent
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            with self._agent.client() as client:
                for event in client.stream("v1", "broadcasts", topic="bench"):
                    if event["kind"] == "event":
                        self.arrived[event["payload"]] = time.time()
        except AgentUnreachableError:
            pass  # it was killed: the measurement is over


def tell_all(cluster: Agents, events: int) -> list[list[float]]:
    """Send so many events; for each, the seconds until each agent's listener had it."""
    listeners = [Listener(agent) for agent in cluster.running]
    clients = [agent.client() for agent in cluster.running]

    def send(number: int) -> float:
        at = time.time()
        body = json.dumps({"topic": "bench", "payload": number})
        clients[number % len(clients)].request("POST", "v1", "broadcast", body=body)
        time.sleep(EVENT_PAUSE)
        return at

    def open_() -> bool:
        send(-1)
        return all(-1 in listener.arrived for listener in listeners)

    wait_for(open_, "for the streams of events to be open")
    sent = [send(number) for number in range(events)]
    until = time.monotonic() + REPAIR
    while time.monotonic() < until and any(len(each.arrived) <= events for each in listeners):
        time.sleep(EVENT_PAUSE)
    for client in clients:
        client.close()
    return [
        [each.arrived[number] - at for each in listeners if number in each.arrived]
        for number, at in enumerate(sent)
    ]


# A cold start.


def cold(trials: int, say: Progress) -> Iterator[Figure]:
    """Agents that start at once, all through one that starts with them: until all see each other.

    A process of Python is busy for a third of a second before it is an agent, so most of the time
    since the first was forked goes by before the last one has a socket.
    """
    whole, since_bound = [], []
    for trial in range(trials):
        say(f"{COLD} agents start at once, {trial + 1} of {trials}")
        forked, bound, together = start_at_once(COLD)
        whole.append(together - forked)
        since_bound.append(together - bound)
    yield figure(f"{COLD} start, from the first fork to full views", whole, "≤ 3.0")
    yield figure(f"{COLD} start, from the last socket to full views", since_bound, "≤ 3.0")


def start_at_once(size: int) -> tuple[float, float, float]:
    """When the first was forked, the last had its socket, and all had seen each other."""
    with Agents() as cluster:
        door = Address("127.0.0.1", free_udp_port())
        forked = time.time()
        cluster.fork([], str(door))
        for _ in range(size - 1):
            cluster.fork([door])
        together = cluster.wait_until_together(QUIET)
        bound = [agent.journal.listening for agent in cluster.running]
        return forked, max(at for at in bound if at is not None), together


# A stop.


def stopped(trials: int, say: Progress) -> Iterator[Figure]:
    """Half of the agents stand still for a while and go on: until all see each other again."""
    took = []
    say(f"{SIZE} agents start")
    with Agents(SIZE) as cluster:
        for trial in range(trials):
            say(f"half of them are stopped for {STOPPED:.0f} s, {trial + 1} of {trials}")
            took.append(stop_half(cluster, STOPPED))
    yield figure(f"half of {SIZE} stopped for {STOPPED:.0f} s, until all agree", took, "≤ 1.0")


def stop_half(cluster: Agents, seconds: float) -> float:
    """Stop half of the agents for so long; the seconds from then on until nothing changes any more
    and all see each other.
    """
    cluster.wait_until_together(QUIET)
    half = cluster.running[-(len(cluster.running) // 2) :]
    for agent in half:
        agent.signal(signal.SIGSTOP)
    time.sleep(seconds)
    at = min([agent.signal(signal.SIGCONT) for agent in half])
    return max(0.0, cluster.wait_until_together(QUIET) - at)


CASES: dict[str, tuple[int, Case]] = {
    **{f"crash of {size}": (5, killed(size)) for size in SIZES},
    "event": (5, event),
    "leave": (5, leave),
    "cold start": (10, cold),
    "stop": (5, stopped),
}
"""What is measured, how often when all of it is asked for, and how."""
