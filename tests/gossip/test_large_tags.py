"""Tags that no claim has room for: named by their hash, fetched, and never taken from a liar."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from gossip import Peer
from gossip.member import MAX_TAGS, MAX_TAGS_BYTES, State
from gossip.members.known_tags import hash_of
from gossip.members.tags import encoded
from gossip.timing import SECOND, Timing
from gossip.wire.messages import Claims, TagsOf, TagsWanted
from gossip.wire.selection import where as selection
from tests.gossip.conversation import WALL, Conversation, Puppet, claim, resigned, where
from tests.gossip.frames import frame
from tests.gossip.test_tags import seen

LARGE = {f"key {number}": "v" * 70 for number in range(10)}  # for a claim, not for a datagram
MOST = {f"{number:03}": "" for number in range(MAX_TAGS - 1)} | {
    "most": "w" * (MAX_TAGS_BYTES - 4 - 3 * (MAX_TAGS - 1))
}
PAIRS, MORE = encoded(LARGE), encoded(LARGE | {"more": ""})


def retag(talk: Conversation, peer: Peer, tags: dict[str, str]) -> None:
    peer.set_tags(tags, talk.now)
    talk._plan_wake(peer)


def all_see(talk: Conversation, of: str, tags: dict[str, str]) -> bool:
    views = [{m.name: m.tags for m in peer.members()} for peer in talk.peers.values()]
    return all(view.get(of) == tags for view in views)


def told(talk: Conversation, about: str) -> list[str]:
    return sorted(who for _, who, _, _ in talk.told("MemberUpdated", about))


def lacking(tags: Any = PAIRS) -> tuple[Conversation, Peer, Puppet]:
    """A member, and a friend who has told it of tags by their hash, after small ones."""
    talk = Conversation()
    peer = talk.peer("n0")
    friend = talk.friend(peer)
    small = resigned(friend.claim, tags=(("role", "web"),), incarnation=1)
    friend.says(peer, Claims((small,)))
    large = resigned(small, tags=(), tags_hash=hash_of(tags), incarnation=2)
    friend.says(peer, Claims((large,)))
    return talk, peer, friend


def test_large_tags_are_seen_by_all_who_are_told_once_they_are_here() -> None:
    talk = Conversation()
    talk.peer("n0", tags=MOST)
    for number in range(1, 5):
        talk.peer(f"n{number}", join=[where("n0")])
    talk.until(lambda: all_see(talk, "n0", MOST), 1)
    assert told(talk, "n0") == ["n1", "n2", "n3", "n4"]
    assert talk.peers["n0"].tags == MOST


@pytest.mark.parametrize(("loss", "limit"), [(0.0, 0.5), (0.3, 8)])
def test_new_large_tags_reach_all_in_a_moment(loss: float, limit: float) -> None:
    talk = Conversation()
    peers = talk.cluster(12)
    talk.loss = loss
    for tags in (LARGE, MOST, {"role": "web"}, LARGE):
        retag(talk, peers[3], tags)
        talk.until(partial(all_see, talk, "n3", tags), limit)


def test_until_new_tags_are_here_a_member_has_those_that_it_had() -> None:
    talk, peer, friend = lacking()
    assert seen(talk, "n0", "friend") == {"role": "web"}
    assert told(talk, "friend") == ["n0"]
    talk.run(0.1)
    friend.expects(TagsWanted("friend", hash_of(PAIRS)))
    friend.says(peer, TagsOf("friend", PAIRS))
    assert seen(talk, "n0", "friend") == LARGE
    assert told(talk, "friend") == ["n0", "n0"]
    friend.says(peer, TagsOf("friend", PAIRS))
    assert told(talk, "friend") == ["n0", "n0"]  # a late copy is no news


def test_tags_that_the_owner_did_not_sign_are_not_taken() -> None:
    talk, peer, friend = lacking()
    for name, tags in (("friend", MORE), ("friend", ()), ("n0", PAIRS), ("nobody", PAIRS)):
        friend.says(peer, TagsOf(name, tags))
    assert seen(talk, "n0", "friend") == {"role": "web"}
    assert peer.tags == {}
    talk.run(30)
    assert 15 <= len(friend.heard(TagsWanted)) <= 17
    talk.run(320)  # and it goes on asking, but seldom
    assert 10 <= len(friend.heard(TagsWanted)) <= 20


def test_tags_that_nobody_has_do_not_keep_those_of_others_from_being_asked_for() -> None:
    """Whoever has the secret can invent members with tags that cannot be fetched. The questions are
    so many a second, and each gets its turn.
    """
    talk, peer, friend = lacking()
    for number in range(4000):
        nobody = claim(f"m{number}", address=friend.address)
        large = resigned(nobody, tags=(), tags_hash=number.to_bytes(16, "big"))
        peer._membership.apply(large, talk.now)
    talk.run(0.1)
    behind = resigned(claim("behind", address=friend.address), tags=(), tags_hash=hash_of(MORE))
    friend.says(peer, Claims((behind,)))
    talk.run(60)
    asked = [message.name for message in friend.heard(TagsWanted)]
    assert asked.count("behind") >= 2
    assert asked.count("friend") >= 2


def test_the_tags_of_another_who_had_the_name_are_not_those_of_the_newcomer() -> None:
    talk, peer, friend = lacking()
    friend.says(peer, TagsOf("friend", PAIRS))
    last = resigned(friend.claim, tags_hash=hash_of(PAIRS), incarnation=2, state=State.LEFT)
    friend.says(peer, Claims((last,)))
    assert seen(talk, "n0", "friend") == LARGE
    heir = resigned(last, "another", tags_hash=hash_of(MORE), epoch=2 * WALL)
    friend.says(peer, Claims((heir,)))
    assert seen(talk, "n0", "friend") == {}


def test_an_owner_out_of_reach_has_its_tags_told_by_others() -> None:
    talk = Conversation()
    peers = talk.cluster(6)
    apart = {where("n0"), where("n5")}
    talk.blocked = lambda a, b: {a, b} == apart
    retag(talk, peers[0], LARGE)
    talk.until(lambda: all_see(talk, "n0", LARGE), 5)


def test_of_several_changes_only_the_last_is_fetched() -> None:
    talk, peer, friend = lacking()
    third = resigned(friend.claim, tags=(), tags_hash=hash_of(MORE), incarnation=3)
    friend.says(peer, Claims((third,)))
    talk.run(0.1)
    friend.expects(TagsWanted("friend", hash_of(MORE)))
    fourth = resigned(third, tags=(("a", "b"),), tags_hash=b"", incarnation=4)
    friend.says(peer, Claims((fourth,)))
    talk.run(5)
    assert friend.heard(TagsWanted) == []
    assert seen(talk, "n0", "friend") == {"a": "b"}


def test_nobody_is_aimed_at_by_asking_for_tags() -> None:
    """A question sent again from another address is answered to whom it was by."""
    talk = Conversation()
    peer = talk.peer("n0", tags=LARGE)
    friend, stranger = talk.friend(peer), talk.puppet("stranger")
    question = TagsWanted("n0", hash_of(PAIRS))
    talk.give(peer, friend.sealed(frame(question)), stranger.address)
    stranger.says(peer, question)
    talk.run(0.1)
    assert stranger.heard(TagsOf) == []
    assert friend.heard(TagsOf) == [TagsOf("n0", PAIRS)]


def test_who_asks_without_end_is_not_answered() -> None:
    talk = Conversation()
    peer = talk.peer("n0", tags=LARGE)
    friend = talk.friend(peer)
    for _ in range(200):
        friend.says(peer, TagsWanted("n0", hash_of(PAIRS)))
    assert peer.statistics().dropped["rate"] > 100


def test_queries_select_by_large_tags() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    retag(talk, peers[1], LARGE)
    talk.until(lambda: all_see(talk, "n1", LARGE), 1)
    talk.query(peers[0], "load", where=selection(tags={"key 7": "v" * 70}))
    talk.run(0.1)
    assert [who for _, who, effect in talk.users if type(effect).__name__ == "QueryAsked"] == ["n1"]


def test_tags_of_the_forgotten_are_forgotten() -> None:
    talk = Conversation(timing=Timing(reap_after=60 * SECOND))
    peers = talk.cluster(3)
    retag(talk, peers[1], LARGE)
    talk.until(lambda: all_see(talk, "n1", LARGE), 1)
    talk.leave(peers[1])
    known = peers[0]._membership.tags
    talk.run(55)
    assert known.held("n1", hash_of(PAIRS)) is not None
    talk.run(10)
    assert (known.held("n1", hash_of(PAIRS)), known.lacking) == (None, {})


def test_a_restarted_member_need_not_tell_its_tags_again() -> None:
    talk = Conversation()
    peers = [talk.peer("n0"), talk.peer("n1", join=[where("n0")], tags=MOST)]
    talk.until(lambda: all_see(talk, "n1", MOST), 1)
    disk = talk.disks.get("n1")
    talk.kill("n1")
    talk.listening = True
    talk.peer("n1", join=[where("n0")], tags=MOST, recovered=disk)
    talk.until(talk.settled, 5)
    talk.run(1)
    assert seen(talk, "n0", "n1") == MOST
    assert max(map(len, talk.wire)) < 1000
    assert peers[0].tags == {}
