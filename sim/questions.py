"""Questions of users to users, and what the users of a simulation make of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from gossip import QueryId


class Question(NamedTuple):
    """One query, as its user means it; times in nanoseconds."""

    topic: str
    payload: Any
    timeout: int
    only: tuple[str, ...] = ()
    relays: int = 0
    think: int = 0
    """How long whoever is asked thinks before he answers."""
    decline: bool = False
    """Whether he then says that nobody there answers such."""


def reply(who: str, asked: QueryId, topic: str) -> list[Any]:
    """What the user of a node answers: no two answers of a run are alike."""
    return [who, asked.number, topic]
