"""Events of users: everywhere at once, in order, each once; and what was missed is repaired."""

from __future__ import annotations

from collections import Counter

import pytest

from gossip import Peer, Timing, TooManyEvents, UserEvent, UserEventsLost
from gossip.member import State
from gossip.users.broadcasts import BURST, MAX_EARLY, REMINDED
from gossip.users.repair import MAX_GAPS, PATIENCE
from gossip.users.streams import MAX_KEPT
from gossip.wire.messages import Ack, Claims, Probe
from gossip.wire.user_messages import (
    MAX_PAYLOAD,
    Begins,
    Broadcast,
    Heads,
    Lacking,
)
from tests.gossip.conversation import SECOND, WALL, Conversation, Puppet, where

GAP = Timing().gossip_interval / SECOND


def together(count: int, seed: int = 1) -> tuple[Conversation, list[Peer]]:
    talk = Conversation(seed=seed)
    return talk, talk.cluster(count)


def nil(puppet: Puppet, sequence: int, boot: int = WALL) -> Broadcast:
    """An event whose payload is its own number."""
    return Broadcast(puppet.name, boot, sequence, "t", bytes([sequence]))


# Everywhere.


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_an_event_is_everywhere_within_a_few_round_trips_and_once(count: int) -> None:
    talk, peers = together(count)
    assert talk.broadcast(peers[-1], "deploy", {"version": 7}) == 1
    talk.run(0.02)
    for name in talk.peers:
        assert talk.received(name) == [(peers[-1].name, {"version": 7})]
    talk.run(300)
    assert len(talk.users) == count


def test_events_of_one_origin_come_in_order_whatever_the_network_does() -> None:
    talk, peers = together(6)
    talk.loss, talk.duplicate, talk.jitter = 0.35, 0.3, 0.05
    for number in range(100):
        for origin in peers[:2]:
            talk.broadcast(origin, "n", number)
        talk.run(0.03)
    talk.run(20)
    for name in talk.peers:
        for who in ("n0", "n1"):
            numbers = [value for of, value in talk.received(name) if of == who]
            assert numbers == list(range(100)), (name, who)
    assert talk.effects("n3", UserEventsLost) == []
    counts = peers[3].statistics().users
    assert counts["received"] == 200
    assert counts["known"] > 200
    assert sum(peer.statistics().users.get("repaired", 0) for peer in peers) > 0


def test_what_was_said_to_nobody_is_not_kept_for_those_who_come() -> None:
    talk = Conversation()
    alone = talk.peer("n0")
    talk.broadcast(alone, "t", 1)
    talk.peer("n1", join=[alone.address])
    talk.run(20)
    assert talk.received("n0") == [("n0", 1)]
    assert talk.received("n1") == []


def test_under_a_steady_stream_the_latest_is_told_all_the_same() -> None:
    talk, peers = together(3)
    talk.listening = True
    for _ in range(20):
        talk.broadcast(peers[0], "t")
        talk.run(0.015)
    told = [message for who, message in talk.overheard() if isinstance(message, Heads)]
    assert len(told) > 20


def test_an_idle_cluster_says_nothing_of_events_and_a_busy_one_only_beside_answers() -> None:
    talk, peers = together(5)
    talk.listening = True
    talk.run(60)
    quiet = {type(message).__name__ for _, message in talk.overheard()}
    assert not quiet & {"Broadcast", "Heads", "Lacking", "Begins"}
    talk.broadcast(peers[0], "t")
    talk.run(240)
    talk.wire.clear()
    talk.run(900)
    said = Counter(type(message) for _, message in talk.overheard())
    assert not {*said} & {Broadcast, Lacking, Begins}
    assert said[Heads] == pytest.approx(5 * 900 / REMINDED, rel=0.4)
    assert len(talk.wire) == pytest.approx(said[Probe] + said[Ack], abs=5)


def test_an_event_costs_a_bounded_number_of_datagrams_per_member() -> None:
    talk, peers = together(16)
    talk.run(60)
    sent = talk.sent
    talk.run(300)
    idle, sent = talk.sent - sent, talk.sent
    talk.broadcast(peers[0], "t")
    talk.run(300)
    assert talk.sent - sent - idle <= 16 * 24


# What cannot be carried.


def test_what_cannot_be_carried_is_refused_and_nothing_is_sent() -> None:
    talk, (peer, *_) = together(2)
    talk.broadcast(peer, "t", "x" * (MAX_PAYLOAD - 3))
    sent = talk.sent
    with pytest.raises(ValueError, match="at most 800 bytes when encoded, and this one 801"):
        talk.broadcast(peer, "t", "x" * (MAX_PAYLOAD - 2))
    for topic in ("", "x" * 65, b"t", None):
        with pytest.raises(ValueError, match="a topic is text"):
            talk.broadcast(peer, topic)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        talk.broadcast(peer, "t", object())
    assert talk.sent == sent
    assert talk.broadcast(peer, "t") == 2


def test_more_than_can_be_repaired_is_not_taken_until_there_is_room() -> None:
    talk, (peer, *_) = together(3)
    for _ in range(BURST):
        talk.broadcast(peer, "t")
    with pytest.raises(TooManyEvents):
        talk.broadcast(peer, "t")
    wait = peer.broadcast_wait(talk.now)
    assert 0 < wait <= talk.timing.gossip_interval
    talk.run(wait / SECOND)
    assert talk.broadcast(peer, "t") == BURST + 1
    talk.run(1)
    assert len(talk.received("n1")) == BURST + 1


# Order and beginning, event by event.


def alone_with_a_friend() -> tuple[Conversation, Peer, Puppet]:
    talk = Conversation()
    peer = talk.peer("n0")
    return talk, peer, talk.friend(peer)


def test_what_comes_early_waits_for_what_was_before_it() -> None:
    talk, peer, friend = alone_with_a_friend()
    friend.says(peer, nil(friend, 1))
    friend.says(peer, nil(friend, 3), nil(friend, 4))
    assert talk.received("n0") == [(friend.name, 1)]
    friend.says(peer, nil(friend, 2))
    friend.says(peer, nil(friend, 2), nil(friend, 1))
    assert talk.received("n0") == [(friend.name, n) for n in (1, 2, 3, 4)]


def test_who_does_not_know_where_it_begins_asks_the_origin_and_gets_nothing_older() -> None:
    talk, peer, friend = alone_with_a_friend()
    other = talk.friend(peer, "other")
    other.says(peer, nil(friend, 9))
    talk.run(0.02)
    assert talk.received("n0") == []
    assert other.heard(Lacking) == []
    assert friend.heard(Lacking) == [Lacking(friend.name, WALL, ())]
    friend.says(peer, Begins(friend.name, WALL, 8, 8))
    assert talk.received("n0") == []
    talk.run(0.06)
    assert other.heard(Lacking) == [Lacking(friend.name, WALL, (8,))]
    friend.says(peer, nil(friend, 8))
    assert talk.received("n0") == [(friend.name, 8), (friend.name, 9)]


def test_what_was_said_before_we_were_there_is_not_told_though_it_came() -> None:
    talk, peer, friend = alone_with_a_friend()
    friend.says(peer, nil(friend, 8), nil(friend, 9), nil(friend, 10))
    friend.says(peer, Begins(friend.name, WALL, 10, 1))
    assert talk.received("n0") == [(friend.name, 10)]


def test_nobody_but_the_origin_says_where_it_begins() -> None:
    talk, peer, friend = alone_with_a_friend()
    other = talk.friend(peer, "other")
    friend.says(peer, nil(friend, 9))
    other.says(peer, Begins(friend.name, WALL, 9, 9))
    assert talk.received("n0") == []


def test_what_the_origin_no_longer_has_is_reported_as_lost() -> None:
    talk, peer, friend = alone_with_a_friend()
    friend.says(peer, nil(friend, 1))
    friend.says(peer, nil(friend, 5), nil(friend, 9))
    friend.says(peer, Begins(friend.name, WALL, 1, 7))
    told = [effect for _, who, effect in talk.users if who == "n0"]
    assert told == [
        UserEvent(friend.name, "t", 1, 1, WALL),
        UserEventsLost(friend.name, 3),
        UserEvent(friend.name, "t", 5, 5, WALL),
        UserEventsLost(friend.name, 1),
    ]
    friend.says(peer, nil(friend, 7), nil(friend, 8))
    assert [value for _, value in talk.received("n0")] == [1, 5, 7, 8, 9]


def test_what_cannot_be_had_is_asked_for_and_then_reported_as_lost() -> None:
    talk, peer, friend = alone_with_a_friend()
    friend.says(peer, nil(friend, 1), nil(friend, 4))
    talk.run(0.06)
    assert friend.heard(Lacking) == [Lacking(friend.name, WALL, (2, 3))]
    talk.run(PATIENCE * GAP - 0.1)
    assert talk.effects("n0", UserEventsLost) == []
    assert len(friend.heard(Lacking)) > 5
    talk.run(0.5)
    assert talk.effects("n0", UserEventsLost) == [UserEventsLost(friend.name, 2)]
    assert [value for _, value in talk.received("n0")] == [1, 4]
    friend.says(peer, nil(friend, 2))
    assert [value for _, value in talk.received("n0")] == [1, 4]
    friend.heard(Heads)
    talk.run(20)
    assert friend.heard(Lacking) == []


def test_where_the_origin_is_gone_the_rest_is_told_and_how_much_may_be_missing() -> None:
    talk, peer, friend = alone_with_a_friend()
    friend.says(peer, nil(friend, 5))
    talk.run(PATIENCE * GAP + 1)
    assert talk.effects("n0", UserEventsLost) == [UserEventsLost(friend.name, 4)]
    assert talk.received("n0") == [(friend.name, 5)]


def test_a_new_boot_begins_anew_and_the_old_one_is_not_heard_any_more() -> None:
    talk, peer, friend = alone_with_a_friend()
    friend.says(peer, nil(friend, 1))
    old, friend.epoch = friend.epoch, WALL + 1
    friend.says(peer, Claims((friend.claim,)), nil(friend, 1, WALL + 1))
    friend.says(peer, nil(friend, 2, old), nil(friend, 2, WALL + 1))
    numbers = [(effect.boot, effect.payload) for effect in talk.effects("n0", UserEvent)]
    assert numbers == [(WALL, 1), (WALL + 1, 1), (WALL + 1, 2)]


# Who is there.


def test_an_event_of_somebody_not_yet_heard_of_waits_for_word_of_him() -> None:
    talk, peer, friend = alone_with_a_friend()
    stranger = talk.puppet("stranger")
    for sequence in range(1, 100):
        friend.says(peer, nil(stranger, sequence))
    assert len(peer._broadcasts._early) == MAX_EARLY
    assert talk.received("n0") == []
    friend.says(peer, Claims((stranger.claim,)))
    talk.run(0.001)
    stranger.says(peer, Begins("stranger", WALL, 99 - MAX_EARLY + 1, 1))
    assert [value for _, value in talk.received("n0")] == list(range(100 - MAX_EARLY, 100))


def test_a_newcomer_gets_nothing_from_before_and_everything_after() -> None:
    talk, peers = together(5)
    for number in range(20):
        talk.broadcast(peers[0], "n", number)
        talk.run(0.02)
    late = talk.peer("late", join=[where("n2")])
    talk.run(10)
    assert talk.received("late") == []
    for number in range(20, 30):
        talk.broadcast(peers[0], "n", number)
    talk.run(1)
    assert talk.received("late") == [("n0", number) for number in range(20, 30)]
    assert late.statistics().users == {"received": 10} | {
        name: count for name, count in late.statistics().users.items() if name != "received"
    }
    assert talk.effects("late", UserEventsLost) == []


def test_a_newcomer_is_heard_from_its_first_word() -> None:
    talk, peers = together(8)
    late = talk.peer("late", join=[where("n2")])
    talk.until(lambda: len(late.members()) == 9, 5)
    talk.broadcast(late, "hello", 1)
    talk.broadcast(late, "hello", 2)
    talk.run(2)
    for peer in peers:
        assert talk.received(peer.name) == [("late", 1), ("late", 2)]


@pytest.mark.parametrize("seconds", [3, 60])
def test_who_was_cut_off_gets_what_it_missed_or_is_told_how_much(seconds: float) -> None:
    talk, peers = together(5)
    talk.broadcast(peers[0], "n", 0)
    talk.run(1)
    talk.cut(["n4"], ["n0", "n1", "n2", "n3"])
    for number in range(1, 100):
        talk.broadcast(peers[0], "n", number)
        talk.run(seconds / 100)
    talk.heal()
    talk.until(lambda: talk.received("n4")[-1] == ("n0", 99), 40)
    numbers = [value for _, value in talk.received("n4")]
    lost = sum(effect.missed for effect in talk.effects("n4", UserEventsLost))
    assert numbers == sorted(set(numbers))
    assert len(numbers) + lost == 100
    assert numbers[-MAX_KEPT:] == list(range(100 - MAX_KEPT, 100))


def test_the_last_event_that_somebody_missed_is_repaired_without_another() -> None:
    talk, peers = together(4)
    talk.blocked = lambda _, to: to == where("n3")
    talk.broadcast(peers[0], "n", 0)
    talk.run(1.0)
    talk.heal()
    assert talk.until(lambda: talk.received("n3") == [("n0", 0)], 20) < 15


# Bounds.


def test_a_question_brings_a_bounded_answer_and_only_to_a_member() -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    friend = talk.friend(peer)
    for _ in range(5):
        for _ in range(40):
            talk.broadcast(peer, "t", "x" * 700)
        talk.run(GAP)
    talk.run(300)
    friend.heard(Broadcast)
    sent = talk.sent
    friend.says(peer, Lacking("n0", peer._membership.me.epoch, tuple(range(137, 201))))
    talk.run(0.01)
    assert talk.sent - sent <= 16
    assert len(friend.heard(Broadcast)) == 16
    stranger = talk.puppet("stranger")
    sent = talk.sent
    stranger.says(peer, Lacking("n0", peer._membership.me.epoch, (200,)))
    talk.run(0.01)
    assert stranger.heard(Broadcast) == []


def test_what_is_kept_is_bounded_also_when_many_speak_out_of_turn() -> None:
    talk, peer, friend = alone_with_a_friend()
    for origin in range(MAX_GAPS + 20):
        puppet = talk.puppet(f"p{origin}")
        friend.says(peer, Claims((puppet.claim,)))
        for sequence in (5, *range(7, 200)):
            friend.says(peer, replace_payload(nil(puppet, 1), sequence))
    broadcasts = peer._broadcasts
    peer.check()
    assert sum(len(s.waiting) for s in broadcasts._streams.values()) == MAX_GAPS * MAX_KEPT
    assert peer.statistics().users["out of turn"] > 1000
    assert talk.received("n0") == []


def replace_payload(event: Broadcast, sequence: int) -> Broadcast:
    return event._replace(sequence=sequence, payload=b"\x01")


def test_a_payload_that_is_none_is_passed_over_and_counted() -> None:
    talk, peer, friend = alone_with_a_friend()
    friend.says(peer, nil(friend, 1)._replace(payload=b"\xc1"), nil(friend, 2))
    assert talk.received("n0") == [(friend.name, 2)]
    assert peer.statistics().users["malformed"] == 1


def test_an_event_in_our_name_is_not_listened_to() -> None:
    talk, peer, friend = alone_with_a_friend()
    talk.broadcast(peer, "t", "ours")
    friend.says(peer, Broadcast("n0", peer._membership.me.epoch, 2, "t", b"\x01"))
    assert talk.received("n0") == [("n0", "ours")]
    assert talk.broadcast(peer, "t") == 2


def test_a_boot_that_gets_another_number_says_all_again_under_it() -> None:
    """Its clock went back and its disk is lost: the others know of a later boot of that name."""
    talk, _ = together(3)
    talk.kill("n2")
    again = talk.peer("n2", join=[where("n0")], wall=WALL - 3600 * SECOND)
    talk.broadcast(again, "t", "early")
    talk.until(talk.settled, 20)
    talk.broadcast(again, "t", "late")
    talk.run(2)
    for name in ("n0", "n1"):
        assert talk.received(name) == [("n2", "early"), ("n2", "late")]


def test_a_member_that_failed_is_still_listened_to() -> None:
    talk, peer, friend = alone_with_a_friend()
    known = peer._membership.get(friend.name)
    assert known is not None
    peer._membership._fail(known._replace(state=State.FAILED, accuser="n0"), known, talk.now)
    friend.says(peer, nil(friend, 1))
    assert talk.received("n0") == [(friend.name, 1)]
