"""What became of every write, beside what must have become of it.

The oracle is a list of all events of the run: which key each was about, what it wrote, and which
events its replica had seen then. From that and a causal context follows exactly what has to live
under a key, without any of the code that merges: what was seen, and was not replaced by anything
seen that had seen it. Each replica is held against this, key by key, as its keys change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from crdt import CausalContext, Store
from crdt.context import Dot
from crdt.fragment import Entry, Write, union
from crdt.store import parse_key
from gossip import Peer
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.channel import Channel
from sim.invariants.promises import (
    AUTHORED,
    DIGEST,
    DURABLE,
    EQUAL,
    GONE,
    GROWS,
    HELD,
    KEPT,
    ONE_DOT,
    Report,
)
from sim.invariants.sums import Sums
from sim.values import same

SAFE_AFTER = SECOND
"""How long what was seen may need until it survives a crash: the contract's virtual second."""

DENSE = 64
"""Contexts up to so many events are all compared; of larger ones, one in so many more each time."""


class Happened(NamedTuple):
    """One event of the run."""

    key: bytes
    write: Write | None
    """None for a removal."""
    seen: CausalContext
    """What was seen for the key when it happened, itself included."""
    place: int
    """Among the events about its key, in the order of time."""


@dataclass(slots=True)
class Replica:
    """One process's data, as it was when it was last looked at."""

    store: Store
    boot: int
    version: int = -1
    counted: int = 0
    """The last of its own events that the oracle knows."""
    context: CausalContext = field(default_factory=CausalContext)
    live: dict[bytes, Entry] = field(default_factory=dict)
    touched: dict[bytes, None] = field(default_factory=dict)
    unseen: dict[bytes, tuple[int, list[Dot]]] = field(default_factory=dict)
    """Per key: up to where its events were looked at, and those before that it had not seen."""
    seen: deque[tuple[int, CausalContext]] = field(default_factory=deque)
    """What it had seen when, back to the last that a crash must not take away."""
    ended: int | None = None


class Data:
    """Watches every store."""

    __slots__ = (
        "_by_context", "_by_digest", "_by_key", "_channel", "_events", "_names", "_replicas",
        "_report", "_unsafe", "sums",
    )  # fmt: skip

    def __init__(self, channel: Channel, report: Report) -> None:
        self._channel = channel
        self._report = report
        self._events: dict[Dot, Happened] = {}
        self._by_key: dict[bytes, list[Dot]] = {}
        self._names: dict[str, str] = {}  # of a replica: which process it is
        self._replicas: dict[int, Replica] = {}
        self._unsafe: dict[int, None] = {}
        self._by_context: dict[bytes, tuple[str, str]] = {}
        self._by_digest: dict[str, tuple[bytes, str]] = {}
        self.sums = Sums(report)

    # What happens to a process.

    def booted(self, host: Host, peer: Peer, now: int) -> None:
        """A process begins, with what its disk gave back."""
        before = self._replicas.get(host.index)
        store, who = peer.store, f"{host.name} in boot {host.boots}"
        if self._names.setdefault(store.replica, who) != who:
            detail = f"{who} calls its events as {self._names[store.replica]} did"
            self._report(ONE_DOT, host.name, now, detail)
        replica = Replica(store, host.boots, counted=store.context.last(store.replica))
        replica.touched.update(dict.fromkeys([*self._by_key, *store.entries]))
        self._replicas[host.index] = replica
        store.on_change = partial(_touch, replica.touched)
        if before is not None and host.index not in self._unsafe:
            self._survived(host, before, store.context, now)
        if host.disk.health.sync * SECOND <= SAFE_AFTER:
            self._unsafe.pop(host.index, None)
        self.stepped(host, peer, now)

    def ended(self, host: Host, now: int) -> None:
        """A process crashed."""
        replica = self._replicas.get(host.index)
        if replica is not None:
            replica.ended = now

    def unsafe(self, host: Host) -> None:
        """What this host has saved is not vouched for: its disk was exchanged, or is a bad one."""
        self._unsafe[host.index] = None

    def _survived(self, host: Host, before: Replica, found: CausalContext, now: int) -> None:
        limit = (now if before.ended is None else before.ended) - SAFE_AFTER
        safe = [context for at, context in before.seen if at <= limit]
        lost = [*safe[-1].beyond(found)] if safe else []
        if lost:
            self._report(DURABLE, host.name, now, f"after a crash it lacks {self.words(lost)}")

    def wrote(self, host: Host, peer: Peer, now: int) -> None:
        """A user changed something: each new event goes on the list."""
        store, replica = peer.store, self._replicas[host.index]
        log = store.log.get(store.replica, {})
        if replica.counted + 1 not in log:
            self._report(ONE_DOT, host.name, now, "a change was made that has no event of its own")
        while (counter := replica.counted + 1) in log:
            replica.counted = counter
            dot, key = (store.replica, counter), log[counter]
            write = next((w for w in store.entries.get(key, ()) if w[1:3] == dot), None)
            ahead = store.extra.get(key)
            seen = store.context.copy() if ahead is None else union(store.context, ahead)
            dots = self._by_key.setdefault(key, [])
            event = Happened(key, write, seen, len(dots))
            if self._events.setdefault(dot, event) is not event:
                self._report(ONE_DOT, host.name, now, f"{self.word(dot)} happens again")
                continue
            dots.append(dot)
            self._channel.mark(parse_key(key)[0])
            if write is not None:
                self._channel.mark(write[3])

    # What a process holds.

    def stepped(self, host: Host, peer: Peer, now: int) -> None:
        """A process has done something: if its data changed, look at what changed."""
        replica, store = self._replicas[host.index], peer.store
        if store.version == replica.version:
            return
        context = store.context.copy()
        self._look_at_all(host, replica, context, now)
        replica.version = store.version
        replica.seen.append((now, context))
        while len(replica.seen) > 1 and replica.seen[1][0] <= now - SAFE_AFTER:
            replica.seen.popleft()
        events = sum(high - low + 1 for _, low, high in context.spans())
        if events % (1 + events // DENSE) == 0:
            self._compare(host, peer, context, now)
            self.sums.look(host, peer, context, now)

    def _look_at_all(self, host: Host, replica: Replica, context: CausalContext, now: int) -> None:
        """Look at every key that was touched."""
        if not context.covers(replica.context):
            lost = self.words([*replica.context.beyond(context)])
            self._report(GROWS, host.name, now, f"it no longer knows of {lost}")
        for key in replica.touched:
            self._look(host, replica, key, context, now)
        replica.touched.clear()
        replica.context = context

    def _look(
        self, host: Host, replica: Replica, key: bytes, context: CausalContext, now: int
    ) -> None:
        """What lives under a key now, and what died."""
        before = replica.live.get(key, ())
        entry = replica.live[key] = replica.store.entries.get(key, ())
        for write in entry:
            dot = write[1], write[2]
            event = self._events.get(dot)
            if event is None:
                self._report(AUTHORED, host.name, now, f"{self.word(dot)}: {write!r:.80}")
            elif event.key != key or not same(event.write, write):
                detail = f"{self.word(dot)} is {write!r:.60} here, and was {event.write!r:.60}"
                self._report(ONE_DOT, host.name, now, detail)
            elif write not in before and dot in replica.context and dot not in dots_of(before):
                self._report(GONE, host.name, now, f"{self.word(dot)}, which was dead here, lives")
            elif (killer := self._killer(event, dot, context)) is not None:
                detail = f"{self.word(dot)} lives, though {self.word(killer)} replaced it"
                self._report(GONE, host.name, now, detail)
        ahead = replica.store.extra.get(key)
        known = context if ahead is None else union(context, ahead)
        live = dots_of(entry)
        gone = [dot for dot in dots_of(before) if dot not in live]
        for dot in (*gone, *self._arrived(replica, key, context)):
            event = self._events.get(dot)
            if event is None or event.write is None or dot in live:
                continue
            if self._killer(event, dot, known) is None:
                detail = f"{self.word(dot)} was seen, nothing replaced it, and it is not there"
                self._report(KEPT, host.name, now, detail)

    def _arrived(self, replica: Replica, key: bytes, context: CausalContext) -> list[Dot]:
        """The events of a key that are seen now, and were not when the key was last looked at."""
        dots = self._by_key.get(key, [])
        upto, unseen = replica.unseen.get(key, (0, []))
        candidates = [*unseen, *dots[upto:]]
        replica.unseen[key] = len(dots), [dot for dot in candidates if dot not in context]
        return [dot for dot in candidates if dot in context]

    def _killer(self, event: Happened, dot: Dot, context: CausalContext) -> Dot | None:
        """An event of `context` that had seen this one, of the same key, and replaced it."""
        dots = self._by_key[event.key]
        for place in range(len(dots) - 1, event.place, -1):
            other = dots[place]
            if other in context and dot in self._events[other].seen:
                return other
        return None

    def _compare(self, host: Host, peer: Peer, context: CausalContext, now: int) -> None:
        """Whoever has seen the same is in the same state, now or at any other time."""
        seen = blake2b(repr([*context.spans()]).encode(), digest_size=16).digest()
        digest = peer.digest()
        expected, other = self._by_context.setdefault(seen, (digest, host.name))
        if digest != expected:
            detail = f"digest {digest}, and {expected} at {other} when it had seen the same"
            self._report(EQUAL, host.name, now, detail)
        same, other = self._by_digest.setdefault(digest, (seen, host.name))
        if same != seen:
            detail = f"digest {digest}, as {other} had when it had seen something else"
            self._report(DIGEST, host.name, now, detail)

    def examine(self, host: Host, peer: Peer, now: int) -> None:
        """Look at everything, whatever changed."""
        replica = self._replicas.get(host.index)
        if replica is not None and replica.store is peer.store and not host.paused:
            replica.touched.update(dict.fromkeys([*self._by_key, *peer.store.entries]))
            self._look_at_all(host, replica, peer.store.context.copy(), now)
            self.sums.look(host, peer, replica.context, now)

    def held(self, host: Host, peer: Peer, hosts: Sequence[Host], now: int) -> None:
        """Whom a process takes to hold what: whoever still is in that boot has to hold it."""
        seen = peer._replication._seen
        for other in hosts if seen else ():
            context, there = seen.get(other.name), other.peer
            known = peer._membership.get(other.name)
            if context is None or known is None or there is None:
                continue
            if known.epoch == there._membership.me.epoch:
                lacks = [*context.beyond(there.store.context)]
                if lacks:
                    detail = f"it takes {other.name} to hold {self.words(lacks)}"
                    self._report(HELD, host.name, now, detail)

    # In words.

    def word(self, dot: Dot) -> str:
        """An event, by the process that it is of and the key that it is about."""
        event = self._events.get(dot)
        about = "" if event is None else f" about {parse_key(event.key)[0]!r}"
        return f"event {dot[1]} of {self._names.get(dot[0], dot[0])}{about}"

    def words(self, spans: list[tuple[str, int, int]]) -> str:
        """How many events of whom."""
        counts: dict[str, int] = {}
        for replica, low, high in spans:
            who = self._names.get(replica, replica)
            counts[who] = counts.get(who, 0) + high - low + 1
        return ", ".join(
            f"{count} event{'s' * (count > 1)} of {who}" for who, count in counts.items()
        )


def dots_of(entry: Entry) -> list[Dot]:
    """The events behind what lives under a key."""
    return [(write[1], write[2]) for write in entry]


def _touch(touched: dict[bytes, None], key: bytes) -> None:
    touched[key] = None
