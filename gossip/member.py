"""Who is there, and which of two claims about a member is newer.

What members tell each other about a member is a *claim*. Claims about one name are totally ordered,
so every member that has heard the same claims believes the same. Compared are, in this order:

    epoch          the boot of the process; a restarted member outranks its own past
    incarnation    raised only by the member itself, to refute a claim
    state          alive < suspect < failed < left, within one incarnation

The greatest claim ever heard is kept, also about the dead, so an old claim can never bring anyone
back.

Reference: Das, Gupta, Motivala, "SWIM" (2002), section 4.2; the epoch is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address
from typing import NamedTuple

MAX_NAME_BYTES = 64
"""The longest name of a member, in UTF-8."""

MAX_TAGS = 256
"""The most tags of a member."""

MAX_TAGS_BYTES = 4096
"""The largest set of tags, as the sum of its keys and values in UTF-8."""

TAGS_HASH_BYTES = 16
"""The size of the hash that a claim has in place of tags for which it has no room."""

RIDING_TAGS = 64
"""The most tags that ride in a claim."""

RIDING_TAGS_BYTES = 512
"""And their size: a claim must fit a datagram, beside a probe and others."""

TagPairs = tuple[tuple[str, str], ...]
"""Tags as they travel, by key."""


class Address(NamedTuple):
    """Where a member receives datagrams: an IP address in text and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address behind `127.0.0.1:7847` or `[::1]:7847`; `ValueError` for anything else."""
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        plain = host[1:-1] if bracketed else host
        if not colon or not port.isdecimal() or int(port) > 65535 or (":" in plain) != bracketed:
            raise ValueError(f"{text!r} is not an address like 127.0.0.1:7847 or [::1]:7847")
        return cls(str(ip_address(plain)), int(port))


class State(IntEnum):
    """What is believed of a member; the order is the order of claims."""

    ALIVE = 0
    SUSPECT = 1
    FAILED = 2
    LEFT = 3

    @property
    def running(self) -> bool:
        """Whether the member is taken to be there: a suspect is, until proven otherwise."""
        return self <= SUSPECT


ALIVE, SUSPECT, FAILED, LEFT = State
"""The same by themselves, for what is done with every datagram: to look a member of an enum up
takes longer than a call (Python 3.11).
"""


class Claim(NamedTuple):
    """One statement about one member, as it travels."""

    state: State
    name: str
    key: bytes
    """The member's public key."""
    address: Address
    epoch: int
    incarnation: int
    tags: TagPairs
    tags_hash: bytes = b""
    """Of tags that have no room in a claim: their hash."""
    signature: bytes = b""
    """The member's, under all of the above, but of the state only whether it says that it left."""
    accuser: str = ""
    """Who says so, for suspect, failed, and for left when it was made to leave; empty otherwise."""
    refused: bool = False
    """Of a suspect: the accuser was told by its host that nobody is there."""
    proof: bytes = b""
    """The accuser's signature."""

    @property
    def order(self) -> tuple[int, int, State]:
        """The greater of two claims about one name is the newer one."""
        return self.epoch, self.incarnation, self.state


@dataclass(frozen=True, slots=True)
class Member:
    """What users see of a member. `rtt` is in seconds: as measured, else as coordinates tell, else
    None.
    """

    name: str
    id: str
    address: Address
    state: str
    incarnation: int
    tags: Mapping[str, str]
    rtt: float | None


def is_name(text: object) -> bool:
    """Whether `text` can name a member: printable, without spaces at the ends, at most 64 bytes of
    UTF-8.
    """
    if type(text) is not str or not text.isprintable() or text != text.strip():
        return False
    return 0 < len(text.encode(errors="replace")) <= MAX_NAME_BYTES


def tags_fit(tags: TagPairs) -> bool:
    """Whether a member can have these tags."""
    return len(tags) <= MAX_TAGS and _size(tags) <= MAX_TAGS_BYTES


def tags_ride(tags: TagPairs) -> bool:
    """Whether these tags fit into a claim."""
    return len(tags) <= RIDING_TAGS and _size(tags) <= RIDING_TAGS_BYTES


def _size(tags: TagPairs) -> int:
    return sum(len(key.encode()) + len(value.encode()) for key, value in tags)
