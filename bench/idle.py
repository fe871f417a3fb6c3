"""What an agent costs that has nothing to do: real processes, as the kernel counts.

CPU time is what was charged over the window, and a wake-up is any thread of the process going to
sleep once more. Memory is what the process holds for itself (private pages; resident memory beside
it counts shared libraries too). All for an agent alone and for each member of clusters, with the
default timings and nothing on disk.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from bench.agents import Agent, Agents
from bench.measure import Figure, Progress

SIZES = (1, 5, 16, 48)
WINDOW = 20.0
"""Seconds that idle agents are watched."""
SETTLE = 3.0
"""Seconds before that in which nobody noticed anything: what start-up left behind."""


class Idle(NamedTuple):
    """What an agent used while it was watched."""

    share: float
    """CPU time, in percent of a core."""
    wake_ups: float
    """How often any of its threads went to sleep, in a second."""


def watched(agents: Sequence[Agent], window: float) -> list[Idle]:
    """What each agent used within so many seconds."""
    before, began = [(a.cpu_seconds(), a.wake_ups()) for a in agents], time.monotonic()
    time.sleep(window)
    elapsed = time.monotonic() - began
    return [
        Idle(100 * (agent.cpu_seconds() - cpu) / elapsed, (agent.wake_ups() - woken) / elapsed)
        for agent, (cpu, woken) in zip(agents, before, strict=True)
    ]


def measure(say: Progress) -> Iterator[Figure]:
    """CPU share, wake-ups, private and resident memory of an idle agent."""
    for size in SIZES:
        where = "alone" if size == 1 else f"of {size}"
        say(f"an agent {where}, watched for {WINDOW:.0f} s")
        with Agents(size) as cluster:
            cluster.wait_until_together(SETTLE)
            idle = watched(cluster.running, WINDOW)
            private = [agent.mebibytes("Private_") for agent in cluster.running]
            resident = [agent.mebibytes("Rss:") for agent in cluster.running]
        shares = [each.share for each in idle]
        woken = [each.wake_ups for each in idle]
        cpu = Figure.of("idle", f"CPU of an agent {where}", shares, "% of a core")
        yield replace(cpu, bar="≤ 0.3")
        yield Figure.of("idle", f"wake-ups of an agent {where}", woken, "/s")
        yield Figure.of("idle", f"private memory of an agent {where}", private, "MiB")
        yield Figure.of("idle", f"resident memory of an agent {where}", resident, "MiB")
