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

A datagram is opened (`channel`), decoded (`messages`) and routed (`talk`) to the machine whose
business it is: `membership` (who is there, and `identity`: who says so), `prober` (are you there?),
`comparison` (where do our tables differ?), `reconnect` (who else may be there?), `roaming` (where
am I?), `replication` (which data to whom), `parcels` (what is larger than a datagram), `positions`
(how far is it?), `broadcasts` and `queries` (what users tell and ask each other). `rumors` holds
the news that rides on whatever leaves, `spreading` sends it when nothing else does, and `quorum`
says whether most are there. `docs/protocol.md` tells what members do, and why.
"""

from crdt import CausalContext

from .broadcasts import TooManyEvents
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
from .history import Case
from .member import Address, Member
from .peer import Peer
from .selection import Where, where
from .statistics import Statistics
from .timing import Timing

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
