"""Coordinates of members: ours as it goes out, theirs as they come in.

Our coordinate rides on answers to probes, for whoever asks measures a round trip at that moment. It
would double the answer, so it goes along only where it is news: to a member that was not told where
we are since we last moved by more than a little, and never more often than on every fourth answer.
As the answer may get lost, all are told again now and then.
"""

from __future__ import annotations

from math import dist
from random import Random

from gossip.coordinates import Coordinate, Vivaldi, distance
from gossip.members.membership import Membership
from gossip.wire.messages import Position, encode_position

COST = 4
"""One answer in so many, at most, carries our coordinate: 26 bytes beside 85. Fewer would be
cheaper, and everybody would settle later."""

BURST = 8
"""So many answers in a row may carry it: a young member is soon known to the few that ask first."""

SETTLED = 0.1
"""With a smaller error than this our own coordinate is good, and follows what changes by taking in
one measurement in so many:"""

FOLLOW = 4

RETELL = 16
"""After so many answers for each member that was told, it is told to all again."""

STEP = 20e-6
"""What is less than this, in seconds, is no move worth telling."""

SHARE = 0.1
"""Nor is what is less than this share of our distance from the origin, or of the error's range."""


class Positions:
    """Keeps the last coordinate of each member that is there, and moves our own."""

    def __init__(self, membership: Membership, random: Random) -> None:
        self._membership = membership
        membership.estimate = self._estimate
        self._vivaldi = Vivaldi(random)
        self._known: dict[str, Coordinate] = {}
        self._told: dict[str, int] = {}
        self._published = self._vivaldi.coordinate
        self._frame = encode_position(self._published)
        self._revision = 0
        self._answers = self._measurements = 0
        self._spent = -BURST * COST
        """From this answer on the next may carry it; behind `_answers` by what is saved."""
        self._retell_at = 0

    @property
    def ignored(self) -> int:
        """How many measurements could not be used."""
        return self._vivaldi.ignored

    def riding(self, name: str) -> bytes | None:
        """What goes along with an answer to this member: our coordinate, or mostly nothing."""
        self._answers += 1
        if self._told.get(name) != self._revision:
            return self._tell(name)
        if self._answers >= self._retell_at:
            self._publish()  # the same once more, for answers get lost
        return None

    def _tell(self, name: str) -> bytes | None:
        # What is kept of others is bounded by the table of members, and is dropped when they leave.
        other = self._membership.get(name)
        if self._spent > self._answers or other is None or not other.state.running:
            return None
        self._spent = max(self._spent, self._answers - (BURST - 1) * COST) + COST
        self._told[name] = self._revision
        self._retell_at += RETELL
        return self._frame

    def heard(self, message: Position, name: str) -> None:
        """A member told where it is."""
        known = self._membership.get(name)
        if known is not None and known.state.running:
            self._known[name] = message.coordinate

    def measured(self, name: str, rtt: float) -> None:
        """A round trip to a member took so many seconds."""
        other = self._known.get(name)
        self._measurements += 1
        settled = self._vivaldi.coordinate.error < SETTLED
        if other is not None and not (settled and self._measurements % FOLLOW):
            self._vivaldi.update(other, rtt, name)
            if _moved(self._published, self._vivaldi.coordinate):
                self._publish()

    def rtt(self, a: str, b: str) -> float | None:
        """The round trip between two members in seconds: as we measured it, else as coordinates
        tell; None when neither is known.
        """
        me = self._membership.me.name
        if b == me:
            a, b = b, a
        if a == b:
            return 0.0 if self._membership.get(a) is not None else None
        measured = self._membership.rtt.seconds(b) if a == me else None
        if measured is not None:
            return measured
        here = self._vivaldi.coordinate if a == me else self._known.get(a)
        there = self._known.get(b)
        return None if here is None or there is None else distance(here, there)

    def _estimate(self, name: str) -> float | None:
        there = self._known.get(name)
        return None if there is None else distance(self._vivaldi.coordinate, there)

    def forget(self, name: str) -> None:
        """A member is gone, or is a new boot: it may be elsewhere, and knows nothing of us."""
        self._known.pop(name, None)
        self._told.pop(name, None)
        self._vivaldi.forget(name)

    def _publish(self) -> None:
        self._published = self._vivaldi.coordinate
        self._frame = encode_position(self._published)
        self._revision += 1
        self._retell_at = self._answers

    def check(self) -> None:
        """Assert the invariants."""
        assert self._vivaldi.coordinate.sound, f"{self._vivaldi.coordinate} is out of bounds"
        for kept in (self._known, self._told):
            assert all(map(self._membership.get, kept)), "positions of who is not in the table"


def _moved(old: Coordinate, new: Coordinate) -> bool:
    """Whether the way between the two is worth telling."""
    way = (
        dist(old.place, new.place)
        + abs(old.height - new.height)
        + abs(old.adjustment - new.adjustment)
    )
    far = dist(new.place, Coordinate().place) + new.height
    return way > max(STEP, SHARE * far) or abs(old.error - new.error) > SHARE
