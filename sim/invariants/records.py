"""What members say of themselves and of whom they accuse, beside what others hold of them.

Only a member itself moves, changes its tags or says that it has left, and nobody is held accused in
the name of somebody who did not accuse. So every table is compared with the records that each
process really had, and every accusation in it with the key of its accuser.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from gossip import Peer
from gossip.identity import is_proven
from gossip.member import Address, Claim, State, TagPairs
from sim.host import Host
from sim.invariants.promises import ATTRIBUTED, OWN_RECORD, Report

Process = tuple[int, int]
"""A host, and which of its boots."""

Record = tuple[bytes, Address, TagPairs, bytes]
"""Key, address, and tags, or the hash of those that have no room in a claim."""


class Records:
    """Every record that a member ever had of itself."""

    __slots__ = ("_hosts", "_keys", "_last", "_looked", "_parted", "_processes", "_report", "_said")

    def __init__(self, hosts: Sequence[Host], report: Report) -> None:
        self._hosts = hosts
        self._report = report
        self._last: dict[int, Claim] = {}
        self._said: dict[tuple[str, int, int], list[Record]] = {}
        """By name, epoch and incarnation: wiped disks make several of one."""
        self._parted: dict[tuple[str, int], None] = {}
        """Who said, in which epoch, that it leaves."""
        self._keys: dict[str, dict[bytes, None]] = {}
        self._processes: dict[tuple[str, int], Process] = {}
        self._looked: dict[int, tuple[int, int]] = {}
        """By host: its boot, and the version of its table that was looked through last."""

    def stepped(self, host: Host, peer: Peer) -> None:
        """A process has done something, and may say something new of itself."""
        me = peer._membership.me
        if self._last.get(host.index) is me:
            return
        self._last[host.index] = me
        self._said.setdefault((me.name, me.epoch, me.incarnation), []).append(_record(me))
        self._keys.setdefault(me.name, {})[me.key] = None
        self._processes[me.name, me.epoch] = host.index, host.boots
        if me.state is State.LEFT:
            self._parted[me.name, me.epoch] = None

    def process(self, name: str, epoch: int) -> Process | None:
        """Who speaks in this epoch of a member; None when nobody ever did."""
        return self._processes.get((name, epoch))

    def look(self, host: Host, peer: Peer, now: int) -> None:
        """Look through a table, if it has changed."""
        seen = host.boots, peer._membership.version
        if self._looked.get(host.index) == seen:
            return
        self._looked[host.index] = seen
        for claim in peer._membership.claims():
            self._compare(host, claim, now)

    def _compare(self, host: Host, claim: Claim, now: int) -> None:
        said = self._said.get((claim.name, claim.epoch, claim.incarnation))
        if said is None:
            return  # it never said so: that is for `membership` to tell
        if _record(claim) not in said:
            tags = claim.tags_hash.hex() or dict(claim.tags)
            detail = f"{claim.name} at {claim.address} with the tags {tags}"
            self._report(OWN_RECORD, host.name, now, detail)
        if claim.accuser:
            keys = self._keys.get(claim.accuser, {})
            if not any(is_proven(claim, key) for key in keys):
                detail = f"{claim.name} is {claim.state.name.lower()}, said to be {claim.accuser}'s"
                self._report(ATTRIBUTED, host.name, now, f"{detail} word")
        elif claim.state is State.LEFT and (claim.name, claim.epoch) not in self._parted:
            self._report(OWN_RECORD, host.name, now, f"{claim.name} has left, it is said")

    def waiting(self, core: Collection[str]) -> Iterator[str]:
        """What members of a core hold of each other that is not the last word of that one."""
        peers = {host.name: host.peer for host in self._hosts if host.peer and host.name in core}
        for name, peer in peers.items():
            for member in peer.members():
                about = peers.get(member.name)
                if about is not None and dict(member.tags) != about.tags:
                    yield f"{name} sees the tags {dict(member.tags)} of {member.name}"


def _record(claim: Claim) -> Record:
    return claim.key, claim.address, claim.tags, claim.tags_hash
