"""What the state of the nodes shows, whenever somebody looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crdt import CausalContext
from gossip import Peer
from sim.host import Host
from sim.invariants.promises import CLEAN, EQUAL, OWN_WORD, SELF_ALIVE, SOUND, Broken, Invariant


def examined(hosts: Sequence[Host], now: int, *, intact: bool) -> Iterator[Broken]:
    """Everything that is broken in the state of the nodes; `intact` says that no datagram was ever
    corrupted.
    """
    peers = [(host, host.peer) for host in hosts if host.running and host.peer is not None]
    for host, peer in peers:
        for invariant, detail in (*_unsound(peer), *_unclean(peer, intact=intact)):
            yield Broken(invariant, host.name, now, detail)
    for invariant, host, detail in (*_unequal(peers), *_invented(peers)):
        yield Broken(invariant, host.name, now, detail)


def _unsound(peer: Peer) -> Iterator[tuple[Invariant, str]]:
    try:
        peer.check()
    except AssertionError as broken:
        yield SOUND, str(broken).partition("\n")[0] or "an assertion without words"


def _unclean(peer: Peer, *, intact: bool) -> Iterator[tuple[Invariant, str]]:
    # A host refuses anything for a process that is gone; what was no probe tells nothing. And a
    # pull that comes twice, or after the next one, is answered once. Who has been behind a NAT
    # calls itself at the address that it had there.
    dropped = {
        reason: count
        for reason, count in peer.statistics().dropped.items()
        if count and reason not in ("refusal unknown", "stale", "own name")
    }
    if intact and dropped:
        yield CLEAN, f"dropped {dropped}"


def _unequal(peers: Sequence[tuple[Host, Peer]]) -> Iterator[tuple[Invariant, Host, str]]:
    """Nodes whose causal contexts are equal and whose digests are not."""
    first: dict[tuple[object, ...], tuple[Host, str]] = {}
    for host, peer in peers:
        digest = peer.digest()
        other, expected = first.setdefault(_canonical(peer.context()), (host, digest))
        if digest != expected:
            yield EQUAL, host, f"digest {digest}, and {expected} at {other.name}"


def _canonical(context: CausalContext) -> tuple[object, ...]:
    return tuple(context.spans())


def _invented(peers: Sequence[tuple[Host, Peer]]) -> Iterator[tuple[Invariant, Host, str]]:
    """What nodes hold of themselves and of each other, against each one's own word."""
    views = [(host, peer.members()) for host, peer in peers]
    own = {
        (member.name, member.id): member  # a cloned disk makes two of one id
        for host, members in views
        for member in members
        # Incarnations begin anew with each boot, and a view may still be of the boot before.
        if member.name == host.name and host.boots == 1
    }
    for host, members in views:
        for member in members:
            word = own.get((member.name, member.id), member)
            if member.name == host.name and member.state != "alive":
                yield SELF_ALIVE, host, f"it holds itself {member.state}"
            if member.incarnation > word.incarnation:
                detail = f"{member.name} at {member.incarnation}, itself at {word.incarnation}"
                yield OWN_WORD, host, detail
