"""Which data goes to whom: pushed when it is new, pulled when it was missed.

*Push.* A local write goes to a few members at once; whoever hears an event for the first time
passes it on in the same way. Most members have it within a few round trips. Nobody waits for an
answer and nothing is repeated.

*Pull.* A hash of the causal context rides on every probe. Where it differs, and still does after a
moment, the context is sent, and the answer is exactly what it lacks, in a window of datagrams. Each
holds whole keys, the context they were read under, and the events it closes, so any of them may get
lost, come twice or in any order. A converged cluster spends nothing on data.

What makes this correct is the join in `crdt.kernel`: see there, and `docs/architecture.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from random import Random

from crdt import CausalContext, CrdtError, Store
from crdt.context import Span
from crdt.fragment import Fragment
from crdt.store import decode_fragment
from gossip.member import Address, Claim
from gossip.members.membership import Membership
from gossip.timers import Timers
from gossip.timing import Timing
from gossip.wire.channel import Dropped
from gossip.wire.messages import HASH_BYTES, Delta, Message, Pull

WINDOW = 32
"""Datagrams in one answer to a pull; chosen by us to fit the default receive buffer of a socket."""

PUSH_DATAGRAMS = 16
"""Datagrams in one push; what does not fit is left to be pulled, at the receiver's pace."""

RECENT = 1024
"""So many sessions back a pull is an old one: our choice, minutes of the busiest member. One beyond
that is answered: or who once pulls in a member's name, with a great number, would keep it from ever
being answered again.
"""

DECODED = 256
"""How many fragments are kept decoded, of those that fit into a datagram: the same one comes from
several members at about the same time, and to many members of one simulation.
"""

_decoded = lru_cache(DECODED)(decode_fragment)  # nobody writes to a fragment


class Replication:
    """Keeps one member's store in step with the others'."""

    def __init__(
        self,
        *,
        store: Store,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        random: Random,
        room: int,
        send: Callable[[Address, Message], None],
    ) -> None:
        self._store = store
        self._membership = membership
        self._timing = timing
        self._timers = timers
        self._random = random
        self._room = room
        self._send = send
        self._hot: dict[bytes, tuple[Span, ...]] = {}
        self._seen: dict[str, CausalContext] = {}
        self._behind: dict[str, CausalContext | None] = {}
        self._answered: dict[str, tuple[int, int]] = {}
        """Of each member that pulled: in which boot, and its latest session."""
        self._session = random.getrandbits(32)
        self._pulling: str | None = None
        self._progress = False
        self._hashed: tuple[int, bytes] = (-1, b"")

    # What others are told of us.

    def hash(self) -> bytes:
        """The hash of the causal context: equal on two members exactly when they have seen the same
        events.
        """
        if self._hashed[0] != self._store.version:
            digest = blake2b(self._store.summary(), digest_size=HASH_BYTES).digest()
            self._hashed = (self._store.version, digest)
        return self._hashed[1]

    # Push.

    def gather(self, now: int) -> None:
        """Take up local writes; they are sent after a moment, together with others of that
        moment.
        """
        for key, slots in self._store.take_unsent().items():
            self._heat(key, slots, now)

    def _heat(self, key: bytes, slots: tuple[Span, ...], now: int) -> None:
        self._hot[key] = self._hot.get(key, ()) + slots
        if "push" not in self._timers:
            self._timers.set("push", now + self._timing.push_delay, self.push)

    def push(self, now: int) -> None:  # noqa: ARG002  # a timer's action
        """Send what is new to a few members chosen at random."""
        self._timers.stop("push")
        hot, self._hot = self._hot, {}
        others = self._membership.others()
        if not hot or not others:
            return
        fragments, _ = self._fragments(hot, PUSH_DATAGRAMS)
        for other in self._random.sample(others, min(self._timing.gossip_fanout, len(others))):
            for fragment in fragments:
                self._send(other.address, Delta(0, 0, fragment))

    def _fragments(
        self, keys: dict[bytes, tuple[Span, ...]], limit: int
    ) -> tuple[list[bytes], bool]:
        """Messages with these keys as they are now, in about `limit` datagrams; and whether that
        was all.
        """
        fragments: list[bytes] = []
        writer = self._store.writer()
        # Each message repeats our context: where that is wide, messages are larger than datagrams.
        size = self._room if writer.size <= self._room // 2 else 4 * writer.size
        for key, slots in keys.items():
            entry, mark = self._store.leaf(key, slots)
            if not writer.add(key, entry, mark, size):
                fragments.append(writer.finish())
                limit -= min(WINDOW, 1 + len(fragments[-1]) // self._room)
                if limit <= 0:
                    return fragments, False
                writer = self._store.writer()
                writer.add(key, entry, mark)
        fragments.append(writer.finish())
        return fragments, True

    # Pull.

    def differs(self, name: str, now: int) -> None:
        """A member told the hash of what it has seen, and it is not ours."""
        self._fall_behind(name, None, now)

    def _fall_behind(self, name: str, context: CausalContext | None, now: int) -> None:
        """A member may have what we lack: look again in a moment."""
        self._behind[name] = context
        if self._pulling is None and "pull" not in self._timers:
            self._timers.set("pull", now + self._timing.pull_delay, self._catch_up)

    def _catch_up(self, now: int) -> None:
        """Pull from one of those who had more, unless it has come by itself."""
        behind, self._behind = self._behind, {}
        for name, context in behind.items():
            if context is None or not self._store.context.covers(context):
                other = self._membership.get(name)
                if other is not None and other.state.running:
                    self._pull(other, now)
                    return

    def _pull(self, other: Claim, now: int) -> None:
        self._pulling = other.name
        self._progress = False
        self._session += 1
        self._send(other.address, Pull(self._session, WINDOW, self._store.summary()))
        self._timers.set("pull", now + self._timing.pull_timeout, self._pull_expired)

    def _pull_expired(self, now: int) -> None:
        """The answer stopped coming: ask again if there was some, else leave it to the next
        probe.
        """
        name, self._pulling = self._pulling, None
        other = self._membership.get(name) if name is not None else None
        if self._progress and other is not None and other.state.running:
            self._pull(other, now)
        elif self._behind:
            self._catch_up(now)

    def answer(self, pull: Pull, sender: str, epoch: int, source: Address, now: int) -> bool:
        """Send a member what it lacks; if it has what we lack, pull in turn. False when that was
        answered before.

        Each session is answered once, and none that is older than another by less than `RECENT`: a
        small question brings much, and whoever saw one could send it again.
        """
        if pull.session:  # without a session there is but one datagram to be had
            boot, latest = self._answered.get(sender, (epoch, 0))
            if boot == epoch and latest - RECENT < pull.session <= latest:
                return False
            self._answered[sender] = (epoch, pull.session)
        theirs = self._decode(pull.context).known
        self._note(sender, epoch, theirs, now)
        missing = self._store.missing(theirs)
        fragments, all_sent = self._fragments(missing.keys, max(1, min(WINDOW, pull.window)))
        rest = 2 if missing.more or not all_sent else 1
        for fragment in fragments[:-1]:
            self._send(source, Delta(pull.session, 0, fragment))
        self._send(source, Delta(pull.session, rest, fragments[-1]))
        return True

    def receive(self, delta: Delta, sender: str, epoch: int, now: int) -> None:
        """Join what a member sent; pass on what is news, if it was pushed.

        What was pulled goes on only with a key that is about to be sent: the message will speak for
        these events too, and has to close them.
        """
        fragment = self._decode(delta.fragment)
        seen = self._store.context.copy()
        self._store.join(fragment)
        for key, events in fragment.events():
            if delta.session == 0 or key in self._hot:
                news = tuple(CausalContext(events).beyond(seen))
                if news:
                    self._heat(key, news, now)
        self._note(sender, epoch, fragment.known, now)
        if delta.session == self._session and self._pulling == sender:
            self._advance(delta.end, now)

    def _advance(self, end: int, now: int) -> None:
        """A datagram of the answer to our pull was joined."""
        self._progress = True
        if end == 0:
            self._timers.set("pull", now + self._timing.pull_timeout, self._pull_expired)
            return
        name, self._pulling = self._pulling, None
        self._timers.stop("pull")
        if end == 1:  # the context has caught up; before that, looking for it would be in vain
            self._store.prune()
        other = self._membership.get(name) if name is not None else None
        if end == 2 and other is not None:
            self._pull(other, now)
        elif self._behind:
            self._catch_up(now)

    def _decode(self, data: bytes) -> Fragment:
        try:
            fragment = (_decoded if len(data) <= self._room else decode_fragment)(data)
        except CrdtError:
            raise Dropped("malformed") from None
        if fragment.complete:  # only a whole state may speak for keys that it does not name
            raise Dropped("malformed")
        return fragment

    # What others hold.

    def _note(self, name: str, epoch: int, context: CausalContext, now: int) -> None:
        """A member has seen this much, in that boot: a later one may not hold it any more."""
        member = self._membership.get(name)
        if member is None or member.epoch != epoch:
            return  # what is kept of others is bounded by the table of members
        known = self._seen.get(name)
        if known is None or context.covers(known):
            self._seen[name] = context
        if not self._store.context.covers(context):
            self._fall_behind(name, context, now)

    def held_by(self, context: CausalContext) -> tuple[str, ...]:
        """The other members taken to be there that are known to hold all of `context`."""
        others = (other.name for other in self._membership.others())
        return tuple(
            name for name in others if name in self._seen and self._seen[name].covers(context)
        )

    def solicit(self, now: int) -> None:
        """Push what waits, and ask those who are not known to hold all we have what they hold."""
        self.gather(now)
        self.push(now)
        holders = self.held_by(self._store.context)
        for other in self._membership.others():
            if other.name not in holders:
                self._send(other.address, Pull(0, 1, self._store.summary()))

    def forget(self, name: str) -> None:
        """A member is gone, or is a new boot: what it held is not known any more."""
        self._seen.pop(name, None)
        self._behind.pop(name, None)
        self._answered.pop(name, None)
