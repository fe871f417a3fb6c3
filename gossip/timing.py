"""The constants of the protocol, each with its meaning and its trade-off. Durations are integer
nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log, log10

MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND

_MAY_BE_ZERO = ("coordinated", "late", "suspicion_min", "witnesses", "refusals")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient a member is. All members of a cluster should agree; nothing breaks if they do
    not.
    """

    probe_interval: int = 1 * SECOND
    """One member is probed per interval. Shorter finds failures sooner and costs more (SWIM: T').
    """

    probe_timeout: int = 500 * MILLISECOND
    """How long a direct answer may take at most before others are asked to probe, and how long it
    may where no round trip was measured yet.
    """

    probe_timeout_min: int = 100 * MILLISECOND
    """How long it may take at least, however short the round trips are: the pauses of a busy
    process. Shorter finds failures sooner and asks others more often. As long as `probe_timeout`,
    it turns measured time-outs off (SWIM, section 3.1, asks for measured ones; our bounds).
    """

    indirect_probes: int = 3
    """How many others are asked. More survive more loss, at more cost per failed probe (SWIM: k).
    """

    coordinated: bool = True
    """Whether members probe in a common order that is rotated once per interval, so that each is
    probed once in about an interval; otherwise each in an order of its own (SWIM, section 4.3).
    """

    health_max: int = 8
    """Up to how many times slower a member judges that finds itself slow; 1 turns that off
    (Lifeguard: S).
    """

    late: int = 50 * MILLISECOND
    """A wake-up that comes so late, and later than a quarter of the wait, says that this process
    stood still: what the wait would have led to is void. Shorter blames itself for what a busy
    event loop does; 0 never does (ours).
    """

    suspicion_mult: float = 1.0
    """A suspect has this many probe intervals, times log10 of the cluster's size, to refute when
    enough others accuse it. Shorter fails sooner, also who was only slow (Lifeguard: alpha).
    """

    suspicion_min: int = 2300 * MILLISECOND
    """But never less than this: whoever stands still for less is not failed (ours)."""

    suspicion_factor: float = 6.0
    """How many times as long it has while only one member accuses it (Lifeguard: beta). 1 makes the
    time one and the same.
    """

    confirmations: int = 3
    """How many further accusers bring the time down to the least (Lifeguard: K)."""

    witnesses: int = 3
    """How many further members a suspector asks at once to probe the suspect, and whether those who
    were asked before and got no answer count as accusers; 0 turns both off, and accusers only come
    by themselves (ours).
    """

    verdicts: int = 2
    """How many members have to accuse another before anybody believes a single one that says it has
    failed. 1 believes everybody (SWIM).
    """

    refusals: int = 3
    """How many have to be told by a member's host that nobody is there before it is failed without
    waiting for its refutation; in smaller clusters, all. 0 ignores what hosts say (ours).
    """

    gossip_interval: int = 200 * MILLISECOND
    """While there is news, it goes to `gossip_fanout` members this often, besides riding on probes.
    Shorter spreads sooner, and gives less time for several news to share a datagram (memberlist).
    """

    gossip_fanout: int = 3
    """How many members news is sent to at once. More spreads sooner, with more duplicates
    (memberlist).
    """

    retransmit_mult: int = 6
    """News is sent this many times, times log10 of the cluster's size, by each member. More reaches
    all in spite of more loss, and makes each piece dearer (SWIM: lambda; memberlist has 4).
    """

    reconnect_interval: int = 5 * SECOND
    """How often a member that is believed failed is called, so that partitions heal by themselves.
    More often heals sooner, and costs datagrams to who is gone for good (Serf: 30 s; ours).
    """

    push_delay: int = 10 * MILLISECOND
    """Local writes within this time travel together. Longer saves datagrams, shorter is seen sooner
    by others (ours).
    """

    pull_delay: int = 100 * MILLISECOND
    """How long a difference may last before it is repaired: pushes under way get a chance first.
    Shorter repairs sooner, and fetches what was on its way (ours).
    """

    pull_timeout: int = 500 * MILLISECOND
    """How long to wait for the next datagram of an answer before asking again. Shorter makes up for
    loss sooner, and asks a slow member twice (ours).
    """

    leave_timeout: int = 3 * SECOND
    """How long a leaving member waits to be acknowledged at most. Shorter ends sooner when nobody
    answers, and is less often known to be a leave where much is lost (Serf: 5 s; ours).
    """

    reap_after: int = 24 * 3600 * SECOND
    """How long a failed or departed member stays listed, and a failed one is called. Longer heals
    longer partitions, and remembers more names that never come back (Serf: 24 h).
    """

    def __post_init__(self) -> None:
        for field in self.__slots__:
            if getattr(self, field) <= 0 and field not in _MAY_BE_ZERO:
                raise ValueError(f"{field} must be positive, it is {getattr(self, field)}")
            if getattr(self, field) < 0:
                raise ValueError(f"{field} must not be negative, it is {getattr(self, field)}")
        if self.probe_timeout >= self.probe_interval:
            raise ValueError("probe_timeout must be shorter than probe_interval")
        if self.probe_timeout_min > self.probe_timeout:
            raise ValueError("probe_timeout_min must not be longer than probe_timeout")
        if self.suspicion_factor < 1:
            raise ValueError(f"suspicion_factor must be at least 1, it is {self.suspicion_factor}")

    @classmethod
    def lan(cls) -> Timing:
        """Machines of one site (the defaults)."""
        return cls()

    @classmethod
    def wan(cls) -> Timing:
        """Members in several sites: slower links, slower verdicts."""
        return cls(
            probe_interval=5 * SECOND,
            probe_timeout=3 * SECOND,
            probe_timeout_min=500 * MILLISECOND,
            suspicion_min=10 * SECOND,
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
            gossip_interval=100 * MILLISECOND,
            reconnect_interval=2 * SECOND,
        )

    @classmethod
    def swim(cls) -> Timing:
        """SWIM as its paper has it, with the constants of the Lifeguard paper: to compare with."""
        return replace(cls.lifeguard(), health_max=1, suspicion_factor=1.0)

    @classmethod
    def lifeguard(cls) -> Timing:
        """SWIM with Lifeguard (its alpha, beta, K and S), and nothing of ours: to compare with."""
        return cls(
            probe_timeout_min=500 * MILLISECOND,
            coordinated=False,
            late=0,
            retransmit_mult=4,
            suspicion_mult=5.0,
            suspicion_min=0,
            witnesses=0,
            verdicts=1,
            refusals=0,
        )

    def suspicion_timeout(self, members: int, accusers: int = 1) -> int:
        """How long a suspect has to refute, in a cluster of so many, when so many accuse it
        (Lifeguard, section IV.B; the least time is memberlist's formula, but for our bound).
        """
        least = max(
            self.suspicion_min,
            int(self.suspicion_mult * max(1.0, log10(max(1, members))) * self.probe_interval),
        )
        needed = min(self.confirmations, members - 2)  # without the suspect and the first accuser
        if accusers > needed:
            return least
        most = self.suspicion_factor * least
        return int(most - (most - least) * log(accusers) / log(needed + 1))

    def retransmits(self, members: int) -> int:
        """How often each member passes on one piece of news (memberlist's formula)."""
        return self.retransmit_mult * ceil(log10(members + 1))
