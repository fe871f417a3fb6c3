"""How bad a network can be: every fault with a switch of its own, which is also its intensity."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sim.agenda import finite, nanoseconds
from sim.errors import SimError

SECONDS = frozenset({"delay", "jitter", "tail", "slow_delay"})
AMOUNTS = frozenset({"burst_length", "mtu", "bandwidth", "queue"})


def probability(value: object, what: str) -> float:
    """`value`, if it is a probability; `SimError` otherwise."""
    words = f"{what} is a probability in 0..1"
    number = finite(value, words)
    if not 0 <= number <= 1:
        raise SimError(f"{words}, not {value!r}")
    return number


def amount(value: object, what: str) -> float:
    """`value`, if there can be so much of something; `SimError` otherwise."""
    words = f"{what} is a number from 0"
    number = finite(value, words)
    if number < 0:
        raise SimError(f"{words}, not {value!r}")
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How bad the network is, everywhere or in one direction between two hosts.

    What is not said otherwise is a probability per datagram, each on its own; 0 is off. A datagram
    meets its faults in the order of `sim/link.py`.
    """

    loss: float = 0.0
    """It never arrives."""
    duplicate: float = 0.0
    """It arrives twice, the second time a little later."""
    reorder: float = 0.0
    """It is held back, so that later ones overtake it."""
    corrupt: float = 0.0
    """It arrives with a few bits flipped, or cut short: one of the two below, evenly."""
    delay: float = 0.0005
    """Seconds from one host to another, one way."""

    burst: float = 0.0
    """A burst of loss begins with it: the way into the bad state of Gilbert and Elliott."""
    burst_length: float = 0.0
    """Datagrams that a burst takes on average; 0: ten."""
    flip: float = 0.0
    """It arrives with one to eight bits flipped."""
    truncate: float = 0.0
    """It arrives cut short."""
    crosswire: float = 0.0
    """It arrives with the bytes of another datagram of this network, sent lately by anybody."""
    jitter: float = 0.0
    """Seconds that it takes longer at most: as much as any."""
    tail: float = 0.0
    """Seconds that it takes longer on average: exponentially, so some take much longer."""
    slow: float = 0.0
    """It goes the slow way: the second mode of a distribution that has two."""
    slow_delay: float = 0.0
    """Seconds that the slow way takes longer; 0: one."""
    mtu: float = 0.0
    """Bytes beyond which it is dropped on the way; 0: it may have any size."""
    bandwidth: float = 0.0
    """Bytes that get through in a second; 0: any number."""
    queue: float = 0.0
    """Bytes that wait for their turn at most, the others are dropped; 0: 64 KiB."""
    send_error: float = 0.0
    """`sendto` fails: to the sender, a lost datagram like any other."""
    rebind: float = 0.0
    """Its sender is behind a NAT that forgets it: it and all after it come from a new address, and
    answers to the old one are lost."""
    silent: float = 0.0
    """A refusal that would go this way never comes: a firewall stands before the host. Nothing else
    meets it."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in SECONDS:
                nanoseconds(value, field.name)
            elif field.name in AMOUNTS:
                amount(value, field.name)
            else:
                probability(value, field.name)

    @property
    def chancy(self) -> bool:
        """Whether a datagram can meet anything but the delay."""
        harmless = {"delay", "silent"}
        return any(getattr(self, each.name) for each in fields(self) if each.name not in harmless)

    @property
    def bending(self) -> bool:
        """Whether a datagram can arrive with other bytes."""
        return bool(self.corrupt or self.flip or self.truncate or self.crosswire)
