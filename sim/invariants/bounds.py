"""How much a member keeps: everything in it that could grow has a bound, and keeps it.

This looks at what no user sees, in one place, because a table that leaks shows nowhere else until
the machine is full.
"""

from __future__ import annotations

from collections.abc import Iterator

from gossip import Peer
from gossip.backlog import MAX_BACKLOG
from gossip.broadcasts import MAX_EARLY
from gossip.broadcasts import MAX_KEPT_BYTES as MAX_EVENT_BYTES
from gossip.floors import FLOORS_MAX
from gossip.history import CASES_MAX
from gossip.parcels import MAX_KEPT_BYTES, MAX_PARCELS
from gossip.prober import MAX_CHALLENGES, MAX_INQUIRIES, MAX_RELAYED
from gossip.queries import MAX_ASKED, MAX_OPEN, MAX_UNACKED
from gossip.reconnect import CALLS_MAX
from gossip.refusals import MAX_PROBES
from gossip.repair import MAX_GAPS
from gossip.streams import MAX_KEPT
from sim.host import INBOX_MAX, Host

TIMERS = 32
"""Timers that a member has once, at most: our choice, about twice what there are."""

MAX_WAITING = MAX_GAPS * MAX_KEPT
"""Events of all origins that wait for those before them."""


def sizes(host: Host, peer: Peer, members: int) -> Iterator[tuple[str, int, int]]:
    """What is kept, how much of it there is, and how much there may be in a cluster of so many."""
    membership, parcels, replication = peer._membership, peer._parcels, peer._replication
    events = sum(len(log) for log in peer.store.log.values())
    yield "members", len(membership.claims()), members
    accusers = peer._timing.confirmations + 1
    yield "rumors", len(membership.rumors), members * (1 + accusers)
    yield "suspicions", len(membership.suspicions), members
    yield "probes of suspects", len(peer._prober._inquiries), MAX_INQUIRIES
    yield "members not reached", len(peer._prober.unreached), members
    yield "names in dispute", len(peer._prober._challenges), MAX_CHALLENGES
    yield "round-trip times", len(membership.rtt), members
    yield "coordinates of others", len(peer._positions._known), members
    yield "members told our coordinate", len(peer._positions._told), members
    yield "members expected", len(peer._quorum._known) + len(peer._quorum._remembered), members
    yield "contexts of others", len(replication._seen), members
    yield "members to pull from", len(replication._behind), members
    yield "hashes of others", len(peer._comparison._heard), members
    yield "keys to push", len(replication._hot), events
    yield "keys with knowledge ahead", len(peer.store.extra), max(events, len(peer.store.entries))
    yield "relayed probes", len(peer._prober._relayed), MAX_RELAYED
    yield "parcels sent", len(parcels._kept), MAX_PARCELS
    yield "parcels arriving", len(parcels._arriving), MAX_PARCELS
    yield "parcels done", len(parcels._done), MAX_PARCELS
    if len(parcels._kept) > 1:
        yield "bytes of parcels", parcels._kept_bytes, MAX_KEPT_BYTES
    broadcasts, queries, timers = peer._broadcasts, peer._queries, peer._timers
    yield "events riding along", len(peer._outbox.backlog), MAX_BACKLOG
    yield "bytes of events kept", broadcasts._kept_bytes, MAX_EVENT_BYTES
    yield "events waiting", sum(len(s.waiting) for s in broadcasts._streams.values()), MAX_WAITING
    yield "streams of events", len(broadcasts._streams), 2 * members + 16
    yield "queries to answer", len(queries._asked), MAX_ASKED
    yield "answers to send again", len(queries._unacked), MAX_UNACKED
    yield "events of strangers", len(broadcasts._early), MAX_EARLY
    yield "origins that are asked", len(broadcasts._repair._gaps), MAX_GAPS
    yield "places in streams of others", len(broadcasts._bases), 2 * members + 17
    yield "queries open", len(queries._open), MAX_OPEN
    yield "timers", len(timers._live), TIMERS + 3 * members + MAX_PARCELS + MAX_OPEN
    yield "entries for timers", len(timers._heap), 66 + 4 * len(timers._live)
    yield from contacts(peer, members)
    yield "datagrams waiting", len(host.inbox), INBOX_MAX


def contacts(peer: Peer, members: int) -> Iterator[tuple[str, int, int]]:
    """The same, of what is kept of whom a member has to do with."""
    membership, reconnect, talk = peer._membership, peer._reconnect, peer._talk
    yield "members met", len(membership._met), members
    yield "members forgotten", len(membership._floors._last), FLOORS_MAX
    yield "members that are gone", len(membership._gone), members
    yield "large tags of members", len(membership.tags._held), members
    yield "large tags that are lacking", len(membership.tags.lacking), members
    yield "cases told of", len(membership.suspicions._history._cases), CASES_MAX
    # Those that it was given, and those that members had when it was saved: perhaps of a NAT.
    yield "addresses to join", len(reconnect._joins), 2 * members
    yield "addresses that answered", len(reconnect._answers), 2 * members
    yield "calls to others", len(reconnect._calls), CALLS_MAX
    yield "members that heard our goodbye", len(peer._farewell._acknowledged), members
    yield "members that pulled", len(peer._replication._answered), members
    yield "members whose load is counted", len(talk._rates._tokens), members
    yield "probes that may be refused", len(talk.refusals._sent), MAX_PROBES


def excess(host: Host, peer: Peer, members: int) -> Iterator[str]:
    """What is more than it may be, in words."""
    for what, size, most in sizes(host, peer, members):
        if size > most:
            yield f"{size} {what}, at most {most}"
