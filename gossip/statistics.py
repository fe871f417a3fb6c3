"""What went over the wire, for people and for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counts since the start; `dropped` has a count for each reason why a datagram was ignored."""

    datagrams_sent: int
    bytes_sent: int
    datagrams_received: int
    bytes_received: int
    dropped: Mapping[str, int]
    name_conflicts: int
    members_refused: int
    accusations_unattributed: int
    """Accusations that were not their accuser's, or of an accuser that is unknown or just came."""
    measurements_ignored: int
    users: Mapping[str, int]
    """What became of broadcasts, queries and answers."""
    undelivered: Mapping[str, int] = field(default_factory=dict)
    """Datagrams that could not be sent, or were heard to have got lost, by the name of the error.
    The driver counts them.
    """
