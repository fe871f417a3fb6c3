"""Leaks of the real world into a run, planted to see whether anybody notices; see `canaries`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gossip.member import Claim
from gossip.members.roster import Roster
from gossip.outbox import Outbox
from gossip.talk import Talk


def set_order(patch: Any) -> None:
    """Members are chosen in the order of a set of names, which the hash seed decides."""
    honest = Roster.others

    def others(self: Roster) -> list[Claim]:
        by_name = {claim.name: claim for claim in honest(self)}
        return [by_name[name] for name in set(by_name)]

    patch.setattr(Roster, "others", others)


def id_order(patch: Any) -> None:
    """Members are chosen in the order of a set of objects: of where in memory they are."""
    honest = Roster.others

    def others(self: Roster) -> list[Claim]:
        return sorted(honest(self), key=lambda claim: hash((id(claim.key),)))

    patch.setattr(Roster, "others", others)


class _Closing:
    """Sends a word when it is collected, whenever that may be."""

    def __init__(self, send: Callable[[], object]) -> None:
        self._send = send
        self._itself = self  # so that it takes the garbage collector to end it

    def __del__(self) -> None:
        self._send()


def finaliser(patch: Any) -> None:
    """A datagram is sent when an object is collected, so the garbage collector decides when."""
    honest = Talk.send_probe

    def send_probe(self: Talk, sequence: int, target: Claim, *frames: bytes) -> None:
        outbox: Outbox = self._outbox
        _Closing(lambda: outbox.send(target.address))
        honest(self, sequence, target, *frames)

    patch.setattr(Talk, "send_probe", send_probe)
