"""What a member that lies says of others: it holds the secret, and its own key, and no other one.

Each lie is made of what the liar believes of somebody, and is to harm it: `docs/guarantees.md` says
what may come of that, and what may not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gossip.identity import Identity
from gossip.member import Claim, State

Lie = Callable[[Claim, Identity, str], Claim]
"""Makes a claim of the record of a member, the key of the liar, and whom it has accuse."""


def condemn(record: Claim, liar: Identity, accuser: str) -> Claim:
    """It has failed; in the liar's own name this is a word like any other."""
    return liar.accused(record._replace(state=State.FAILED, accuser=accuser))


def dismiss(record: Claim, liar: Identity, accuser: str) -> Claim:
    """It was made to leave."""
    return liar.accused(record._replace(state=State.LEFT, accuser=accuser))


def retag(record: Claim, liar: Identity, _: str) -> Claim:
    """It has other tags: with a greater incarnation, and a signature that is not its own."""
    lie = record._replace(tags=(("lie", "yes"),), tags_hash=b"")
    return liar.signed(lie._replace(incarnation=record.incarnation + 1))


def part(record: Claim, liar: Identity, _: str) -> Claim:
    """It says itself that it has left."""
    return liar.signed(record._replace(state=State.LEFT))


LIES: Mapping[str, Lie] = {lie.__name__: lie for lie in (condemn, dismiss, retag, part)}
"""Every lie by its name."""
