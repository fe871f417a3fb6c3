"""Whoever has seen a datagram can send it again, from any address: little may come of it.

What is asked here is how much a small datagram brings, where to, and how often.
"""

from __future__ import annotations

from random import Random

from gossip import Address, Peer, Transmit
from gossip.data.parcels import TIMES, WINDOW
from gossip.wire.channel import MAX_DATAGRAM, Channel
from gossip.wire.messages import BUCKETS, Buckets, Claims, Message, Pull, Want, decode_datagram
from tests.gossip.conversation import SECRET, Conversation, claim
from tests.gossip.frames import frame

STRANGER = Address("192.0.2.9", 99)
LARGE = "".join(chr(ord("a") + number % 26) for number in range(200_000))


def brings(talk: Conversation, peer: Peer, datagram: bytes, source: Address) -> list[Transmit]:
    """What a peer sends when it gets this datagram from there."""
    peer.receive(datagram, source, talk.now)
    return [effect for effect in peer.effects() if isinstance(effect, Transmit)]


def size(sent: list[Transmit]) -> int:
    return sum(len(transmit.datagram) for transmit in sent)


def recorded(talk: Conversation, sender: str, kind: type[Message]) -> list[bytes]:
    """The datagrams of a peer, as they went over the wire, that have such a message."""
    opener, found = Channel(SECRET, Random(0).randbytes), []
    for datagram in talk.wire:
        who, _, messages = decode_datagram(opener.open(datagram))
        if who == sender and any(isinstance(message, kind) for message in messages):
            found.append(datagram)
    return found


def written() -> tuple[Conversation, Peer, Peer]:
    """One of two wrote something large, and it was fetched, while somebody listened."""
    talk = Conversation()
    one, other = talk.cluster(2)
    talk.listening = True
    one.map("m")["large"] = LARGE
    for number in range(2000):
        one.map("m")[f"key {number}"] = "value" * 10
    talk.run(5)
    assert talk.agreed()
    return talk, one, other


def test_pieces_go_where_the_parcel_went_and_not_for_ever() -> None:
    talk, one, other = written()
    old = recorded(talk, other.name, Want)[0]
    sent = brings(talk, one, old, STRANGER)
    assert len(sent) == WINDOW
    assert {transmit.destination for transmit in sent} == {other.address}
    again = sum(len(brings(talk, one, old, STRANGER)) for _ in range(1000))
    assert again <= TIMES * (len(LARGE) // 1000)


def test_a_pull_is_answered_once() -> None:
    talk, one, other = written()
    assert one.statistics().dropped == {}
    for old in recorded(talk, other.name, Pull):
        sent = [part for _ in range(20) for part in brings(talk, one, old, other.address)]
        assert size(sent) <= MAX_DATAGRAM
    assert one.statistics().dropped["stale"] > 0


def test_who_pulls_in_anothers_name_does_not_keep_it_from_being_answered() -> None:
    talk = Conversation()
    one, other = talk.cluster(2)
    forger = talk.puppet(other.name + "x")
    forger.name, forger.epoch = other.name, other._membership.me.epoch
    forger.says(one, Pull(2**64 - 1, 1, one.store.summary()))
    talk.cut([one.name], [other.name])
    one.map("m")["large"] = LARGE
    talk.run(0.5)  # what was pushed is lost, so that it has to be pulled
    talk.heal()
    talk.until(talk.agreed, 10)
    assert one.statistics().dropped.get("stale", 0) == 0


def test_a_pull_of_an_earlier_boot_is_not_answered() -> None:
    talk, one, other = written()
    old = recorded(talk, other.name, Pull)[-1]
    talk.kill(other.name)
    talk.peer(other.name, join=[one.address], address=other.address)
    talk.until(talk.agreed, 10)
    assert size(brings(talk, one, old, STRANGER)) <= MAX_DATAGRAM


def test_who_is_not_where_it_says_is_told_one_datagram_of_what_differs() -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    friend = talk.friend(peer)
    for number in range(250):
        friend.says(peer, Claims((claim(f"m{number}"),)))
    question = friend.sealed(frame(Buckets((b"01234567",) * BUCKETS)))
    assert size(brings(talk, peer, question, STRANGER)) <= 2 * MAX_DATAGRAM
    assert size(brings(talk, peer, question, friend.address)) > 20 * MAX_DATAGRAM
