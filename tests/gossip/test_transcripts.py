"""Small conversations, written out: what peers really send, line by line, to be read in review.

A line is one datagram: who to whom, and its messages. `#1` is the first probe (with what repeats
its number), a claim is written `name state incarnation`, with `by` before its accuser, and `'` for
each boot after the first. A line ends with `lost` when it does not arrive. Where nothing is said of
them, members are quiet: the news of how they met has gone round. What rides along about distances
is left out.

A change of the protocol shows here as another conversation. When it is meant, the new one is what
`pytest` prints.
"""

from __future__ import annotations

from random import Random

from gossip import Address, Peer, Transmit
from gossip.member import Claim
from gossip.wire.channel import Channel
from gossip.wire.messages import (
    Ack,
    Claims,
    Join,
    Message,
    Nack,
    Position,
    Probe,
    ProbeRequest,
    Table,
    decode_datagram,
)
from tests.gossip.conversation import SECRET, WALL, Conversation, where


class Transcript(Conversation):
    """A conversation that is written down, from `begin` on."""

    def __init__(self, *names: str, seed: int = 1) -> None:
        super().__init__(seed=seed)
        self._names: dict[Address, str] = {}
        self._numbers: dict[int, str] = {}
        self._epochs: dict[str, list[int]] = {}
        self._channel = Channel(SECRET, Random(0).randbytes)
        self.lines: list[str] = []
        for name in names:
            self.enter(name, join=[where(names[0])] if name != names[0] else [])
        if names:
            self.until(self.settled, 30)
            self.run(20.0)  # until nobody has news any more
            self.begin()

    def enter(
        self, name: str, *, join: list[Address] | None = None, at: str = "", clock: int = 0
    ) -> Peer:
        """A peer starts from its disk; at the address of another name, it has another disk, too."""
        address = where(at or name)
        self._names[address] = at or name
        disk = {} if at else self.disks.setdefault(name, {})
        return self.peer(
            name, join=join or [], address=address, wall=WALL + clock, recovered=dict(disk)
        )

    def begin(self) -> None:
        """Write down what follows, and nothing of what was before."""
        self.lines = []
        self._numbers = {}

    def tells(self, *expected: str) -> None:
        """This was said, and nothing else; then begin anew."""
        found, self.lines = self.lines, []
        assert found == list(expected), "\n".join(f'        "{line}",' for line in found)

    def _carry(self, transmit: Transmit, source: Address) -> None:
        _, _, messages = decode_datagram(self._channel.open(transmit.datagram))
        said = [self._words(m) for m in messages if not isinstance(m, Position)]
        ends = [self._names.get(at, "nobody") for at in (source, transmit.destination)]
        lost = ", lost" if self.blocked(source, transmit.destination) else ""
        self.lines.append(f"{ends[0]} -> {ends[1]}  {' + '.join(said)}{lost}")
        super()._carry(transmit, source)

    def _words(self, message: Message) -> str:
        kind = type(message).__name__
        match message:
            case Probe(sequence=number, target=target):
                return f"{kind} {self._number(number)} of {target}"
            case ProbeRequest(sequence=number, target=target, epoch=epoch):
                return f"{kind} {self._number(number)} of {target}{self._boot(target, epoch)}"
            case Ack(sequence=number):
                return f"{kind} {self._number(number)}"
            case Nack(sequence=number, refused=refused):
                return f"{kind} {self._number(number)}{' refused' if refused else ''}"
            case Join(claim=claim):
                return f"{kind} {self._claim(claim)}"
            case Claims(claims=claims) | Table(claims=claims):
                return f"{kind} ({', '.join(sorted(map(self._claim, claims)))})"
        return kind

    def _number(self, sequence: int) -> str:
        return self._numbers.setdefault(sequence, f"#{len(self._numbers) + 1}")

    def _claim(self, claim: Claim) -> str:
        boot = self._boot(claim.name, claim.epoch)
        by = f" by {claim.accuser}" if claim.accuser else ""
        return f"{claim.name}{boot} {claim.state.name.lower()} {claim.incarnation}{by}"

    def _boot(self, name: str, epoch: int) -> str:
        epochs = self._epochs.setdefault(name, [])
        if epoch not in epochs:
            epochs.append(epoch)
        return "'" * epochs.index(epoch)


def test_two_meet() -> None:
    """Whoever is called by a stranger calls back, and tells whom he knows."""
    talk = Transcript()
    talk.enter("a")
    talk.begin()
    talk.enter("b", join=[where("a")])
    talk.run(0.1)
    talk.tells(
        "b -> a  Join b alive 0",
        "a -> b  Join a alive 0",
        "a -> b  Table (a alive 0, b alive 0) + Claims (b alive 0)",
        "b -> a  Join b alive 0",
        "b -> a  Table (a alive 0, b alive 0) + Claims (a alive 0)",
        "a -> b  Table (a alive 0, b alive 0) + Claims (b alive 0)",
    )


def test_an_interval_in_which_nothing_happens() -> None:
    talk = Transcript("a", "b")
    talk.run(1.0)
    talk.tells(
        "a -> b  Probe #1 of b",
        "b -> a  Ack #1",
        "b -> a  Probe #2 of a",
        "a -> b  Ack #2",
    )


def test_an_indirect_probe() -> None:
    """Between a and b nothing passes: a asks once more itself, and has c ask."""
    talk = Transcript("a", "b", "c")
    pair = {where("a"), where("b")}
    talk.blocked = lambda one, other: {one, other} == pair
    talk.run(1.7)
    begin = talk.lines.index("a -> b  Probe #3 of b, lost")
    talk.lines = talk.lines[begin : begin + 6]
    talk.tells(
        "a -> b  Probe #3 of b, lost",
        "a -> b  Probe #4 of b, lost",
        "a -> c  ProbeRequest #3 of b",
        "c -> b  Probe #5 of b",
        "b -> c  Ack #5",
        "c -> a  Ack #3",
    )


def test_a_suspicion_and_the_verdict() -> None:
    """The host of c is gone. Nobody answers b, nor a, who says so; with two accusers, which are all
    that there can be, the time to refute is the least.
    """
    talk = Transcript("a", "b", "c")
    talk.kill("c")
    talk.until(lambda: len(talk.told("MemberSuspected", "c")) > 0, 3)
    talk.tells(
        "b -> c  Probe #1 of c",
        "b -> c  Probe #2 of c",
        "b -> a  ProbeRequest #1 of c",
        "a -> c  Probe #3 of c",
        "a -> b  Nack #1",
        "b -> c  Claims (c suspect 0 by b) + Probe #4 of c"
        " + Claims (c suspect 0 by a, c suspect 0 by b)",
        "b -> a  Claims (c suspect 0 by a, c suspect 0 by b)",
        "b -> c  Claims (c suspect 0 by a, c suspect 0 by b)",
        "a -> b  Claims (c suspect 0 by a, c suspect 0 by b)",
        "a -> c  Claims (c suspect 0 by a, c suspect 0 by b)",
    )
    talk.until(lambda: len(talk.told("MemberFailed", "c")) == 2, 5)
    talk.lines = [line for line in talk.lines if "failed" in line]
    talk.tells(
        "b -> a  Claims (c failed 0 by b, c suspect 0 by a, c suspect 0 by b)",
        "a -> b  Claims (c failed 0 by a, c suspect 0 by a, c suspect 0 by b)",
    )


def test_a_refutation() -> None:
    """Nobody heard of c for a while. It is told what is said of it, and says that it is there."""
    talk = Transcript("a", "b", "c", seed=2)
    talk.cut(["c"], ["a", "b"])
    talk.until(lambda: len(talk.told("MemberSuspected", "c")) == 2, 5)
    talk.heal()
    talk.begin()
    talk.run(0.02)
    talk.tells(
        "b -> a  Claims (c suspect 0 by a, c suspect 0 by b)",
        "b -> c  Claims (c suspect 0 by a, c suspect 0 by b)",
        "a -> b  Claims (c suspect 0 by a, c suspect 0 by b)",
        "a -> c  Claims (c suspect 0 by a, c suspect 0 by b)",
        "c -> a  Claims (c alive 1)",
        "c -> b  Claims (c alive 1)",
        # It was suspected when it spoke, so it is told once more: it might not know.
        "a -> c  Claims (c suspect 0 by b) + Claims (c suspect 0 by a, c suspect 0 by b)",
        "b -> c  Claims (c suspect 0 by b) + Claims (c suspect 0 by a, c suspect 0 by b)",
    )
    talk.run(0.03)
    assert len(talk.told("MemberRecovered", "c")) == 2
    assert talk.told("MemberFailed") == []


def test_a_leave() -> None:
    """It tells all itself, and is gone when they have answered; meanwhile they tell each other."""
    talk = Transcript("a", "b", "c")
    talk.leave(talk.peers["c"])
    talk.run(0.01)
    assert talk.peers["c"].phase == "left"
    talk.tells(
        "c -> a  Claims (c left 0) + Probe #1 of a + Claims (c left 0)",
        "c -> b  Claims (c left 0) + Probe #2 of b + Claims (c left 0)",
        "c -> a  Claims (c left 0)",
        "c -> b  Claims (c left 0)",
        "a -> c  Ack #1 + Claims (c left 0)",
        "b -> c  Ack #2 + Claims (c left 0)",
        "a -> b  Claims (c left 0)",
        "b -> a  Claims (c left 0)",
    )


def test_a_restart() -> None:
    """The new boot has the key of the old one, from its disk: it is believed at once."""
    talk = Transcript("a", "b")
    talk.kill("b")
    talk.enter("b", join=[where("a")], clock=5)
    talk.run(0.1)
    talk.tells(
        "b -> a  Join b' alive 0",
        "a -> b  Join a alive 0",
        "a -> b  Table (a alive 0, b' alive 0) + Claims (b' alive 0)",
        "a -> b  Claims (b' alive 0)",
        "b -> a  Join b' alive 0",
        "b -> a  Table (a alive 0, b' alive 0) + Claims (a alive 0)",
        "a -> b  Table (a alive 0, b' alive 0) + Claims (b' alive 0)",
        "a -> b  Claims (b' alive 0)",
        "a -> b  Claims (b' alive 0)",
        "a -> b  Claims (b' alive 0)",
    )
    assert talk.told("MemberFailed") == []


def test_two_of_one_name() -> None:
    """Another process calls itself b, at the address of z. The first one is asked whether it is
    there, and told of the other; it answers, and keeps the name. Both count it.
    """
    talk = Transcript("a", "b")
    talk.enter("b", at="z", join=[where("a")], clock=5)
    talk.run(0.1)
    talk.tells(
        "z -> a  Join b' alive 0",
        "a -> z  Join a alive 0",
        "a -> b  Claims (b' alive 0) + Probe #1 of b",
        "a -> z  Claims (b alive 0)",
        "a -> z  Table (a alive 0, b alive 0)",
        "z -> a  Join b' alive 0",
        "z -> a  Table (a alive 0, b' alive 0) + Claims (a alive 0)",
        "b -> a  Ack #1",
        "a -> z  Table (a alive 0, b alive 0)",
    )
