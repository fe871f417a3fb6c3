"""Are you there? One member is asked per interval; others ask for us before we accuse.

A probe that is not answered in time is repeated by `indirect_probes` others. If they bring no
answer either, the member is suspected; who was asked and says that there was no answer is a
witness, and counts as an accuser at once. An accuser does not rest: it goes on asking the suspect,
which is told what it is accused of and so can refute, and asks further witnesses until there are
enough.

A verdict that comes late, because this process was not running when it should have been, is void:
the silence may be ours. A *refusal*, the word of a member's host that nobody is there, makes others
be asked at once; it is no verdict.

References: SWIM, sections 3.1 and 4.3; Dadgar, Phillips, Currey, "Lifeguard" (2018), section IV.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from gossip.member import ALIVE, LEFT, Address, Claim
from gossip.members.membership import Membership
from gossip.timers import Timers
from gossip.timing import SECOND, Timing
from gossip.wire.claims import encode_claim
from gossip.wire.messages import NOT_TO_BE_DONE, Message, Nack, ProbeRequest, encode_claims

from .turns import Turns

MAX_RELAYED = 1024
"""How many probes on behalf of others may be under way; the oldest is forgotten beyond that."""

MAX_INQUIRIES = 1024
"""How many probes of suspects, by us and by witnesses, are remembered until they are answered."""

INQUIRIES = 3
"""How often further witnesses are looked for: our choice. Who does not find them by then is alone,
and waits."""

MAX_CHALLENGES = 64
"""How many names may be in dispute at once; the oldest dispute is forgotten beyond that."""

PATIENCE = 4
"""A verdict falls this many times after a probe as its direct answer may take, at the latest after
an interval: our choice, time enough for witnesses that are as patient as we are.
"""


@dataclass(slots=True)
class Pending:
    """A probe of ours that is not answered yet."""

    sequence: int
    target: Claim
    sent: int
    timeout: int
    asked: dict[str, None] = field(default_factory=dict)
    """Who was asked to probe for us."""
    silent: dict[str, Nack] = field(default_factory=dict)
    """Who of these got no answer either."""
    refused: bool = False
    """Whether the host of the target told us that nobody is there."""
    due: int = 0
    """When the verdict falls."""
    again: tuple[int, int] = (-1, 0)
    """The number of the second probe, sent when others are asked, and when that was."""


@dataclass(slots=True)
class Relayed:
    """A probe on behalf of somebody else."""

    origin: Address
    sequence: int
    """His number for it."""
    target: Claim
    due: int


class Prober:
    """Probes the others in turn; `send_probe` sends a probe to a claim's address, `send` any
    message, `tell` what is believed of a member, and `send_about` that and a message; `measured` is
    told of each round trip in seconds.
    """

    def __init__(
        self,
        *,
        membership: Membership,
        timing: Timing,
        timers: Timers,
        random: Random,
        send_probe: Callable[..., None],
        send: Callable[[Address, Message], None],
        send_about: Callable[[Address, Claim, Message], None],
        tell: Callable[[Address, Claim], None],
        measured: Callable[[str, float], None] = lambda _, __: None,
    ) -> None:
        self._membership = membership
        self._health = membership.health
        self._timing = timing
        self._timers = timers
        self._random = random
        self._send_probe = send_probe
        self._send = send
        self._send_about = send_about
        self._tell = tell
        self._measured = measured
        self._sequence = random.getrandbits(32)
        self._pending: Pending | None = None
        self._due = 0
        self._relayed: OrderedDict[int, Relayed] = OrderedDict()
        self._inquiries: OrderedDict[int, Claim] = OrderedDict()
        self._challenges: OrderedDict[int, tuple[Claim, Claim]] = OrderedDict()
        membership.contested = self.challenge
        self.unreached: dict[str, str] = {}
        """Who did not answer us itself when it was asked last; and through whom it did, if at all.
        """
        self.turns = Turns(membership, random, coordinated=timing.coordinated)

    def start(self, now: int) -> None:
        """Begin at a random moment of the first interval, so that members started together do not
        probe together.
        """
        self._due = now + self._random.randrange(self._timing.probe_interval)
        self._timers.set("probe", self._due, self._tick)

    def forget(self, name: str) -> None:
        """A member is gone, or is a new boot: how it was reached says nothing any more."""
        self.unreached.pop(name, None)

    def next_sequence(self) -> int:
        """A number for a probe."""
        self._sequence += 1
        return self._sequence

    # One interval.

    def _tick(self, now: int) -> None:
        if self._pending is not None:
            self._judge(now)
        interval = self._timing.probe_interval
        self._health.late(self._due, now, interval)
        factor = self._health.factor
        self._due = now + interval * factor
        self._timers.set("probe", self._due, self._tick)
        lingering = self._membership.suspicions.lingering(self._membership.me.name, now)
        target = self._membership.get(lingering) if lingering else self.turns.next()
        if target is None:
            return
        timeout = self._membership.rtt.timeout(target.name) * factor
        pending = self._pending = Pending(self.next_sequence(), target, now, timeout)
        pending.due = min(self._due, now + PATIENCE * timeout)
        self._timers.set("indirect", now + timeout, self._ask_others)
        self._send_probe(pending.sequence, target)

    def acknowledged(
        self, sequence: int, sender: str, epoch: int, now: int
    ) -> tuple[Address, int] | None:
        """An answer came, from this boot of a member. If it was for somebody else: his address and
        his number.
        """
        pending = self._pending
        if pending is not None and sequence in (pending.sequence, pending.again[0]):
            if sender == pending.target.name:
                if epoch != pending.target.epoch:
                    return None  # another boot answers for one that is gone
                sent = pending.sent if sequence == pending.sequence else pending.again[1]
                self._membership.rtt.note(sender, now - sent)
                self._measured(sender, (now - sent) / SECOND)
                self.unreached.pop(sender, None)
            elif sender in pending.asked:
                self.unreached[pending.target.name] = sender
            else:
                return None
            self._done()
            self._health.better()
        elif sequence in self._relayed:
            target = self._relayed[sequence].target
            if (sender, epoch) == (target.name, target.epoch):
                self._timers.stop(("relay", sequence))
                relayed = self._relayed.pop(sequence)
                return relayed.origin, relayed.sequence
        elif sequence in self._challenges:
            known, heir = self._challenges.pop(sequence)
            if (sender, epoch) == (heir.name, heir.epoch):  # only who is there can know the number
                self._membership.succeeded(known, heir, now)
        else:
            self._inquiries.pop(sequence, None)
        return None

    def _done(self) -> None:
        self._pending = None
        self._timers.stop("indirect")

    def _ask_others(self, now: int) -> None:
        """No answer in time: others are to try, and we try once more."""
        pending = self._pending
        if pending is None:
            return
        if self._health.late(pending.sent + pending.timeout, now, pending.timeout):
            self._done()
            return
        self._timers.set("indirect", pending.due, self._judge)
        if self._timing.witnesses and not pending.refused:
            pending.again = (self.next_sequence(), now)
            self._send_probe(pending.again[0], pending.target)
        target = pending.target
        request = ProbeRequest(pending.sequence, target.name, target.epoch)
        for claim in self._relays(target.name):
            pending.asked[claim.name] = None
            self._send(claim.address, request)

    def _relays(self, target: str) -> list[Claim]:
        """Whom to ask about a member: whom chance picks, and who reached it last, for where a part
        of the network is cut off there may be few who do.
        """
        chosen = self._some(self._timing.indirect_probes, target)
        last = self._membership.get(self.unreached.get(target, ""))
        if last is not None and last.state is ALIVE and self._timing.witnesses:
            chosen = [last, *(claim for claim in chosen if claim is not last)][: len(chosen)]
        return chosen

    def _some(self, count: int, target: str, besides: tuple[str, ...] = ()) -> list[Claim]:
        """Members that can be asked about another: none that is itself in doubt, if there are
        others.
        """
        others = [
            claim
            for claim in self._membership.others()
            if claim.name != target and claim.name not in besides
        ]
        sound = [claim for claim in others if claim.state is ALIVE]
        pool = sound if len(sound) >= count else others
        return self._random.sample(pool, min(count, len(pool)))

    def silent(self, nack: Nack, sender: str, now: int) -> None:
        """Somebody who was asked to probe got no answer."""
        pending = self._pending
        if pending is not None and pending.sequence == nack.sequence:
            if sender in pending.asked:
                pending.silent[sender] = nack
                if self._timing.witnesses and len(pending.silent) == len(pending.asked):
                    self._judge(now)  # nobody is left who could bring an answer
            return
        suspect = self._inquiries.get(nack.sequence)
        if suspect is not None and sender != suspect.name:
            self._testified(suspect, sender, nack, now)

    def _testified(self, suspect: Claim, witness: str, nack: Nack, now: int) -> None:
        refused = bool(nack.refused)
        self._membership.testified(suspect, witness, nack.proof, now, refused=refused)

    def refused(self, sequence: int, _: str, now: int) -> None:
        """The host of the member that this probe went to says that nobody is there."""
        if not self._timing.refusals:
            return
        pending = self._pending
        if pending is not None and sequence in (pending.sequence, pending.again[0]):
            pending.refused = True
            if not pending.asked:
                self._ask_others(now)
        elif sequence in self._relayed:
            self._timers.stop(("relay", sequence))
            self._answer_silence(sequence, refused=True)
        elif sequence in self._inquiries:
            self._membership.accuse(self._inquiries[sequence], now, refused=True)

    def _judge(self, now: int) -> None:
        """The time of a probe is up."""
        pending = self._pending
        if pending is None:
            return
        self._done()
        if self._health.late(pending.due, now, pending.due - pending.sent):
            return
        self.unreached[pending.target.name] = ""
        self._blame(pending)
        known = self._membership.get(pending.target.name)
        if known is None or not known.state.running or known.order[:2] != pending.target.order[:2]:
            return  # it is gone, or has spoken since
        self._membership.accuse(known, now, refused=pending.refused)
        if self._timing.witnesses:
            for witness, nack in pending.silent.items():
                self._testified(known, witness, nack, now)
            self._press(known.name, now)

    def _blame(self, pending: Pending) -> None:
        """Who was asked and says nothing at all does so because of us, perhaps. But when nobody
        says anything, we are more likely cut off than slow, for of that our timers would tell;
        where these are not listened to (`late` is 0), Lifeguard's rule holds.
        """
        missing = len(pending.asked) - len(pending.silent)
        if not self._timing.late or pending.silent:
            self._health.worse(missing if pending.asked else 1)
        elif not self._health.score:
            self._health.worse()

    # A suspect.

    def _press(self, name: str, now: int, times: int = 0) -> None:
        """Ask a suspect again, which is told that it is one, and at first further witnesses, until
        it refutes or fails.
        """
        suspect = self._membership.get(name)
        suspicion = self._membership.suspicions.get(name)
        if suspect is None or suspicion is None:
            return
        interval = self._timing.probe_interval
        pause = min(interval, self._timing.gossip_interval * (2 + times) // 2)
        again = partial(self._press, name, times=times + 1)
        self._timers.set(("press", name), now + pause, again)
        self._send_probe(self._inquire(suspect), suspect)
        if times < INQUIRIES and len(suspicion.accusers) <= self._timing.confirmations:
            known = tuple(suspicion.accusers)
            for claim in self._some(self._timing.witnesses, name, known):
                request = ProbeRequest(self._inquire(suspect), name, suspect.epoch)
                self._send_about(claim.address, suspect, request)

    def _inquire(self, suspect: Claim) -> int:
        sequence = self.next_sequence()
        self._inquiries[sequence] = suspect
        if len(self._inquiries) > MAX_INQUIRIES:
            self._inquiries.popitem(last=False)
        return sequence

    # For others.

    def relay(self, request: ProbeRequest, origin: Address, now: int) -> None:
        """Probe a member for somebody else."""
        target = self._membership.get(request.target)
        if target is None:
            return
        known_better = target.state is LEFT or target.epoch != request.epoch
        if known_better or target.name == self._membership.me.name:
            self._tell(origin, target)
            return
        if request.sequence == NOT_TO_BE_DONE:
            return
        sequence = self.next_sequence()
        wait = 4 * self._membership.rtt.timeout(target.name) // 5  # Lifeguard: nack after 80 %
        self._relayed[sequence] = Relayed(origin, request.sequence, target, now + wait)
        if len(self._relayed) > MAX_RELAYED:
            self._timers.stop(("relay", self._relayed.popitem(last=False)[0]))
        self._timers.set(
            ("relay", sequence), now + wait, lambda now: self._give_up_relay(sequence, wait, now)
        )
        self._send_probe(sequence, target)

    def _give_up_relay(self, sequence: int, waited: int, now: int) -> None:
        relayed = self._relayed[sequence]
        if self._health.late(relayed.due, now, waited):
            del self._relayed[sequence]
        else:
            self._answer_silence(sequence, refused=False)

    def _answer_silence(self, sequence: int, *, refused: bool) -> None:
        relayed = self._relayed.pop(sequence)
        proof = self._membership.testimony(relayed.target, refused=refused)
        self._send(relayed.origin, Nack(relayed.sequence, int(refused), proof))

    # A name that two claim.

    def challenge(self, known: Claim, heir: Claim, now: int) -> None:
        """Somebody else claims the name of a member: is it still that one who answers there?"""
        key = ("challenge", known.name)
        if key in self._timers:
            return
        self._timers.set(key, now + self._timing.gossip_interval, lambda _: None)
        sequence = self._random.getrandbits(63)
        self._challenges[sequence] = (known, heir)
        if len(self._challenges) > MAX_CHALLENGES:
            self._challenges.popitem(last=False)
        self._send_probe(sequence, known, encode_claims([encode_claim(heir)]))
        self._tell(heir.address, known)  # so both know that there are two of them
