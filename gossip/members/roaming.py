"""Where we are: a member whose address changed behind its back learns of it from others.

Behind a NAT that has forgotten it, or on a machine that moved, a member still reaches others, and
what they send to the address it tells of itself gets lost: they take it for failed, tell it so
where its datagrams come from, it refutes, and so on. So they also tell it where that is. When
enough of them say the same, the member announces the new address, as only it can.
"""

from __future__ import annotations

from gossip.member import Address, Claim
from gossip.outbox import Outbox
from gossip.timing import SECOND
from gossip.wire.claims import encode_claim
from gossip.wire.messages import Seen, encode, encode_claims

from .membership import Membership

WITNESSES = 2
"""How many members have to see us at an address before we believe it, where there are so many: one
alone could send us anywhere."""

LATELY = 30 * SECOND
"""For so long after it refuted an accusation a member believes that others do not reach it."""


class Roaming:
    """Learns and teaches addresses."""

    def __init__(self, membership: Membership, outbox: Outbox) -> None:
        self._membership = membership
        self._outbox = outbox
        self._seen: tuple[Address, dict[str, None]] | None = None

    def tell(self, source: Address, known: Claim) -> None:
        """Tell somebody what is said of him, and where he is, if he does not say so himself."""
        frames = [encode_claims([encode_claim(known)])]
        if source != known.address:
            frames.append(encode(Seen(*source)))
        self._outbox.send(source, *frames)

    def seen(self, address: Address, sender: str, now: int) -> None:
        """A member sees us at this address. It counts while others do not reach us where we are."""
        membership = self._membership
        if address == membership.me.address or membership.get(sender) is None:
            return
        if membership.refuted is None or now - membership.refuted > LATELY:
            return
        if self._seen is None or self._seen[0] != address:
            self._seen = (address, {})
        witnesses = self._seen[1]
        witnesses[sender] = None
        if len(witnesses) >= min(WITNESSES, max(1, len(self._membership.others()))):
            self._seen = None
            self._membership.move(address)
