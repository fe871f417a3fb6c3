"""Events that ride along: the least-sent first, and never at the cost of news about members."""

from __future__ import annotations

from gossip.users.backlog import MAX_BACKLOG, Backlog
from gossip.wire.claims import encode_claim
from gossip.wire.messages import Claims, decode_datagram
from gossip.wire.user_messages import Broadcast, encode_user
from tests.gossip.conversation import WALL, Conversation, claim


def test_the_least_sent_go_first_each_a_limited_number_of_times() -> None:
    backlog = Backlog()
    for text in (b"first" * 4, b"second" * 4):
        backlog.add(text, 0)
    backlog.add(b"third" * 4, 2)
    assert backlog.take(44, 3) == [b"first" * 4, b"second" * 4]
    assert backlog.take(39, 3) == [b"first" * 4]
    assert backlog.take(24, 3) == [b"second" * 4]
    assert len(backlog) == 3
    assert backlog.take(99, 3) == [b"third" * 4, b"first" * 4, b"second" * 4]
    assert backlog.take(99, 3) == []


def test_what_does_not_fit_is_passed_over_and_waits() -> None:
    backlog = Backlog()
    backlog.add(b"x" * 50, 0)
    backlog.add(b"y" * 20, 1)
    assert backlog.take(49, 9) == [b"y" * 20]
    assert backlog.take(15, 9) == []
    assert backlog.take(50, 9) == [b"x" * 50]


def test_beyond_the_bound_the_most_sent_is_dropped() -> None:
    backlog = Backlog()
    backlog.add(b"old", 7)
    for _ in range(MAX_BACKLOG):
        backlog.add(b"x" * 20, 0)
    assert len(backlog) == MAX_BACKLOG
    assert backlog.dropped == 1
    assert b"old" not in backlog.take(10**6, 9)


def test_neither_news_nor_events_starve_the_other() -> None:
    """Both have more to say than fits: events get a third of the datagrams, news two thirds."""
    talk = Conversation()
    peer = talk.peer("n0")
    friend = talk.friend(peer)
    talk.run(60)
    membership, outbox = peer._membership, peer._outbox
    for number in range(200):
        event = Broadcast("n0", WALL, number + 1, "t", b"x" * 700)
        outbox.backlog.add(encode_user(event), 0)
    news = events = 0
    for _ in range(30):
        for number in range(40):
            membership.rumors.spread(f"m{number}", bytes_of(number))
        outbox.send(friend.address)
        *_, transmit = peer.effects()
        _, _, messages = decode_datagram(friend.channel.open(transmit.datagram))  # type: ignore[union-attr]
        news += sum(len(m.claims) > 4 for m in messages if isinstance(m, Claims))
        events += sum(isinstance(message, Broadcast) for message in messages)
    assert events == 10
    assert news == 20


def bytes_of(number: int) -> bytes:
    return encode_claim(claim(f"m{number}", tags=(("key", "v" * 20),)))
