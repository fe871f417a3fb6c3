"""What an agent costs that has nothing to do: real processes, as the kernel counts.

CPU time is what was charged over the window, memory is what the process holds for itself
(private pages; resident memory beside it counts shared libraries too). Both for an agent alone and
for each member of a cluster of five, with the default timings and nothing on disk.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.agents import agents
from bench.measure import Figure, Progress

WINDOW = 20.0
"""Seconds that idle agents are watched."""
SETTLE = 3.0
"""Seconds before that which are not counted: what start-up left behind."""


def measure(say: Progress) -> Iterator[Figure]:
    """CPU share, private and resident memory of an idle agent."""
    for size, where in ((1, "alone"), (5, "of five")):
        say(f"an agent {where}, watched for {WINDOW:.0f} s")
        with agents(size) as idle:
            time.sleep(SETTLE)
            before, began = [agent.cpu_seconds() for agent in idle], time.monotonic()
            time.sleep(WINDOW)
            elapsed = time.monotonic() - began
            spent = [agent.cpu_seconds() - was for agent, was in zip(idle, before, strict=True)]
            private = [agent.mebibytes("Private_") for agent in idle]
            resident = [agent.mebibytes("Rss:") for agent in idle]
        shares = [100 * seconds / elapsed for seconds in spent]
        yield Figure.of("idle", f"CPU of an agent {where}", shares, "% of a core")
        yield Figure.of("idle", f"private memory of an agent {where}", private, "MiB")
        yield Figure.of("idle", f"resident memory of an agent {where}", resident, "MiB")
