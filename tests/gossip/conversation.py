"""Peers driven by hand: no trio, no simulator, one thread of virtual time that a test moves.

A test is a conversation, in the manner of mitmproxy's playbook:

* *given* some peers (`talk.peer("n0")`, `talk.cluster(5)`) and puppets (`talk.puppet("p")`), who
  hold the secret and say only what the test makes them say;
* *when* somebody speaks (`puppet.says(peer, Probe(…))`), something is written, time passes
  (`talk.run(2.0)`), or the network misbehaves (`talk.loss = 0.3`, `talk.cut(…)`);
* *expect* what a puppet heard (`puppet.expects(Ack(7, ANY, ANY))`), or what peers believe.

The driver here does what the docstring of `gossip` asks of a driver, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import cache
from hashlib import blake2b
from heapq import heappop, heappush
from random import Random
from typing import Any, TypeVar

from gossip import (
    Address,
    MemberEvent,
    NameConflict,
    Peer,
    Persist,
    QueryAnswered,
    QueryAsked,
    QueryDone,
    Timing,
    Transmit,
    UserEffect,
    UserEvent,
    UserEventsLost,
)
from gossip.identity import Identity
from gossip.member import Claim, State
from gossip.members.quorum import Expected
from gossip.wire.channel import Channel
from gossip.wire.messages import (
    Ack,
    Claims,
    Join,
    Message,
    Nack,
    Position,
    Probe,
    Table,
    decode_datagram,
    encode_datagram,
    encode_sender,
)
from tests.gossip.frames import frame

SECOND = 1_000_000_000
WALL = 10**18
"""The wall clock when virtual time begins: some day in 2001, so that it may go back as well."""

SECRET = b"a secret for tests"

M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=UserEffect)


@cache
def identity(name: str) -> Identity:
    """The key of a member of this name, always the same."""
    return Identity(blake2b(name.encode(), digest_size=32, person=b"coterie tests").digest())


def claim(
    name: str,
    *,
    state: State = State.ALIVE,
    address: Address | None = None,
    epoch: int = WALL,
    incarnation: int = 0,
    tags: tuple[tuple[str, str], ...] = (),
    accuser: str = "sue",
    refused: bool = False,
    holder: str = "",
) -> Claim:
    """A claim about somebody who need not exist, signed by whoever makes it: the member itself, or
    `holder` in its name; and `accuser`, when it is an accusation.
    """
    where = address or Address("10.9.9.9", 7847)
    said = State.LEFT if state is State.LEFT else State.ALIVE
    key = identity(holder or name).key
    record = Claim(said, name, key, where, epoch, incarnation, tags)
    record = identity(holder or name).signed(record)
    if state in (State.SUSPECT, State.FAILED):
        return accused(record, by=accuser, state=state, refused=refused)
    return record


def accused(
    about: Claim, by: str = "sue", state: State = State.SUSPECT, *, refused: bool = False
) -> Claim:
    """What `by` says of a member in the boot and incarnation that `about` is about."""
    return identity(by).accused(about._replace(state=state, accuser=by, refused=refused))


def resigned(known: Claim, holder: str = "", **changes: Any) -> Claim:
    """What a member says of itself, with changes, signed with its key, or with that of `holder`."""
    usual: dict[str, Any] = {"state": State.ALIVE, "accuser": "", "refused": False, "proof": b""}
    name = holder or changes.get("name", known.name)
    return identity(name).signed(known._replace(**usual | {"key": identity(name).key} | changes))


class Puppet:
    """A member that is not one: it has an address and the secret, and says what it is told to."""

    def __init__(
        self, talk: Conversation, name: str, address: Address, secret: bytes, epoch: int
    ) -> None:
        self.name, self.address, self.epoch = name, address, epoch
        self.channel = Channel(secret, Random(f"puppet {name}").randbytes)
        self.polite = False
        """Whether it answers probes by itself, and agrees with whoever probes it."""
        self._talk = talk
        self._heard: list[tuple[str, Message]] = []

    @property
    def claim(self) -> Claim:
        """What it would claim of itself."""
        return claim(self.name, address=self.address, epoch=self.epoch)

    def accuses(
        self, about: Claim, state: State = State.SUSPECT, *, refused: bool = False
    ) -> Claim:
        """What it would say of somebody else, in its own name."""
        return accused(about, self.name, state, refused=refused)

    def nack(self, sequence: int, about: Claim, *, refused: bool = False) -> Nack:
        """Its testimony that a member does not answer."""
        return Nack(sequence, int(refused), self.accuses(about, refused=refused).proof)

    def sealed(self, *frames: bytes) -> bytes:
        """A datagram around these frames."""
        sender = encode_sender(self.name, self.epoch)
        return self.channel.seal(encode_datagram(sender, list(frames)))

    def says(self, peer: Peer, *messages: Message) -> None:
        """The peer gets one datagram with these messages, now."""
        self._talk.give(peer, self.sealed(*map(frame, messages)), self.address)

    def hears(self, datagram: bytes) -> None:
        """A datagram arrived here."""
        sender, _, messages = decode_datagram(self.channel.open(datagram))
        for message in messages:
            if isinstance(message, Probe) and self.polite:
                ack = Ack(message.sequence, message.data, message.table)
                self.says(self._talk.peers[sender], ack)
            else:
                self._heard.append((sender, message))

    def heard(self, kind: type[M]) -> list[M]:
        """The messages of this kind that arrived since the last time anything was looked at."""
        heard, self._heard = self._heard, []
        return [message for _, message in heard if isinstance(message, kind)]

    def expects(self, *expected: Message) -> None:
        """Exactly these messages arrived since the last time, in this order; `ANY` stands for any
        field. News and positions, which ride on anything, count only if some are expected.
        """
        riders = {Claims, Position}.difference(map(type, expected))
        heard = [message for _, message in self._heard if type(message) not in riders]
        self._heard = []
        kinds = [type(message) for message in expected]
        as_expected = [type(message) for message in heard] == kinds and heard == list(expected)
        described = "\n".join(map(str, heard)) or "nothing"
        assert as_expected, f"{self.name} heard:\n{described}"


class Conversation:
    """Peers and puppets on a network in virtual time; see the module's docstring."""

    def __init__(
        self, *, seed: int = 1, timing: Timing | None = None, delay: float = 0.0005
    ) -> None:
        self.now = 0
        self.timing = timing or Timing.lan()
        self.peers: dict[str, Peer] = {}
        self.disks: dict[str, dict[bytes, bytes]] = {}
        self.events: list[tuple[float, str, str, str]] = []
        """(seconds, who tells, the event's class, about whom)"""
        self.conflicts: list[NameConflict] = []
        self.users: list[tuple[float, str, UserEffect]] = []
        """(seconds, who tells, what): events, queries and answers."""
        self.sent = 0
        self.woken: Counter[str] = Counter()
        self.wire: list[bytes] = []
        """Every datagram sent, while `listening`."""
        self.listening = False
        self.loss = self.duplicate = self.jitter = 0.0
        self.delay_between: Callable[[Address, Address], float] = lambda _, __: delay
        """One way, in seconds."""
        self.blocked: Callable[[Address, Address], bool] = lambda _, __: False
        self._random = Random(seed)
        self._seed = seed
        self._agenda: list[tuple[int, int, Address, bytes | Peer, Address]] = []
        self._count = 0
        self._boots = 0
        self._ends: dict[Address, Peer | Puppet] = {}

    # Given.

    def peer(
        self,
        name: str,
        *,
        join: Collection[Address] = (),
        address: Address | None = None,
        secret: bytes = SECRET,
        recovered: Mapping[bytes, bytes] | None = None,
        tags: Mapping[str, str] | None = None,
        wall: int = WALL,
        expected: Expected = None,
    ) -> Peer:
        """Boot a peer, in place of one of this name or at this address that ran before."""
        self._boots += 1
        random = Random(f"{self._seed} {name} {self._boots}")
        peer = Peer(
            name=name, address=address or where(name), secret=secret,
            wall=lambda: wall + self.now, random=random, entropy=random.randbytes,
            timing=self.timing, tags=tags, recovered=recovered, expected=expected,
        )  # fmt: skip
        self.peers[name] = peer
        self._ends[peer.address] = peer
        peer.on_write = lambda: self._plan_wake(peer)
        peer.start(self.now, list(join))
        self._perform(peer)
        return peer

    def cluster(self, count: int) -> list[Peer]:
        """Peers n0, n1, … that joined through n0 and see each other."""
        peers = [self.peer(f"n{i}", join=[where("n0")] if i else ()) for i in range(count)]
        self.until(self.settled, 30)
        return peers

    def puppet(self, name: str, *, secret: bytes = SECRET, epoch: int = WALL) -> Puppet:
        """Somebody whose words the test writes."""
        puppet = Puppet(self, name, where(name), secret, epoch)
        self._ends[puppet.address] = puppet
        return puppet

    def friend(self, peer: Peer, name: str = "friend") -> Puppet:
        """A polite puppet that `peer` already holds for a member."""
        puppet = self.puppet(name)
        puppet.polite = True
        puppet.says(peer, Join(puppet.claim, 1))
        self.run(0.001)
        puppet.heard(Table)
        return puppet

    # When.

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + round(seconds * SECOND)
        while self._agenda and self._agenda[0][0] <= end:
            self._step()
        self.now = end
        for peer in self.peers.values():
            peer.check()

    def until(self, happened: Callable[[], bool], limit: float) -> float:
        """Let time pass until something holds; how many seconds that took."""
        began = self.now
        while not happened():
            waited = (self.now - began) / SECOND
            assert waited <= limit, f"it did not happen within {limit} s: {self.views()}"
            self.run(0.05)
        return (self.now - began) / SECOND

    def give(self, peer: Peer, datagram: bytes, source: Address) -> None:
        """A datagram arrives, now."""
        peer.receive(datagram, source, self.now)
        self._perform(peer)

    def leave(self, peer: Peer) -> None:
        """The peer is told to leave."""
        peer.leave(self.now)
        self._perform(peer)

    def solicit(self, peer: Peer) -> None:
        """The peer is told to ask who holds what was written."""
        peer.solicit(self.now)
        self._perform(peer)

    def broadcast(self, peer: Peer, topic: str, payload: object = None) -> int:
        """The peer's user tells something to all."""
        number = peer.broadcast(topic, payload, self.now)
        self._perform(peer)
        return number

    def query(self, peer: Peer, topic: str, payload: object = None, **options: Any) -> int:
        """The peer's user asks something; `timeout` is in seconds."""
        timeout = round(options.pop("timeout", 1.0) * SECOND)
        number = peer.query(topic, payload, timeout, self.now, **options)
        self._perform(peer)
        return number

    def answer(self, peer: Peer, asked: QueryAsked, payload: object) -> bool:
        """The peer's user answers."""
        answered = peer.answer(asked.id, payload, self.now)
        self._perform(peer)
        return answered

    def received(self, name: str, topic: str | None = None) -> list[tuple[str, Any]]:
        """The events that a peer's user was told of, in order: whose, and what."""
        return [
            (effect.origin, effect.payload)
            for _, who, effect in self.users
            if who == name and isinstance(effect, UserEvent) and topic in (None, effect.topic)
        ]

    def effects(self, name: str, kind: type[E]) -> list[E]:
        """What a peer told its user, of one kind."""
        return [effect for _, who, effect in self.users if who == name and isinstance(effect, kind)]

    def kill(self, name: str) -> Peer:
        """End a peer without a word; what it had persisted stays in `disks`."""
        peer = self.peers.pop(name)
        del self._ends[peer.address]
        return peer

    def cut(self, *groups: Collection[str]) -> None:
        """Nothing passes between these groups."""
        group_of = {where(name): number for number, group in enumerate(groups) for name in group}
        self.blocked = lambda a, b: group_of.get(a) != group_of.get(b)

    def heal(self) -> None:
        """Everything passes again."""
        self.blocked = lambda _, __: False

    # Expect.

    def views(self) -> dict[str, dict[str, str]]:
        """Who believes what of whom."""
        return {
            name: {member.name: member.state for member in peer.members()}
            for name, peer in self.peers.items()
        }

    def settled(self) -> bool:
        """Whether every peer sees exactly the running peers alive, and knows that all agree."""
        running = [name for name, peer in self.peers.items() if peer.phase == "running"]
        return all(
            [name for name, state in self.views()[name].items() if state == "alive"]
            == sorted(running)
            and self.peers[name].converged()
            for name in running
        )

    def agreed(self) -> bool:
        """Whether all running peers hold the same data."""
        running = (peer for peer in self.peers.values() if peer.phase == "running")
        return len({peer.digest() for peer in running}) == 1

    def overheard(self) -> list[tuple[str, Message]]:
        """Who said what since `listening` began, to anybody."""
        opener = Channel(SECRET, Random(0).randbytes)
        opened = [decode_datagram(opener.open(datagram)) for datagram in self.wire]
        return [(sender, message) for sender, _, messages in opened for message in messages]

    def told(self, kind: str, about: str | None = None) -> list[tuple[float, str, str, str]]:
        """The events of a class, about somebody."""
        return [e for e in self.events if e[2] == kind and about in (None, e[3])]

    # The driver.

    def _step(self) -> None:
        at, _, address, what, source = heappop(self._agenda)
        self.now = at
        end = self._ends.get(address)
        if isinstance(what, Peer):
            due = what.next_wake
            if end is what and due is not None and due <= at:
                self.woken[what.name] += 1
                what.wake(at)
                self._perform(what)
        elif isinstance(end, Peer):
            self.give(end, what, source)
        elif end is not None:
            end.hears(what)

    def _perform(self, peer: Peer) -> None:
        for effect in peer.effects():
            match effect:
                case Transmit():
                    self._carry(effect, peer.address)
                case Persist():
                    self._save(self.disks.setdefault(peer.name, {}), effect)
                case MemberEvent():
                    told = (self.now / SECOND, peer.name, type(effect).__name__, effect.member.name)
                    self.events.append(told)
                    if isinstance(effect, NameConflict):
                        self.conflicts.append(effect)
                case UserEvent() | UserEventsLost() | QueryAsked() | QueryAnswered() | QueryDone():
                    self.users.append((self.now / SECOND, peer.name, effect))
        self._plan_wake(peer)

    def _carry(self, transmit: Transmit, source: Address) -> None:
        self.sent += 1
        if self.listening:
            self.wire.append(transmit.datagram)
        if self.blocked(source, transmit.destination) or self._random.random() < self.loss:
            return
        for _ in range(1 + (self._random.random() < self.duplicate)):
            delay = self.delay_between(source, transmit.destination)
            seconds = delay + self._random.random() * self.jitter
            at = self.now + round(seconds * SECOND)
            self._plan(at, transmit.destination, transmit.datagram, source)

    def _save(self, disk: dict[bytes, bytes], persist: Persist) -> None:
        for key, value in persist.records:
            if value is None:
                disk.pop(key, None)
            else:
                disk[key] = value

    def _plan_wake(self, peer: Peer) -> None:
        if peer.next_wake is not None:
            self._plan(max(peer.next_wake, self.now), peer.address, peer, peer.address)

    def _plan(self, at: int, address: Address, what: bytes | Peer, source: Address) -> None:
        self._count += 1
        heappush(self._agenda, (at, self._count, address, what, source))


def where(name: str) -> Address:
    """The address of a name, when the test does not say otherwise."""
    host = int.from_bytes(name.encode()[-2:], "big")
    return Address(f"10.0.{host >> 8}.{host & 255}", 7847)
