"""What users are told when something else is believed of a member than before."""

from __future__ import annotations

from gossip.effects import (
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberRecovered,
    MemberSuspected,
    MemberUpdated,
)
from gossip.member import Claim, State


def event_of(known: Claim | None, claim: Claim) -> type[MemberEvent] | None:
    """The event, if any, that `claim` in place of `known` is."""
    was = known.state if known is not None and known.epoch == claim.epoch else None
    if claim.state.running and was in (None, State.LEFT):
        return MemberJoined  # somebody may be suspected by others when we first hear of him
    if known is None:
        return None  # news of the end of somebody we never met
    if claim.state is State.ALIVE:
        if was is not State.ALIVE:
            return MemberRecovered
        changed = known.address != claim.address or _retagged(known, claim)
        return MemberUpdated if changed else None
    if claim.state is State.SUSPECT:
        return None if was is State.SUSPECT else MemberSuspected  # also of one that had failed
    if known.state is State.LEFT:
        return None
    return MemberFailed if claim.state is State.FAILED else MemberLeft


def _retagged(known: Claim, claim: Claim) -> bool:
    """Whether a claim brings other tags; those that it names by hash are news once they are
    here.
    """
    before, after = (known.tags, known.tags_hash), (claim.tags, claim.tags_hash)
    return before != after and not claim.tags_hash
