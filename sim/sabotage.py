"""Defects in the protocols, each a change of the code that is simulated; see `canaries`.

Every function here takes something with a `setattr(target, name, value)` that remembers what was
there before.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from crdt import CausalContext, PNCounter, Store
from crdt.kernel import Kernel
from gossip.data.replication import Replication
from gossip.member import Claim, State
from gossip.members.comparison import Comparison
from gossip.members.membership import Membership
from gossip.outbox import Outbox
from gossip.probing.prober import Prober
from gossip.talk import Talk
from gossip.wire.channel import NONCE_BYTES, TAG_BYTES, VERSION, Channel
from gossip.wire.messages import HASH_BYTES, Ack, ProbeRequest


def stale_claim(patch: Any) -> None:
    """An older claim about a member replaces a newer one."""
    honest = Membership.apply

    def apply(self: Membership, claim: Claim, now: int, *, hearsay: bool = False) -> None:
        known = self.get(claim.name)
        genuine = not claim.accuser or self._attributable(claim, now)
        if (
            claim.name != self.me.name
            and known is not None
            and (claim.key, genuine) == (known.key, True)
            and claim.order < known.order
        ):
            self._believe(claim, known, now, passed_on=False)
        else:
            honest(self, claim, now, hearsay=hearsay)

    patch.setattr(Membership, "apply", apply)


def second_life(patch: Any) -> None:
    """A member that failed is listed alive again after a while, without a word from it."""
    honest = Membership._give_up

    def give_up(self: Membership, name: str, now: int) -> None:
        alive = self._table[name]._replace(state=State.ALIVE, accuser="", proof=b"")
        honest(self, name, now)
        self._timers.set(("again", name), now + 10**9, lambda _: self._store(alive))

    patch.setattr(Membership, "_give_up", give_up)


def lying_ack(patch: Any) -> None:
    """Who is asked to probe a member for another says at once that it answered."""

    def relay(self: Prober, request: ProbeRequest, origin: Any, _: int) -> None:
        nothing = bytes(HASH_BYTES)
        self._send(origin, Ack(request.sequence, nothing, nothing))

    patch.setattr(Prober, "relay", relay)


def deaf(patch: Any) -> None:
    """A member answers no probe whose number it does not like."""
    honest = Outbox.send_message

    def send_message(self: Outbox, destination: Any, message: Any, *before: bytes) -> None:
        if not (isinstance(message, Ack) and message.sequence % 2):
            honest(self, destination, message, *before)

    patch.setattr(Outbox, "send_message", send_message)


def chatter(patch: Any) -> None:
    """Every probe is sent ten times."""
    honest = Talk.send_probe

    def send_probe(self: Talk, sequence: int, target: Claim, *frames: bytes) -> None:
        for _ in range(10):
            honest(self, sequence, target, *frames)

    patch.setattr(Talk, "send_probe", send_probe)


def hoarder(patch: Any) -> None:
    """What members said of their data is remembered for ever, each time anew."""
    honest = Comparison.heard

    def heard(self: Comparison, name: str, *rest: Any) -> None:
        self._heard[f"{name} {len(self._heard)}"] = (b"", b"")
        honest(self, name, *rest)

    patch.setattr(Comparison, "heard", heard)


def lost_write(patch: Any) -> None:
    """Every fifth event that is heard of counts as seen, and its write is not kept."""
    honest = Kernel._join_leaf

    def join_leaf(self: Kernel, key: bytes, theirs: Any, mark: Any, known: CausalContext) -> bool:
        if any(counter % 5 == 0 for _, _, counter, _ in theirs):
            return False
        return honest(self, key, theirs, mark, known)

    patch.setattr(Kernel, "_join_leaf", join_leaf)


def false_receipt(patch: Any) -> None:
    """Whoever sends anything is taken to hold all that was written here."""
    honest = Replication._note

    def note(self: Replication, name: str, epoch: int, context: CausalContext, now: int) -> None:
        honest(self, name, epoch, context, now)
        if name in self._seen:
            self._seen[name] = self._store.context.copy()

    patch.setattr(Replication, "_note", note)


def dot_twice(patch: Any) -> None:
    """Every tenth event gets the name of the one before it."""
    honest = CausalContext.advance

    def advance(self: CausalContext, replica: str, events: int = 1) -> int:
        last = self.last(replica)
        return last if last and last % 10 == 0 and events else honest(self, replica, events)

    patch.setattr(CausalContext, "advance", advance)


def blind_digest(patch: Any) -> None:
    """The digest leaves out every counter, and what was seen of them."""

    def digest(self: Store) -> str:
        counters = {b for b in self.entries if b"visitors" in b or b"downloads" in b}
        rest = sorted((key, entry) for key, entry in self.entries.items() if key not in counters)
        return blake2b(repr(rest).encode(), digest_size=16).hexdigest()

    patch.setattr(Store, "digest", digest)


def miscount(patch: Any) -> None:
    """A counter is raised by twice what was said."""
    honest = PNCounter._add

    def add(self: PNCounter, up: int, down: int) -> Any:
        return honest(self, 2 * up, down)

    patch.setattr(PNCounter, "_add", add)


def plaintext(patch: Any) -> None:
    """Datagrams are numbered and not sealed."""

    def seal(self: Channel, plain: bytes) -> bytes:
        self._count += 1
        return VERSION + self._boot + self._count.to_bytes(8, "big") + plain + bytes(TAG_BYTES)

    def opened(_: Channel, datagram: bytes) -> bytes:
        return datagram[1 + NONCE_BYTES : -TAG_BYTES]

    patch.setattr(Channel, "seal", seal)
    patch.setattr(Channel, "open", opened)


def same_nonce(patch: Any) -> None:
    """Every datagram of a boot is sealed with the same nonce."""
    honest = Channel.seal

    def seal(self: Channel, plain: bytes) -> bytes:
        self._count = 0
        return honest(self, plain)

    patch.setattr(Channel, "seal", seal)
