"""Who is there: the table of members, and what it takes to change it.

Every claim goes through `apply`, whoever made it, so there is one place where precedence rules. A
claim that changes the table is passed on as news. A member is suspected before it is failed, and
has time to refute: a claim that says we are suspect or failed makes us raise our incarnation and
say that we are alive, which outranks the accusation. How much time depends on how many accuse it
(`suspicion.py`), and nobody is believed alone who says that a member has failed.

What is heard in a `Table` is hearsay: there a "failed" about a member that we hold for alive only
makes us suspect it. So when a partition heals, nobody is declared failed on the other half's old
verdicts; the suspects refute.

References: SWIM, sections 4.1 and 4.2; "Lifeguard" (2018), section IV.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gossip.effects import MemberEvent, MemberUpdated, NameConflict
from gossip.health import Health
from gossip.identity import Identity, is_proven, member_id
from gossip.member import Address, Claim, Member, State, TagPairs
from gossip.roundtrips import RoundTrips
from gossip.timers import Timers
from gossip.timing import SECOND, Timing
from gossip.wire.claims import encode_claim
from gossip.wire.fields import U64

from .changes import event_of
from .conflicts import Conflicts
from .floors import Floors
from .known_tags import KnownTags
from .refutations import Pace
from .roster import Roster
from .rumors import Rumors
from .suspicions import Suspicions

MAX_MEMBERS = 8192
"""The most members that are remembered, the dead included: who has been gone for longest makes
room, and when nobody is gone, further ones are refused and counted."""

YEAR = 365 * 24 * 3600 * SECOND
"""As far ahead of our clock another key's word about our name may be and still be outranked: what
ran here before us, with a clock that was wrong. Beyond that, it is somebody who wants our numbers
used up."""

_GIVEN_UP = (State.SUSPECT, State.FAILED)
"""Whom another member can say to have left."""

_PASSED_ON = (State.SUSPECT, State.LEFT)
"""Hearsay that is news all the same: the one has to be refuted, and nobody else will say the other.
"""


class Membership(Roster):
    """The table of members, from the point of view of one of them."""

    def __init__(
        self,
        me: Claim,
        identity: Identity,
        timing: Timing,
        timers: Timers,
        emit: Callable[[MemberEvent], None],
        forgotten: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`emit` tells users, `forgotten` that nothing is remembered of a member any more."""
        self.tags = KnownTags()
        """Whose tags are what, and which are to be fetched."""
        riding, tags_hash = self.tags.carried(me.name, me.tags)
        super().__init__(identity.signed(me._replace(tags=riding, tags_hash=tags_hash)))
        self.identity = identity
        self.contested: Callable[[Claim, Claim, int], None] = lambda _, __, ___: None
        """Is told of a member whose name another key claims, and of that claim."""
        self.rumors = Rumors()
        self.rtt = RoundTrips(timing)
        self.estimate: Callable[[str], float | None] = lambda _: None
        """The round trip to a member to which none was measured."""
        self.health = Health(timing)
        self.urgent = False
        """Whether there is news since this was last made false that cannot wait."""
        self.refused = 0
        self.unattributed = 0
        self.refuted: int | None = None
        """When we had to refute an accusation last."""
        self._remind_at = self._blame_at = 0
        self._latest = me.epoch + YEAR
        self.conflicts = Conflicts(lambda rival: emit(NameConflict(self._member(self.me), rival)))
        self._timing = timing
        self._timers = timers
        self._emit = emit
        self._forgotten = forgotten
        self._met: dict[str, int] = {}
        """Since when each name has had the key that it has."""
        self._untold: dict[str, None] = {}
        """Who was gone already when we first heard of it: nobody was told."""
        self.suspicions = Suspicions(
            timing,
            timers,
            self.health,
            members=self.__len__,
            sound=lambda: any(other.state is State.ALIVE for other in self.others()),
            fail=self._give_up,
        )
        """Who is suspected, and what became of it."""
        self._floors = Floors()
        self._pace = Pace(timing.probe_interval)

    # Reading.

    def members(self) -> tuple[Member, ...]:
        """The table for users, by name."""
        return tuple(self._member(self._table[name]) for name in sorted(self._table))

    # Changing.

    def apply(self, claim: Claim, now: int, *, hearsay: bool = False) -> None:
        """Believe a claim if it is newer than what is believed, and its accuser's own."""
        if claim.accuser and not self._attributable(claim, now):
            self.unattributed += 1
            if claim.state is State.SUSPECT and claim.name not in self._table:
                record = claim._replace(state=State.ALIVE, accuser="", refused=False, proof=b"")
                self._meet(record, now, hearsay=hearsay)  # what it says of itself is true
        elif claim.name == self.me.name:
            self._about_me(claim, now)
        else:
            known = self._table.get(claim.name)
            if known is None:
                self._meet(claim, now, hearsay=hearsay)
            elif known.key != claim.key and known.state.running:
                self._contest(known, claim, now)
            elif claim.order > known.order:
                self._renew(claim, known, now, hearsay=hearsay)
            elif claim.order == known.order and claim.state is State.SUSPECT and not hearsay:
                self._confirm(claim, now)

    def _attributable(self, claim: Claim, now: int) -> bool:
        """Whether an accusation is by whom it names, and that is a member that was there before: or
        one datagram could bring its own accusers. Of ourselves we answer any: others may know the
        accuser by another key, and believe it.
        """
        if claim.name == self.me.name:
            return True
        accuser = self._table.get(claim.accuser)
        if accuser is None or not is_proven(claim, accuser.key):
            return False
        return accuser is self.me or now - self._met[accuser.name] >= self._timing.probe_interval

    def _meet(self, claim: Claim, now: int, *, hearsay: bool) -> None:
        """Somebody of whom nothing was known."""
        if hearsay and not claim.state.running:
            return  # or the dead would live for ever, told to each newcomer and back
        floor = self._floors.of(claim)
        if floor is not None and claim.order[:2] <= floor:
            # An old word; unless it never heard what others said of it, and is still as it was.
            if claim.order[:2] == floor and claim.state.running and not hearsay:
                self.contested(claim, claim, now)
            return
        if not self._make_room():
            return
        if claim.state is State.FAILED:
            self._condemned(claim, None, now)
        else:
            self._believe(claim, None, now, passed_on=not hearsay)

    def _renew(self, claim: Claim, known: Claim, now: int, *, hearsay: bool) -> None:
        """Something newer about somebody that is known."""
        if claim.state is State.LEFT and claim.accuser and known.state not in _GIVEN_UP:
            return  # nobody makes leave who is there
        if claim.state is State.FAILED and not hearsay:
            self._condemned(claim, known, now)
            return
        if claim.state is State.FAILED:
            if not known.state.running:
                return
            if known.state is State.SUSPECT and claim.order[:2] == known.order[:2]:
                return
            claim = claim._replace(state=State.SUSPECT)
        self._believe(claim, known, now, passed_on=not hearsay or claim.state in _PASSED_ON)

    def _believe(self, claim: Claim, known: Claim | None, now: int, *, passed_on: bool) -> None:
        if known is None or known.key != claim.key:
            self._met[claim.name] = now
        self._store(claim)
        self.tags.believed(known, claim)
        if passed_on:
            self.rumors.spread(claim.name, encode_claim(claim))
            self.urgent = self.urgent or known is not None
        self._watch(claim, now)
        self._tell(known, claim)

    # Accusations.

    def accuse(self, suspect: Claim, now: int, *, refused: bool) -> None:
        """A member did not answer us, in this boot and incarnation, or its host did for it."""
        accused = suspect._replace(state=State.SUSPECT, accuser=self.me.name, refused=refused)
        self.apply(self.identity.accused(accused), now)

    def testified(
        self, suspect: Claim, witness: str, proof: bytes, now: int, *, refused: bool
    ) -> None:
        """Nor did it answer another, who says so."""
        accused = suspect._replace(
            state=State.SUSPECT, accuser=witness, refused=refused, proof=proof
        )
        self.apply(accused, now)

    def testimony(self, suspect: Claim, *, refused: bool) -> bytes:
        """Our signature under an accusation that somebody else will make use of."""
        accused = suspect._replace(state=State.SUSPECT, accuser=self.me.name, refused=refused)
        return self.identity.accused(accused).proof

    def _confirm(self, claim: Claim, now: int) -> None:
        """One more accuses a suspect."""
        if self.suspicions.confirm(claim, now):
            self.rumors.add(claim.name, claim.accuser, encode_claim(claim))

    def _condemned(self, claim: Claim, known: Claim | None, now: int) -> None:
        """Somebody says that a member has failed, in a boot or incarnation in which we do not take
        it for failed: his word counts when others accuse it too.
        """
        if self._timing.verdicts > 1:
            accusation = claim._replace(state=State.SUSPECT)
            if known is None or accusation.order > known.order:
                self._believe(accusation, known, now, passed_on=True)
            else:
                self._confirm(accusation, now)
            if not self.suspicions.condemn(claim):
                return
            known = self._table[claim.name]
        self._fail(claim, known, now)

    def _fail(self, claim: Claim, known: Claim | None, now: int) -> None:
        """A member is taken for failed; who accuses it is told along: others believe it by that."""
        suspicion = self.suspicions.get(claim.name)
        self._believe(claim, known, now, passed_on=True)
        if suspicion is not None and self._timing.verdicts > 1:
            for accusation in [*suspicion.accusers.values()][: self._timing.verdicts]:
                self.rumors.add(claim.name, accusation.accuser, encode_claim(accusation))

    def force_leave(self, name: str, now: int) -> bool:
        """Say that a member that is suspected or has failed is gone for good, which only it can
        refute; False when there is no such member.
        """
        known = self._table.get(name)
        if known is None or known.state not in _GIVEN_UP or name == self.me.name:
            return False
        gone = known._replace(state=State.LEFT, accuser=self.me.name, refused=False)
        self._believe(self.identity.accused(gone), known, now, passed_on=True)
        return True

    # Ourselves.

    def leave(self) -> None:
        """Say that we are leaving; nothing refutes that any more."""
        self._declare(self.me._replace(state=State.LEFT))

    def move(self, address: Address) -> None:
        """Say that we are at another address from now on."""
        if self.me.state is State.ALIVE and self.me.incarnation < U64:
            incarnation = self.me.incarnation + 1
            self._declare(self.me._replace(address=address, incarnation=incarnation))

    def retag(self, tags: TagPairs) -> None:
        """Say that we have other tags."""
        if self.me.incarnation < U64:
            riding, tags_hash = self.tags.carried(self.me.name, tags)
            tagged = self.me._replace(tags=riding, tags_hash=tags_hash)
            self._declare(tagged._replace(incarnation=self.me.incarnation + 1))

    def tags_came(self, name: str, tags: TagPairs) -> None:
        """Somebody says what a member's tags are that have no room in its claim."""
        if self.tags.learn(name, tags):
            self._emit(MemberUpdated(self._member(self._table[name])))

    def _about_me(self, claim: Claim, now: int) -> None:
        """Somebody says something about us. We know better."""
        me = self.me
        if claim.key != me.key and claim.state.running and claim.address != me.address:
            self.conflicts.rival(claim.address, now)  # another key; neither of us can settle that
        elif claim.order <= me.order:
            stale = claim.order[:2] < me.order[:2] and me.state is State.ALIVE
            if stale and now >= self._remind_at:
                # Whoever believes that gets to hear the newer truth; not each time, for slow
                # networks deliver what was said long ago.
                self._remind_at = now + self._timing.probe_interval
                self.rumors.spread(me.name, encode_claim(me))
        elif max(claim.order) >= U64 - 1:
            self.conflicts.count += 1  # there is no greater number to say otherwise with
        elif claim.epoch == me.epoch and claim.key == me.key:
            if claim.state is not State.ALIVE and me.state is not State.LEFT:
                self._refute(claim, now)
        elif claim.state.running and claim.address != me.address:
            self.conflicts.rival(claim.address, now)  # another process has our key; it gets to know
            self.contested(claim, me, now)
        elif me.state is State.ALIVE and (claim.key == me.key or claim.epoch < self._latest):
            self._declare(me._replace(epoch=claim.epoch + 1))  # our own past: our clock went back

    def _refute(self, claim: Claim, now: int) -> None:
        due = self._pace.due(now)
        if due > now:
            self._timers.set("refute", due, partial(self._about_me, claim))
            return
        self._declare(self.me._replace(incarnation=claim.incarnation + 1))
        self.refuted = now
        accuser = self._table.get(claim.accuser)
        if accuser is not None and is_proven(claim, accuser.key) and now >= self._blame_at:
            self._blame_at = now + self._timing.probe_interval  # many accuse us of one silence
            self.health.worse()

    def _contest(self, known: Claim, claim: Claim, now: int) -> None:
        """Another key claims the name of a member that is there. It does not get it, unless that
        one is gone: so it is asked, at its address.
        """
        self.conflicts.count += 1
        if claim.state.running and claim.epoch > known.epoch:
            self.contested(known, claim, now)

    def succeeded(self, known: Claim, heir: Claim, now: int) -> None:
        """At the address of a member, another boot answers to its name, or one we had forgotten."""
        believed = self._table.get(known.name)
        if believed == known or (believed is None and known == heir and self._make_room()):
            self._believe(heir, believed, now, passed_on=True)

    def _declare(self, me: Claim) -> None:
        me = self.me = self.identity.signed(me)
        self._store(me)
        self.rumors.spread(me.name, encode_claim(me))
        self.urgent = True

    def _watch(self, claim: Claim, now: int) -> None:
        """A suspect is failed when its time is up; a member that is gone is forgotten after
        long.
        """
        self.suspicions.close(claim, now)
        if claim.state is State.SUSPECT:
            self.suspicions.open(claim, self.rtt.seconds(claim.name), now)
        elif claim.state.running:
            self._timers.stop(("member", claim.name))
        else:
            gone = now + self._timing.reap_after
            self._timers.set(("member", claim.name), gone, lambda _: self._forget(claim))

    def _give_up(self, name: str, now: int) -> None:
        """A suspect has not refuted in its time."""
        known = self._table[name]
        failed = known._replace(state=State.FAILED, accuser=self.me.name, refused=False)
        self._fail(self.identity.accused(failed), known, now)

    def _make_room(self) -> bool:
        """See that another member can be remembered: who has been gone for longest gives way. False
        when nobody is gone, which is counted.
        """
        if len(self._table) < MAX_MEMBERS:
            return True
        gone = next((name for name in self._gone if name != self.me.name), None)
        if gone is None:
            self.refused += 1
            return False
        self._timers.stop(("member", gone))
        self._forget(self._table[gone])
        return True

    def _forget(self, gone: Claim) -> None:
        if self._table.get(gone.name) == gone:
            self._drop(gone.name)
            del self._met[gone.name]
            self._untold.pop(gone.name, None)
            self.rtt.forget(gone.name)
            self.tags.forget(gone.name)
            self._floors.keep(gone)
            self._forgotten(gone.name)

    def _tell(self, known: Claim | None, claim: Claim) -> None:
        if claim.name in self._untold:
            known = None
        kind = event_of(known, claim)
        if claim.state.running:
            self._untold.pop(claim.name, None)
        elif known is None:
            self._untold[claim.name] = None
        if kind is not None:
            self._emit(kind(self._member(claim)))

    def _member(self, claim: Claim) -> Member:
        rtt = self.rtt.seconds(claim.name)
        return Member(
            name=claim.name,
            id=member_id(claim.key).hex(),
            address=claim.address,
            state=claim.state.name.lower(),
            incarnation=claim.incarnation,
            tags=dict(self.tags.of(claim)),
            rtt=self.estimate(claim.name) if rtt is None else rtt,
        )

    def check(self) -> None:
        """Assert the invariants of the table."""
        super().check()
        assert self._table[self.me.name] == self.me, "our own record is out of step"
        assert self.me.state in (State.ALIVE, State.LEFT), (
            f"we believe of ourselves that we are {self.me.state}"
        )
        assert len(self._table) <= MAX_MEMBERS, "too many members"
        suspects = [name for name, c in self._table.items() if c.state is State.SUSPECT]
        self.suspicions.check(suspects, waiting=self.me.state is not State.LEFT)
