"""What must hold in every run, whatever the seed: each invariant with its name and its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Invariant(NamedTuple):
    """A promise of the protocols."""

    name: str
    words: str


class Broken(NamedTuple):
    """An invariant that was found broken: at which node, when (nanoseconds), and what was seen."""

    invariant: Invariant
    node: str
    at: int
    detail: str


Report = Callable[[Invariant, str, int, str], None]
"""Takes what makes a `Broken`."""


class StuckError(Exception):
    """Raised through a run that would never end: the process of a host makes no progress."""


# Of each member by itself.
SOUND = Invariant("sound", "everything a running member knows fits together (Peer.check)")
PROGRESS = Invariant("progress", "a member that was woken is not due again at once, for ever")
BOUNDED = Invariant("bounded", "what a member keeps has a bound: tables, queues, parcels, timers")
QUIET = Invariant("quiet", "a cluster in which nothing happens sends little")

# Of members about each other.
SELF_ALIVE = Invariant("self-alive", "a running member holds itself alive")
FORWARD = Invariant("forward", "within one boot of a member, its incarnation never goes back")
OWN_WORD = Invariant("own-word", "nobody knows a greater incarnation of a member than itself")
PRECEDENCE = Invariant(
    "precedence", "what a process believes of a member is only replaced by what is newer"
)
OWN_RECORD = Invariant(
    "own-record", "only a member itself moves, has other tags, or says that it has left"
)
ATTRIBUTED = Invariant("attributed", "nobody is held accused in another's name but by that one")
PATIENT = Invariant(
    "patient", "a member is failed after it had its time to refute, or on the word of enough"
)
AWAKE = Invariant("awake", "who stood still does not take that for the silence of others")
PAST = Invariant("past", "nobody is accused before it was asked, in that boot, and had its time")
DISMISSED = Invariant("dismissed", "nobody is made to leave who is taken to be there")
DEPARTS = Invariant("departs", "who is told to leave is gone in bounded time")
SOON = Invariant("soon", "in a settled cluster, the end of a process is known everywhere in time")
RETURN = Invariant("no-return", "who failed or left comes back by its own newer word alone")
ACCURATE = Invariant("accurate", "while nothing was ever disturbed, nobody is reported failed")
COMPLETE = Invariant("complete", "a member that is down is noticed by everybody in bounded time")
LIVE = Invariant("live", "a majority that is healed agrees in bounded time")
TOLD = Invariant(
    "told", "what users are told of members comes once, and is what their own member believes"
)
LISTED = Invariant("listed", "who failed or left stays listed for as long as it should")

# Of data.
EQUAL = Invariant("equal-state", "members that have seen the same changes are in the same state")
DIGEST = Invariant("digest", "members with equal digests have seen the same changes")
GROWS = Invariant("grows", "within one process, what was seen only grows")
ONE_DOT = Invariant("one-dot", "an event has one name, and a name has one event")
AUTHORED = Invariant("authored", "what lives was written by somebody")
KEPT = Invariant("kept", "a write that was seen lives until a change that had seen it replaces it")
GONE = Invariant("gone", "what was replaced or removed does not come back")
EXACT = Invariant("exact", "a counter is the sum of what those who changed it were told it took")
OVERDRAWN = Invariant(
    "overdrawn", "no more is taken from a bounded counter, by all members, than was added to it"
)
OWN_WRITE = Invariant("own-write", "what was written is there for whoever wrote it")
HELD = Invariant("held", "whoever is taken to hold a change holds it")
DURABLE = Invariant("durable", "what was seen for a second before a crash is there after it")

# Of what users tell each other.
SAID = Invariant("said", "nobody is told what nobody said")
IN_ORDER = Invariant("in-order", "what one member broadcasts is heard in order, each thing once")
NO_GAP = Invariant(
    "no-gap", "who hears a broadcast has heard those before it, or that they are lost"
)
ANSWERED = Invariant(
    "answered", "an answer is what that member answered, comes once, and before the query is over"
)
OVER = Invariant(
    "over", "a query ends when all who were meant have answered or are gone, or at its deadline"
)
HEARD = Invariant("heard", "while nothing was ever disturbed, a broadcast is heard by all at once")

# Of the channel.
CLEAN = Invariant("clean", "while no datagram is corrupted, members drop none")
SECRET = Invariant("secret", "nothing that users write is readable in a datagram")
NONCE = Invariant("nonce", "no two datagrams are sealed with the same nonce")
SEALED = Invariant("sealed", "a datagram that was altered on its way is not opened")

INVARIANTS = tuple(value for value in list(globals().values()) if isinstance(value, Invariant))
"""All that are checked."""

NOT_YET = (
    Invariant("addressed", "a datagram is accepted by the member that it was sent to alone"),
    Invariant("fresh", "a datagram is accepted once, and by the boot that it was sent to"),
)
"""What this version of the channel does not promise, so that nothing checks it: the key is the
cluster's and a nonce is not remembered. What holds instead is that a datagram that comes again, or
to somebody else, does no harm, because all that it can say is ordered or idempotent.
"""
