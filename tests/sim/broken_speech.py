"""Broken rules of what members say for their users, of leaving and of tags; see `mutants`."""

from __future__ import annotations

from typing import Any

from gossip import QueryAnswered, UserEvent
from gossip.farewell import Farewell
from gossip.member import Claim, State
from gossip.members import membership
from gossip.members.floors import Floors
from gossip.members.membership import Membership
from gossip.probing.prober import Prober
from gossip.users.broadcasts import Broadcasts
from gossip.users.queries import Queries
from gossip.users.repair import Repair
from gossip.users.streams import Stream
from gossip.wire.selection import Where


def events_come_twice(patch: Any) -> None:
    """Every third event of an origin is delivered twice."""
    honest = Stream.ready

    def ready(self: Stream) -> Any:
        for event in honest(self):
            yield from [event] * (1 + (event.sequence % 3 == 0))

    patch.setattr(Stream, "ready", ready)


def events_in_no_order(patch: Any) -> None:
    """What comes early does not wait for what was said before it."""
    honest = Stream.ready

    def ready(self: Stream) -> Any:
        if self.waiting and self.next is not None:
            self.next = min(self.waiting)
        return honest(self)

    patch.setattr(Stream, "ready", ready)


def losses_are_not_told(patch: Any) -> None:
    """What cannot be repaired is passed over in silence."""
    patch.setattr(Broadcasts, "_skip", lambda self, origin, stream, to: stream.skip(to))


def nothing_is_repaired(patch: Any) -> None:
    """Whoever misses an event does not ask for it."""
    patch.setattr(Repair, "lack", lambda self, origin, stream, teller, now: None)
    patch.setattr(Repair, "check", lambda self: None)


def events_are_not_passed_on(patch: Any) -> None:
    """Only whoever is told by chance hears of an event."""
    nothing_is_repaired(patch)
    patch.setattr(Broadcasts, "_pass_on", lambda self, frame, spare, now: None)


def other_words(patch: Any) -> None:
    """Users are told something else than what was said."""
    honest = UserEvent.__init__

    def init(self: UserEvent, origin: str, topic: str, payload: Any, *rest: Any) -> None:
        honest(self, origin, topic, f"{payload}!", *rest)

    patch.setattr(UserEvent, "__init__", init)


def everybody_is_asked(patch: Any) -> None:
    """A query goes to the users of all, whoever it is meant for."""
    patch.setattr(Where, "selects", lambda self, name, tags: True)


def answers_count_twice(patch: Any) -> None:
    """An answer that comes again is told again."""
    honest = Queries._take

    def take(self: Queries, answer: Any) -> None:
        open_ = self._open.get(answer.sequence)
        if open_ is not None:
            open_.answered.pop(answer.responder, None)
        honest(self, answer)

    patch.setattr(Queries, "_take", take)


def answers_after_the_end(patch: Any) -> None:
    """An answer that comes too late is told all the same."""
    honest = Queries._take

    def take(self: Queries, answer: Any) -> None:
        if answer.sequence not in self._open and answer.payload is not None:
            value = self._decode(answer.payload)
            self._emit(QueryAnswered(answer.sequence, answer.responder, (value or (None,))[0]))
        honest(self, answer)

    patch.setattr(Queries, "_take", take)


def one_answer_is_enough(patch: Any) -> None:
    """A query is over with the first answer."""
    patch.setattr(Queries, "_look", lambda self, number, open_: self._close(number))


def leaves_without_a_word(patch: Any) -> None:
    """Who leaves tells nobody."""
    patch.setattr(Farewell, "begin", lambda self, now: self._done())


def goodbyes_are_not_answered(patch: Any) -> None:
    """Who leaves does not notice that it was heard."""
    patch.setattr(Farewell, "answered", lambda self, sequence, now: None)


def forced_leave_gives_way(patch: Any) -> None:
    """That a member was made to leave is outranked by the word that it has failed."""

    def order(self: Claim) -> tuple[int, int, State]:
        forced = self.state is State.LEFT and self.accuser
        return self.epoch, self.incarnation, State.SUSPECT if forced else self.state

    patch.setattr(Claim, "order", property(order))


def anybody_can_be_made_to_leave(patch: Any) -> None:
    """A member that is there is taken for gone when another says so."""
    patch.setattr(membership, "_GIVEN_UP", (State.ALIVE, State.SUSPECT, State.FAILED))


def tags_without_a_new_incarnation(patch: Any) -> None:
    """Other tags are not newer than those before."""

    def retag(self: Membership, tags: Any) -> None:
        self._declare(self.me._replace(tags=tags))

    patch.setattr(Membership, "retag", retag)


def epochs_are_not_compared(patch: Any) -> None:
    """A new boot does not outrank the one before it."""

    def order(self: Claim) -> tuple[int, int, State]:
        return 0, self.incarnation, self.state

    patch.setattr(Claim, "order", property(order))


def blames_a_boot_for_the_last_one(patch: Any) -> None:
    """Who was restarted is accused of what its past did not answer."""
    honest = Prober._judge

    def judge(self: Prober, now: int) -> None:
        pending = self._pending
        known = pending and self._membership.get(pending.target.name)
        if pending is not None and known:
            pending.target = known
        honest(self, now)

    patch.setattr(Prober, "_judge", judge)


def forgets_the_last_word(patch: Any) -> None:
    """Of a member that is no longer listed, any old word is believed."""
    patch.setattr(Floors, "of", lambda self, claim: None)
