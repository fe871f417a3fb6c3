"""Are most of us here? Advice to applications, and nothing else: no member is shut down by it.

Counted is who is there: ourselves, and every member that is alive or suspected. A suspect counts
until it is failed, for a suspicion is a question, not an answer, and most are refuted. Compared is
that with who is *expected*: so many members, or members of these names, when that was configured;
else everybody who was ever known here and did not leave. Failed members go on being expected, for
a member that is cut off cannot tell their crash from its own isolation.

More than half of them is the *majority*; half or less is the *minority*, so that of two equal parts
neither goes on alone. The view is *unknown* until it has been one of the two long enough once, when
nobody of those whom we called was ever met, and when we left.

It is level-triggered: nothing is remembered but who is expected; who is there is counted anew from
the table of members, whatever happened before. And it is slow on purpose: a view changes only when
the new one has held for `STABLE_AFTER`, so a link that flaps makes no application flap. (Pekko's
`stable-after` waits for a table in which nothing changes at all, which may be never where members
come and go.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from gossip.effects import QuorumChanged, QuorumState, QuorumView
from gossip.member import Member, State
from gossip.outbox import Outbox
from gossip.timers import Timers
from gossip.timing import SECOND, Timing

from .membership import MAX_MEMBERS, Membership

STABLE_AFTER = 5 * SECOND
"""How long a new view has to hold. Longer is calmer, and lets both sides of a partition believe for
longer that they are the majority; chosen by us (Pekko: 20 s, as it then ends processes)."""

Expected = int | Collection[str] | None
"""A number of members, their names, or None: whoever was known and did not leave."""


@dataclass(slots=True)
class Steady:
    """A state that follows another one once that has held for so many nanoseconds."""

    patience: int
    state: QuorumState = "unknown"
    since: int | None = None
    """Since when `_coming` has held; None while it is the state."""

    _coming: QuorumState = "unknown"

    def look(self, state: QuorumState, now: int) -> bool:
        """This is how it is now. Whether that changed the state that users see."""
        if state == self.state:
            self.since = None
            return False
        if self.since is None or state != self._coming:
            self._coming, self.since = state, now
        if now - self.since < self.patience:
            return False
        self.state, self.since = state, None
        return True

    @property
    def next(self) -> int | None:
        """When to look again, if nothing happens before."""
        return None if self.since is None else self.since + self.patience


class Quorum:
    """The view of one member; see the module's docstring."""

    def __init__(
        self,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        outbox: Outbox,
        *,
        expected: Expected,
        remembered: Iterable[str],
        joined: Callable[[], bool],
    ) -> None:
        """`remembered` are the members that an earlier run knew: they are expected too, until they
        are met, or for as long as the failed are listed. `joined()` tells whether anybody was met
        of those who were called.
        """
        self.stale = True
        """Whether the table may have changed since the last look."""
        self._membership = membership
        self._timers = timers
        self._outbox = outbox
        self._expected = expected if expected is None or isinstance(expected, int) else {*expected}
        self._remembered = dict.fromkeys(islice(remembered, MAX_MEMBERS))
        self._remember_for = timing.reap_after
        self._remember_until: int | None = None
        self._joined = joined
        self._known = {membership.me.name: None}
        self._remembered.pop(membership.me.name, None)
        self._steady = Steady(STABLE_AFTER)

    @property
    def view(self) -> QuorumView:
        """The state that has held for long enough, and the counts as they are now."""
        state = self._steady.state if self._membership.me.state is not State.LEFT else "unknown"
        return QuorumView(state, *self._count())

    def heard(self, member: Member) -> None:
        """Something happened to a member; `look` is to follow."""
        self.stale = True
        self._remembered.pop(member.name, None)
        if member.state == "left":
            self._known.pop(member.name, None)
        elif member.name not in self._known and len(self._known) < MAX_MEMBERS:
            self._known[member.name] = None

    def look(self, now: int) -> None:
        """Count anew, and tell users when the view changed."""
        self.stale = False
        if self._remembered and self._remember_until is None:
            self._remember_until = now + self._remember_for
            self._timers.set("quorum, remembered", self._remember_until, self._forget_remembered)
        if self._steady.look(self._judge(), now):
            self._outbox.effects.append(QuorumChanged(self.view))
        if self._steady.next is None:
            self._timers.stop("quorum")
        else:
            self._timers.set("quorum", self._steady.next, self.look)

    def expects(self, name: str) -> bool:
        """Whether this member was met, in this run or in an earlier one, and is counted."""
        return name in self._known or name in self._remembered

    def forget(self, name: str) -> None:
        """A member is not expected any more, whatever became of it."""
        self._known.pop(name, None)
        self._remembered.pop(name, None)
        self.stale = True

    def _forget_remembered(self, now: int) -> None:
        self._remembered = {}
        self.look(now)

    def _judge(self) -> QuorumState:
        present, expected = self._count()
        if self._expected is None and not self._joined():
            return "unknown"  # somebody was to be met and was not: we are not all there is
        return "majority" if 2 * present > expected else "minority"

    def _count(self) -> tuple[int, int]:
        """How many are there of how many."""
        there = self._membership.others()
        match self._expected:
            case None:
                return len(there) + 1, len(self._known) + len(self._remembered)
            case int(number):
                return len(there) + 1, number
            case names:
                me = self._membership.me.name
                present = sum(claim.name in names for claim in there) + (me in names)
                return present, len(names)

    def check(self) -> None:
        """Assert the invariants."""
        assert len(self._known) <= MAX_MEMBERS, "too many members are expected"
        waits = self._steady.next is not None
        gone = self._membership.me.state is State.LEFT  # then no timer is needed any more
        assert gone or waits == ("quorum" in self._timers), "the view and its timer are out of step"
