"""How much a member keeps: everything in it that could grow has a bound, and keeps it.

This looks at what no user sees, in one place, because a table that leaks shows nowhere else until
the machine is full.
"""

from __future__ import annotations

from collections.abc import Iterator

from gossip import Peer
from gossip.data.parcels import MAX_KEPT_BYTES, MAX_PARCELS
from gossip.members.floors import FLOORS_MAX
from gossip.members.history import CASES_MAX
from gossip.members.reconnect import CALLS_MAX
from gossip.probing.prober import MAX_CHALLENGES, MAX_INQUIRIES, MAX_RELAYED
from gossip.probing.refusals import MAX_PROBES
from gossip.users.backlog import MAX_BACKLOG
from gossip.users.broadcasts import MAX_EARLY
from gossip.users.broadcasts import MAX_KEPT_BYTES as MAX_EVENT_BYTES
from gossip.users.queries import MAX_ASKED, MAX_OPEN, MAX_UNACKED
from gossip.users.repair import MAX_GAPS
from gossip.users.streams import MAX_KEPT
from sim.host import INBOX_MAX, Host

TIMERS = 32
"""Timers that a member has once, at most: our choice, about twice what there are."""

MAX_WAITING = MAX_GAPS * MAX_KEPT
"""Events of all origins that wait for those before them."""

Size = tuple[str, int, int]
"""What is kept, how much of it there is, and how much there may be."""


def sizes(host: Host, peer: Peer, members: int) -> list[Size]:
    """What is kept, how much of it there is, and how much there may be in a cluster of so many."""
    membership, parcels, replication = peer._membership, peer._parcels, peer._replication
    broadcasts, queries, timers = peer._broadcasts, peer._queries, peer._timers
    events = sum([len(log) for log in peer.store.log.values()])
    waiting = sum([len(stream.waiting) for stream in broadcasts._streams.values()])
    accusers = peer._timing.confirmations + 1
    # The last parcel is kept, however large.
    parcel_bytes = parcels._kept_bytes if len(parcels._kept) > 1 else 0
    return [
        ("members", len(membership._table), members),
        ("rumors", len(membership.rumors), members * (1 + accusers)),
        ("suspicions", len(membership.suspicions), members),
        ("probes of suspects", len(peer._prober._inquiries), MAX_INQUIRIES),
        ("members not reached", len(peer._prober.unreached), members),
        ("names in dispute", len(peer._prober._challenges), MAX_CHALLENGES),
        ("round-trip times", len(membership.rtt), members),
        ("coordinates of others", len(peer._positions._known), members),
        ("members told our coordinate", len(peer._positions._told), members),
        ("members expected", len(peer._quorum._known) + len(peer._quorum._remembered), members),
        ("contexts of others", len(replication._seen), members),
        ("members to pull from", len(replication._behind), members),
        ("hashes of others", len(peer._comparison._heard), members),
        ("keys to push", len(replication._hot), events),
        ("keys with knowledge ahead", len(peer.store.extra), max(events, len(peer.store.entries))),
        ("relayed probes", len(peer._prober._relayed), MAX_RELAYED),
        ("parcels sent", len(parcels._kept), MAX_PARCELS),
        ("parcels arriving", len(parcels._arriving), MAX_PARCELS),
        ("parcels done", len(parcels._done), MAX_PARCELS),
        ("bytes of parcels", parcel_bytes, MAX_KEPT_BYTES),
        ("events riding along", len(peer._outbox.backlog), MAX_BACKLOG),
        ("bytes of events kept", broadcasts._kept_bytes, MAX_EVENT_BYTES),
        ("events waiting", waiting, MAX_WAITING),
        ("streams of events", len(broadcasts._streams), 2 * members + 16),
        ("queries to answer", len(queries._asked), MAX_ASKED),
        ("answers to send again", len(queries._unacked), MAX_UNACKED),
        ("events of strangers", len(broadcasts._early), MAX_EARLY),
        ("origins that are asked", len(broadcasts._repair._gaps), MAX_GAPS),
        ("places in streams of others", len(broadcasts._bases), 2 * members + 17),
        ("queries open", len(queries._open), MAX_OPEN),
        ("timers", len(timers._live), TIMERS + 3 * members + MAX_PARCELS + MAX_OPEN),
        ("entries for timers", len(timers._heap), 66 + 4 * len(timers._live)),
        *contacts(peer, members),
        ("datagrams waiting", len(host.inbox), INBOX_MAX),
    ]


def contacts(peer: Peer, members: int) -> list[Size]:
    """The same, of what is kept of whom a member has to do with."""
    membership, reconnect, talk = peer._membership, peer._reconnect, peer._talk
    return [
        ("members met", len(membership._met), members),
        ("members nobody was told of", len(membership._untold), members),
        ("members forgotten", len(membership._floors._last), FLOORS_MAX),
        ("members that are gone", len(membership._gone), members),
        ("large tags of members", len(membership.tags._held), members),
        ("large tags that are lacking", len(membership.tags.lacking), members),
        ("cases told of", len(membership.suspicions._history._cases), CASES_MAX),
        # Those that it was given, and those that members had when it was saved: perhaps of a NAT.
        ("addresses to join", len(reconnect._joins), 2 * members),
        ("addresses that answered", len(reconnect._answers), 2 * members),
        ("calls to others", len(reconnect._calls), CALLS_MAX),
        ("members that heard our goodbye", len(peer._farewell._acknowledged), members),
        ("members that pulled", len(peer._replication._answered), members),
        ("members whose load is counted", len(talk._rates._tokens), members),
        ("probes that may be refused", len(talk.refusals._sent), MAX_PROBES),
    ]


def excess(host: Host, peer: Peer, members: int) -> Iterator[str]:
    """What is more than it may be, in words."""
    for what, size, most in sizes(host, peer, members):
        if size > most:
            yield f"{size} {what}, at most {most}"
