"""Broken rules of the protocol; see `mutants`."""

from __future__ import annotations

from typing import Any

from crdt import Store
from gossip import (
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberRecovered,
    MemberUpdated,
    Peer,
)
from gossip.data.replication import Replication
from gossip.health import Health
from gossip.member import Claim, State
from gossip.members import membership
from gossip.members.membership import Membership
from gossip.members.quorum import Steady
from gossip.members.reconnect import Reconnect
from gossip.members.rumors import Rumors
from gossip.members.suspicion import Suspicion
from gossip.probing.prober import Prober
from gossip.probing.turns import Turns
from gossip.records import Records
from gossip.talk import Talk
from gossip.timing import SECOND, Timing
from gossip.wire import claims
from gossip.wire.channel import Channel, Dropped


def no_refutation(patch: Any) -> None:
    """A member does not mind what is said of it."""
    patch.setattr(Membership, "_about_me", lambda self, claim, now: None)


def refutes_as_before(patch: Any) -> None:
    """A refutation does not raise the incarnation, so nobody believes it."""
    honest = Membership._declare

    def declare(self: Membership, me: Claim) -> None:
        honest(self, me._replace(incarnation=self.me.incarnation))

    patch.setattr(Membership, "_declare", declare)


def foreign_incarnation(patch: Any) -> None:
    """Whoever suspects a member raises its incarnation."""
    honest = Membership.accuse

    def accuse(self: Membership, suspect: Claim, now: int, *, refused: bool) -> None:
        raised = suspect._replace(incarnation=suspect.incarnation + 1)
        honest(self, raised if suspect.state is State.ALIVE else suspect, now, refused=refused)

    patch.setattr(Membership, "accuse", accuse)


def nobody_is_called_again(patch: Any) -> None:
    """Failed members are not called, so a partition does not heal."""
    patch.setattr(Reconnect, "_call_missing", lambda self, now: self.start(now))


def suspects_for_ever(patch: Any) -> None:
    """A suspect that does not refute stays one."""
    patch.setattr(Membership, "_give_up", lambda self, name, now: None)


def the_same_is_probed(patch: Any) -> None:
    """Always the first member is probed, so nobody asks the others."""

    def first(self: Turns) -> Claim | None:
        return next(iter(self._membership.others()), None)

    patch.setattr(Turns, "next", first)


def news_for_ever(patch: Any) -> None:
    """News is passed on without end."""
    honest = Rumors.take

    def take(self: Rumors, room: int, limit: int) -> list[bytes]:
        return honest(self, room, 10**9 + limit)

    patch.setattr(Rumors, "take", take)


def no_new_epoch(patch: Any) -> None:
    """Every boot has the same number, so a restarted member does not outrank its past."""
    patch.setattr(Records, "next_epoch", lambda self, wall, entropy: 1)


def one_boot_of_nonces(patch: Any) -> None:
    """The nonces of every boot begin alike."""
    honest = Channel.__init__

    def init(self: Channel, secret: bytes, entropy: Any) -> None:
        honest(self, secret, entropy)
        self._boot = secret[:16]

    patch.setattr(Channel, "__init__", init)


def opens_what_was_altered(patch: Any) -> None:
    """What does not open counts as what was opened last."""
    honest = Channel.open
    last: list[bytes] = []

    def opened(self: Channel, datagram: bytes) -> bytes:
        try:
            last[:] = [honest(self, datagram)]
        except Dropped:
            if not last:
                raise
        return last[0]

    patch.setattr(Channel, "open", opened)


def never_pulls(patch: Any) -> None:
    """What was missed is not asked for."""
    patch.setattr(Replication, "_fall_behind", lambda self, name, context, now: None)


def does_not_save_data(patch: Any) -> None:
    """Only what concerns members is saved."""
    patch.setattr(Store, "take_records", lambda self: [])


def one_replica_for_all_boots(patch: Any) -> None:
    """A restarted member counts its events on, under the name of its last boot."""
    honest = Records.load_into

    def load_into(self: Records, store: Store) -> None:
        honest(self, store)
        last = [replica for replica, _, _ in store.context.spans()][:1]
        store.replica = last[0] if last else store.replica

    patch.setattr(Records, "load_into", load_into)


def dead_are_news(patch: Any) -> None:
    """A member that failed is listed again by whoever is still told that it is there."""
    honest = Membership.apply

    def apply(self: Membership, claim: Claim, now: int, *, hearsay: bool = False) -> None:
        known = self.get(claim.name)
        if known is not None and known.state is State.FAILED and claim.state is State.ALIVE:
            self._table.pop(claim.name)
            self._buckets = [0] * len(self._buckets)
            self._digest = 0
            for each in [*self._table.values()]:
                self._table.pop(each.name)
                self._store(each)
        honest(self, claim, now, hearsay=hearsay)

    patch.setattr(Membership, "apply", apply)


# What users are told, and for how long they are shown who is gone.


def joining_is_told_twice(patch: Any) -> None:
    """Users are told of a newcomer two times."""
    honest = Peer._tell

    def tell(self: Peer, event: MemberEvent) -> None:
        for _ in range(1 + isinstance(event, MemberJoined)):
            honest(self, event)

    patch.setattr(Peer, "_tell", tell)


def recovery_is_not_told(patch: Any) -> None:
    """Users are told who is suspected, and not that it refuted."""
    honest = Peer._tell

    def tell(self: Peer, event: MemberEvent) -> None:
        if not isinstance(event, MemberRecovered):
            honest(self, event)

    patch.setattr(Peer, "_tell", tell)


def leaving_is_told_as_failure(patch: Any) -> None:
    """Users are told that a member failed when it left."""
    honest = Peer._tell

    def tell(self: Peer, event: MemberEvent) -> None:
        honest(self, MemberFailed(event.member) if isinstance(event, MemberLeft) else event)

    patch.setattr(Peer, "_tell", tell)


def new_tags_are_not_told(patch: Any) -> None:
    """Users do not hear of a member's new tags or address."""
    honest = Peer._tell

    def tell(self: Peer, event: MemberEvent) -> None:
        if not isinstance(event, MemberUpdated):
            honest(self, event)

    patch.setattr(Peer, "_tell", tell)


def forgets_the_dead_at_once(patch: Any) -> None:
    """Who failed or left is listed for five seconds, whatever is configured."""
    honest = Membership._watch

    def watch(self: Membership, claim: Claim, now: int) -> None:
        honest(self, claim, now)
        if not claim.state.running:
            soon = now + 5 * SECOND
            self._timers.set(("member", claim.name), soon, lambda _: self._forget(claim))

    patch.setattr(Membership, "_watch", watch)


# What takes somebody who lies, or who is slow. Unit tests catch these, too: `NOTICED`.


def believes_any_accuser(patch: Any) -> None:
    """An accusation counts without a valid signature."""
    patch.setattr(membership, "is_proven", lambda claim, key: True)


def believes_any_record(patch: Any) -> None:
    """A record is believed without its subject's signature."""
    patch.setattr(claims, "is_genuine", lambda claim: True)
    # Decoded anew, and not to be remembered when the rule holds again.
    patch.setattr(claims, "_decoded", claims._decoded.__wrapped__)


def counts_accusers_twice(patch: Any) -> None:
    """Confirmations by the same accuser are counted each time."""

    def accused(self: Suspicion, claim: Claim) -> bool:
        self.accusers[f"{claim.accuser} {len(self.accusers)}"] = claim
        return True

    patch.setattr(Suspicion, "accused", accused)


def one_refusal_is_a_verdict(patch: Any) -> None:
    """A member is failed as soon as one host says that nobody is there."""
    honest = Suspicion.deadline

    def deadline(self: Suspicion, timing: Timing, members: int) -> int:
        refused = any(claim.refused for claim in self.accusers.values())
        return self.began if refused else honest(self, timing, members)

    patch.setattr(Suspicion, "deadline", deadline)


def late_verdicts_count(patch: Any) -> None:
    """Who slept takes the silence for the fault of others."""
    patch.setattr(Health, "late", lambda self, due, now, waited: False)
    patch.setattr(Health, "woken", lambda self, due, now: None)


def nacks_are_ignored(patch: Any) -> None:
    """That a witness got no answer either is not listened to."""
    patch.setattr(Prober, "silent", lambda self, nack, sender, now: None)


def nacks_are_not_sent(patch: Any) -> None:
    """A witness that gets no answer does not say so."""

    def answer_silence(self: Prober, sequence: int, *, refused: bool) -> None:
        self._relayed.pop(sequence)

    patch.setattr(Prober, "_answer_silence", answer_silence)


def the_quorum_view_stays(patch: Any) -> None:
    """Once it is the majority or the minority, it is that for ever."""
    honest = Steady.look

    def look(self: Steady, state: Any, now: int) -> bool:
        return self.state == "unknown" and honest(self, state, now)

    patch.setattr(Steady, "look", look)


def a_suspect_is_not_told(patch: Any) -> None:
    """Probes of a suspect do not say that it is one."""
    honest = Talk.send_probe

    def send_probe(self: Talk, sequence: int, target: Claim, *frames: bytes) -> None:
        honest(self, sequence, target._replace(state=State.ALIVE), *frames)

    patch.setattr(Talk, "send_probe", send_probe)


def any_boot_answers(patch: Any) -> None:
    """The answer of another boot counts for the one that was asked."""
    honest = Prober.acknowledged

    def acknowledged(self: Prober, sequence: int, sender: str, _: int, now: int) -> Any:
        known = self._membership.get(sender)
        pending = self._pending
        if pending is not None and pending.target.name == sender:
            known = pending.target
        return honest(self, sequence, sender, known.epoch if known else 0, now)

    patch.setattr(Prober, "acknowledged", acknowledged)


def believes_one_verdict(patch: Any) -> None:
    """One member's word fails another."""
    patch.setattr(Suspicion, "corroborates", lambda self, accuser, timing, members: True)


_A, _W = "tests/gossip/test_accusations.py::", "tests/gossip/test_witnesses.py::"

NOTICED = {
    believes_any_accuser: _A
    + "test_an_accusation_that_is_not_its_accusers_is_counted_and_not_believed",
    believes_any_record: "tests/gossip/test_messages.py::"
    "test_a_record_that_its_subject_did_not_sign_drops_the_datagram",
    counts_accusers_twice: "tests/gossip/test_suspicion.py::test_the_same_accuser_counts_once",
    one_refusal_is_a_verdict: "tests/gossip/test_suspicion.py::"
    "test_several_refusals_end_the_wait_and_one_never_does",
    late_verdicts_count: _W + "test_a_late_verdict_is_void",
    nacks_are_ignored: _W + "test_when_all_witnesses_were_silent_the_verdict_falls_early",
    nacks_are_not_sent: _W
    + "test_a_relay_says_after_80_percent_of_its_time_that_there_was_no_answer",
    a_suspect_is_not_told: "tests/gossip/test_peer.py::"
    "test_the_probe_of_a_suspect_says_what_it_is_accused_of",
    any_boot_answers: _W + "test_the_answer_of_another_boot_does_not_count",
    believes_one_verdict: _A + "test_nobody_is_believed_alone_who_says_that_a_member_has_failed",
}
"""Mutants that a unit test catches, and which: these are hard to meet by chance. That a suspect is
not told, and that the answer of another boot counts, makes healing slower and breaks no promise, so
that no plan shows it for certain.
"""
