"""The constants of the protocol, each with its meaning and its trade-off. Durations are integer
nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log10

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient a member is. All members of a cluster should agree; nothing breaks if they do
    not.
    """

    probe_interval: int = 1 * SECOND
    """One member is probed per interval. Shorter finds failures sooner and costs more (SWIM: T').
    """

    probe_timeout: int = 500 * MILLISECOND
    """How long a direct answer may take before others are asked to probe; above the usual round
    trip.
    """

    indirect_probes: int = 3
    """How many others are asked. More survive more loss, at more cost per failed probe (SWIM: k).
    """

    suspicion_mult: int = 4
    """A suspect has this many probe intervals, times log10 of the cluster's size, to refute."""

    gossip_interval: int = 200 * MILLISECOND
    """While there is news, it goes to `gossip_fanout` members this often, besides riding on probes.
    """

    gossip_fanout: int = 3
    """How many members news is sent to at once. More spreads faster, with more duplicates."""

    retransmit_mult: int = 4
    """News is sent this many times, times log10 of the cluster's size, by each member."""

    reconnect_interval: int = 5 * SECOND
    """How often a member that is believed failed is called, so that partitions heal by themselves.
    """

    push_delay: int = 10 * MILLISECOND
    """Local writes within this time travel together."""

    pull_delay: int = 100 * MILLISECOND
    """How long a difference may last before it is repaired: pushes under way get a chance first."""

    pull_timeout: int = 500 * MILLISECOND
    """How long to wait for the next datagram of an answer before asking again."""

    leave_timeout: int = 3 * SECOND
    """How long a leaving member waits to be acknowledged."""

    reap_after: int = 24 * 3600 * SECOND
    """How long a failed or departed member stays listed."""

    def __post_init__(self) -> None:
        for field in self.__slots__:
            if getattr(self, field) <= 0:
                raise ValueError(f"{field} must be positive, it is {getattr(self, field)}")
        if self.probe_timeout >= self.probe_interval:
            raise ValueError("probe_timeout must be shorter than probe_interval")

    @classmethod
    def lan(cls) -> Timing:
        """Machines of one site (the defaults; memberlist's LAN profile is close to it)."""
        return cls()

    @classmethod
    def wan(cls) -> Timing:
        """Members in several sites: slower links, slower verdicts."""
        return cls(
            probe_interval=5 * SECOND,
            probe_timeout=3 * SECOND,
            suspicion_mult=6,
            gossip_interval=500 * MILLISECOND,
            reconnect_interval=15 * SECOND,
            pull_delay=500 * MILLISECOND,
            pull_timeout=2 * SECOND,
            leave_timeout=10 * SECOND,
        )

    @classmethod
    def local(cls) -> Timing:
        """Processes of one machine."""
        return cls(
            probe_interval=500 * MILLISECOND,
            probe_timeout=200 * MILLISECOND,
            suspicion_mult=3,
            gossip_interval=100 * MILLISECOND,
            reconnect_interval=2 * SECOND,
        )

    def suspicion_timeout(self, members: int) -> int:
        """How long a suspect has to refute, in a cluster of so many (memberlist's formula)."""
        return int(self.suspicion_mult * max(1.0, log10(max(1, members))) * self.probe_interval)

    def retransmits(self, members: int) -> int:
        """How often each member passes on one piece of news (memberlist's formula)."""
        return self.retransmit_mult * ceil(log10(members + 1))
