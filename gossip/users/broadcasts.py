"""Events of users: from one member to all, in order, each once, and repaired where one is missed.

*Spreading.* An event goes to a few members at once, from its origin and from whoever hears it for
the first time; so it is everywhere within a few round trips. After that it rides on whatever leaves
(`backlog`), a limited number of times.

*Order.* Each origin numbers its events, anew in each boot. A member delivers them in that order,
and holds back what comes early. Where they begin for it, the origin says: it notes for each member
up to which event it did not know it yet. So a newcomer gets nothing from before it joined, and
whoever was there gets everything. Only number 1 is taken without that question.

*Repair.* The latest numbers (`Heads`) are told after an event, at ever longer pauses; to a member
that is back after it was suspected or taken for failed; and for ever, now and then, beside an
answer to a probe. Whoever lacks some asks for them by number (`repair`), and what cannot be had is
reported as lost.

Everything is bounded: what is kept, what waits, who is asked, and how much one question brings.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection
from random import Random

from gossip.member import Claim
from gossip.members.membership import Membership
from gossip.outbox import FRAME_BYTES, Outbox
from gossip.timers import Timers
from gossip.timing import Timing
from gossip.wire.user_messages import (
    MAX_EVENT_BYTES,
    MAX_HEADS,
    Begins,
    Event,
    Heads,
    Lacking,
    decode_event,
    encode_user,
)

from .repair import Repair
from .streams import Stream

BURST = 48
"""How many events of ours may be younger than a gossip interval: what is kept has room for more, so
who misses one of a burst can still get it.
"""

HEAD_ROUNDS = 13
"""How often the latest numbers are told after an event, the pause doubling each time: with a gossip
interval of 0.2 s, from 25 ms on for more than three minutes.
"""

REMINDED = 8
"""One in so many answers to probes tells of the latest events, once there were any: our choice.
What one member holds is then everywhere in half a minute; it costs 4 to 75 bytes a second.
"""

MAX_KEPT_BYTES = 4 * 1024 * 1024
"""How much is kept for others of all origins; those from whom nothing came for longest give way."""

MAX_EARLY = 64
"""Events of members that we have not heard of yet, which wait for word of them."""

REPAIR_DATAGRAMS = 16
"""The most datagrams that one question for missing events brings."""

REMIND = 8
"""About how many members tell one that is back what it may have missed."""

BACKLOG_DATAGRAMS = 3
"""How many datagrams go to one member in a tick, at most."""


class TooManyEvents(Exception):  # noqa: N818  (a state, not a fault)
    """More events in a gossip interval than can be repaired, or more queries than may be open;
    nothing was sent. Later there is room again.
    """


class Broadcasts:
    """Spreads events, puts them in order and repairs what was missed; `deliver` gets each event
    when it is its turn, `lost` what has to be given up.
    """

    def __init__(
        self,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        random: Random,
        outbox: Outbox,
        *,
        deliver: Callable[[Event, int], None],
        lost: Callable[[str, int], None],
    ) -> None:
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._outbox = outbox
        self._deliver = deliver
        self._lost = lost
        self.counts: Counter[str] = Counter()
        self._own = Stream(membership.me.epoch, next=1)
        self._young: deque[int] = deque()
        self._bases: dict[str, tuple[int, int]] = {}
        """Of each member: its boot, and our latest event when we first heard of that."""
        self._streams: OrderedDict[str, Stream] = OrderedDict()
        self._kept_bytes = 0
        self._repair = Repair(
            membership, timing, timers, random, outbox, self._streams, self._give_up
        )
        self._early: OrderedDict[tuple[str, int, int], tuple[Event, str]] = OrderedDict()
        self._rounds = HEAD_ROUNDS
        self._due = 0

    # From our own users.

    def wait(self, now: int) -> int:
        """How long to wait until there is room for another event of ours; 0 for not at all."""
        while self._young and self._young[0] <= now - self._timing.gossip_interval:
            self._young.popleft()
        if len(self._young) < BURST:
            return 0
        return self._young[0] + self._timing.gossip_interval - now

    def publish(self, make: Callable[[str, int, int], Event], now: int) -> int:
        """Send an event to everybody, this member included; its number. `make` gets origin, boot
        and number. `TooManyEvents` when there is no room.
        """
        if self.wait(now):
            raise TooManyEvents(f"more than {BURST} events within a gossip interval")
        me = self._membership.me
        self._renumber(me.epoch, now)
        own = self._own
        assert own.next is not None
        event = make(me.name, me.epoch, own.next)
        frame = encode_user(event)
        own.keep(own.next, frame)
        own.greatest = own.next
        own.next += 1
        self._young.append(now)
        self.counts["sent"] += 1
        self._pass_on(frame, (), now)
        self._deliver(event, now)
        return event.sequence

    def _renumber(self, epoch: int, now: int) -> None:
        """Say all again under the number that this boot has now, if it got another: it turned out
        to be lower than that of our past, so nobody listened.
        """
        old = self._own
        if old.boot == epoch:
            return
        self._own = own = Stream(epoch, old.next, old.greatest)
        self._bases = {name: (boot, 0) for name, (boot, _) in self._bases.items()}
        for sequence in sorted(old.kept):
            frame = encode_user(decode_event(old.kept[sequence])._replace(boot=epoch))
            own.keep(sequence, frame)
            self._pass_on(frame, (), now)

    # Spreading.

    def _pass_on(self, frame: bytes, spare: Collection[str], now: int) -> None:
        """Send an event to a few members that may not have it, and have it ride along later."""
        others = [other for other in self._membership.others() if other.name not in spare]
        chosen = self._random.sample(others, min(self._timing.gossip_fanout, len(others)))
        for other in chosen:
            self._outbox.send(other.address, frame)
        if 0 < len(chosen) < self._timing.retransmits(len(self._membership)):
            self._outbox.backlog.add(frame, len(chosen))
        self._stir(now)

    def _stir(self, now: int) -> None:
        """Something is new: pass it on, and tell of it, soon and then ever less often."""
        self._rounds = 0
        soon = now + self._pause()
        if "events" not in self._timers or soon < self._due:
            self._plan(soon)

    def _pause(self) -> int:
        """Doubling, from an eighth of a gossip interval; while there is a backlog, at most one."""
        interval = self._timing.gossip_interval
        pause = interval << self._rounds >> 3
        return min(pause, interval) if self._outbox.backlog.frames else pause

    def _plan(self, due: int) -> None:
        self._due = due
        self._timers.set("events", due, self._tick)

    def _tick(self, now: int) -> None:
        """Send what waits to a few members, and tell one of them what is the latest."""
        self._renumber(self._membership.me.epoch, now)
        others, backlog = self._membership.others(), self._outbox.backlog
        chosen = self._random.sample(others, min(self._timing.gossip_fanout, len(others)))
        for other in chosen[:1]:
            self._outbox.send(other.address, self._heads())
        for other in chosen:
            for _ in range(BACKLOG_DATAGRAMS):
                if backlog.frames:
                    self._outbox.send(other.address)
        self._rounds += 1
        if self._rounds < HEAD_ROUNDS or (backlog.frames and others):
            self._plan(now + self._pause())

    def _heads(self) -> bytes:
        """What is the latest: of us, of those who spoke last, and of some of the others."""
        heads: list[tuple[str, int, int]] = []
        if self._own.greatest:
            heads.append((self._membership.me.name, self._own.boot, self._own.greatest))
        names = list(self._streams)
        if len(names) > MAX_HEADS - 1:
            half = MAX_HEADS // 2
            names = names[-half:] + self._random.sample(names[:-half], MAX_HEADS - 1 - half)
        for name in names:
            stream = self._streams[name]
            here = max([(stream.next or 1) - 1, *stream.waiting])  # not what was only heard of
            if here:
                heads.append((name, stream.boot, here))
        return encode_user(Heads(tuple(heads)))

    def riding(self) -> bytes | None:
        """What goes along with an answer to a probe: mostly nothing, now and then what is the
        latest.
        """
        if not (self._own.greatest or self._streams) or self._random.randrange(REMINDED):
            return None
        return self._heads()

    # From other members.

    def receive(self, event: Event, sender: str, now: int) -> None:
        """An event arrived, for the first time or not."""
        if event.origin == self._membership.me.name:
            return
        known = self._membership.get(event.origin)
        if known is None or known.epoch < event.boot:
            self._early[event[:3]] = (event, sender)
            if len(self._early) > MAX_EARLY:
                self._early.popitem(last=False)
                self.counts["of strangers"] += 1
            return
        stream = self._stream(known, event.boot)
        if stream is None or not stream.is_news(event.sequence):
            self.counts["known"] += 1
            return
        if stream.next is None and event.sequence == 1:
            stream.begin(1)
        late = event.sequence != stream.next and not self._repair.has_room(event.origin)
        frame = encode_user(event)
        if len(frame) > MAX_EVENT_BYTES:
            self.counts["oversized"] += 1
            return
        before = stream.kept_bytes
        if late or not stream.take(event, frame):
            self.counts["out of turn"] += 1  # it is asked for again, when its turn comes
            return
        self._keep(event.origin, stream.kept_bytes - before)
        if self._repair.asked_for(event.origin, event.sequence):
            self.counts["repaired"] += 1  # old, so others have it
        else:
            self._pass_on(frame, (event.origin, sender), now)
        self._advance(event.origin, stream, sender, now)

    def _stream(self, origin: Claim, boot: int) -> Stream | None:
        """What is known of this boot of a member; None when there is a newer one."""
        stream = self._streams.get(origin.name)
        if origin.epoch != boot or (stream is not None and stream.boot > boot):
            return None
        if stream is None or stream.boot < boot:
            self._kept_bytes -= stream.kept_bytes if stream is not None else 0
            self._repair.stop(origin.name)
            stream = self._streams[origin.name] = Stream(boot)
            self._prune()
        return stream

    def _keep(self, origin: str, more: int) -> None:
        self._streams.move_to_end(origin)
        self._kept_bytes += more
        for stream in self._streams.values():
            if self._kept_bytes <= MAX_KEPT_BYTES:
                break
            self._kept_bytes -= stream.kept_bytes
            stream.kept.clear()
            stream.kept_bytes = 0

    def _advance(self, origin: str, stream: Stream, teller: str, now: int) -> None:
        """Deliver what can be delivered, and see to what is missing before the rest."""
        for event in stream.ready():
            self.counts["received"] += 1
            self._deliver(event, now)
        if stream.lacking:
            self._repair.lack(origin, stream, teller, now)
        else:
            self._repair.stop(origin)

    # Repair.

    def heard(self, heads: Heads, sender: str, now: int) -> None:
        """A member told of the latest events that it has."""
        for origin, boot, sequence in heads.heads:
            known = self._membership.get(origin)
            if known is None or origin == self._membership.me.name:
                continue
            stream = self._stream(known, boot)
            if stream is not None and sequence > stream.greatest:
                stream.hear_of(sequence)
                self._repair.lack(origin, stream, sender, now)

    def _give_up(self, origin: str, stream: Stream, teller: str, now: int) -> None:
        """What is missing cannot be had: go on with what is here."""
        self._skip(origin, stream, None)
        self._advance(origin, stream, teller, now)

    def _skip(self, origin: str, stream: Stream, to: int | None) -> None:
        """Go on without what is missing, and say how much that was."""
        missed = stream.skip(to)
        if missed:
            self.counts["lost"] += missed
            self._lost(origin, missed)

    def answer(self, lacking: Lacking, asker: Claim) -> None:
        """Send a member the events that it lacks, as far as they are kept."""
        if lacking.origin == self._membership.me.name:
            stream: Stream | None = self._own
        else:
            stream = self._streams.get(lacking.origin)
        if stream is None or stream.boot != lacking.boot:
            return
        frames: list[bytes] = []
        if stream is self._own:
            boot, base = self._bases.get(asker.name, (asker.epoch, stream.greatest))
            owed = (base if boot == asker.epoch else stream.greatest) + 1
            kept = min(stream.kept, default=stream.greatest + 1)
            if not lacking.numbers or lacking.numbers[0] < kept:
                frames.append(encode_user(Begins(lacking.origin, lacking.boot, owed, kept)))
        frames += [stream.kept[number] for number in lacking.numbers if number in stream.kept]
        self._send_packed(asker, frames)

    def _send_packed(self, to: Claim, frames: list[bytes]) -> None:
        room = self._outbox.room + FRAME_BYTES
        batch: list[bytes] = []
        size = sent = 0
        for frame in frames:
            if size + len(frame) > room:
                self._outbox.send(to.address, *batch)
                batch, size, sent = [], 0, sent + 1
                if sent == REPAIR_DATAGRAMS:
                    return
            batch.append(frame)
            size += len(frame)
        if batch:
            self._outbox.send(to.address, *batch)

    def begins(self, begins: Begins, sender: str, now: int) -> None:
        """An origin told us which events it owes us, and which it still has."""
        stream = self._streams.get(begins.origin)
        if sender != begins.origin or stream is None or stream.boot != begins.boot:
            return
        if stream.next is None:
            stream.begin(begins.owed)
        stream.hear_of(max(begins.owed, begins.kept) - 1)
        while stream.next is not None and stream.next < begins.kept:
            if stream.next not in stream.waiting:
                self._skip(begins.origin, stream, begins.kept)
            self._advance(begins.origin, stream, sender, now)
        self._advance(begins.origin, stream, sender, now)

    # Who is there.

    def joined(self, name: str, epoch: int) -> None:
        """A member is there that was not: what we send from now on is meant for it, too."""
        if self._bases.get(name, (None, 0))[0] != epoch:  # else it is back, and owed what it was
            self._bases[name] = (epoch, self._own.greatest)
        if len(self._bases) > 2 * len(self._membership) + 16:
            known = self._membership.get
            self._bases = {other: base for other, base in self._bases.items() if known(other)}
        if self._early:
            self._timers.set("strangers", 0, self._listen)  # at once

    def _listen(self, now: int) -> None:
        """Take in what came from those who were strangers then."""
        early, self._early = self._early, OrderedDict()
        for event, sender in early.values():
            self.receive(event, sender, now)

    def recovered(self, name: str) -> None:
        """A member is there again: it may have missed something."""
        back = self._membership.get(name)
        if back is None or not (self._own.greatest or self._streams):
            return
        chosen = self._random.randrange(len(self._membership)) < REMIND
        if chosen or self._own.greatest:
            self._outbox.send(back.address, self._heads())

    def _prune(self) -> None:
        """Forget the events of those that nobody remembers."""
        if len(self._streams) > 2 * len(self._membership) + 16:
            for name in [name for name in self._streams if self._membership.get(name) is None]:
                self._kept_bytes -= self._streams.pop(name).kept_bytes
                self._repair.stop(name)

    def check(self) -> None:
        """Assert what holds between two calls."""
        for stream in self._streams.values():
            stream.check()
        kept = sum(stream.kept_bytes for stream in self._streams.values())
        assert kept == self._kept_bytes <= MAX_KEPT_BYTES, "the size of what is kept is off"
        self._repair.check()
        assert len(self._early) <= MAX_EARLY, "too many events of strangers wait"
