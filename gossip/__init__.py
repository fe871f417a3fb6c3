"""Who is alive, and spreading data: the protocol of one member, without I/O.

`Peer` is a whole member as a state machine. It is driven like this, by the node as by the
simulator:

1. Wait for a datagram, a local write (`on_write`), or `next_wake`.
2. Make one call: `receive(datagram, source, now)`, or `wake(now)`.
3. Take `effects()` and perform each, in order.
4. Read `next_wake`, and begin again.

A driver that is told that a datagram was refused, as sockets on Linux are, calls `refused(quoted,
now)` in place of `receive`. All that has arrived is handed in before `wake`: an answer that is
there counts, however late its reader is.

`now` is integer nanoseconds of a monotonic clock. Waking late is fine, waking early is harmless.

A datagram is opened and decoded (`wire`) and routed (`talk`) to the machine whose business it is:
in `members`, who is there, what others believe of that, and who else may be there; in `probing`,
are you there, and how far is it; in `data`, which values to whom; in `users`, what users tell and
ask each other. `outbox` packs what they say, with the news that rides along. `docs/protocol.md`
tells what members do, and why.
"""

from crdt import CausalContext

from .effects import (
    Effect,
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberRecovered,
    MemberSuspected,
    MemberUpdated,
    NameConflict,
    Persist,
    QueryAnswered,
    QueryAsked,
    QueryDone,
    QueryId,
    QuorumChanged,
    QuorumView,
    Transmit,
    UserEffect,
    UserEvent,
    UserEventsLost,
)
from .member import Address, Member
from .members.history import Case
from .peer import Peer
from .statistics import Statistics
from .timing import Timing
from .users.broadcasts import TooManyEvents
from .wire.selection import Where, where

__all__ = [
    "Address",
    "Case",
    "CausalContext",
    "Effect",
    "Member",
    "MemberEvent",
    "MemberFailed",
    "MemberJoined",
    "MemberLeft",
    "MemberRecovered",
    "MemberSuspected",
    "MemberUpdated",
    "NameConflict",
    "Peer",
    "Persist",
    "QueryAnswered",
    "QueryAsked",
    "QueryDone",
    "QueryId",
    "QuorumChanged",
    "QuorumView",
    "Statistics",
    "Timing",
    "TooManyEvents",
    "Transmit",
    "UserEffect",
    "UserEvent",
    "UserEventsLost",
    "Where",
    "where",
]
