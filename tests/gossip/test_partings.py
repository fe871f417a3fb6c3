"""Those who go: what the others know of it, and what is left of them when they are forgotten."""

from __future__ import annotations

import pytest

from crdt.fragment import NOTHING
from crdt.store import STORE
from crdt.writer import FragmentWriter
from gossip import Timing
from gossip.member import State
from gossip.wire.messages import Claims, Join, Probe, Pull
from tests.gossip.conversation import SECOND, Conversation, claim


@pytest.mark.parametrize(("members", "leaving"), [(20, 10), (24, 20), (16, 15)])
@pytest.mark.parametrize("seed", range(2))
def test_of_many_who_leave_at_once_none_is_failed(members: int, leaving: int, seed: int) -> None:
    """Those who stay have to hear of it, and not only those who leave as well."""
    talk = Conversation(seed=seed)
    peers = talk.cluster(members)
    for peer in peers[:leaving]:
        talk.leave(peer)
    took = talk.until(lambda: all(peer.phase == "left" for peer in peers[:leaving]), 5)
    assert took <= 3.1
    talk.run(20)
    assert talk.told("MemberFailed") == []
    there = dict.fromkeys([peer.name for peer in peers[leaving:]], "alive")
    gone = dict.fromkeys([peer.name for peer in peers[:leaving]], "left")
    assert all(talk.views()[name] == there | gone for name in there)


def test_who_was_not_told_that_a_failed_member_was_made_to_leave_finds_out() -> None:
    """What was said was said while it was cut off, too shortly for anybody to notice."""
    talk = Conversation()
    peers = talk.cluster(6)
    talk.kill("n1")
    talk.until(lambda: all(view["n1"] == "failed" for view in talk.views().values()), 30)
    talk.run(5)
    talk.cut(["n2"], ["n0", "n3", "n4", "n5"])
    assert peers[0].force_leave("n1", talk.now)
    talk.run(1.5)
    talk.heal()
    assert talk.views()["n2"]["n1"] == "failed"
    talk.until(lambda: talk.views()["n2"]["n1"] == "left", 120)


def test_what_came_late_from_one_who_had_left_is_forgotten_with_it() -> None:
    """Else each that ever left might leave something behind, for as long as we run."""
    talk = Conversation(timing=Timing(reap_after=60 * SECOND))
    peer = talk.peer("n0")
    friend = talk.friend(peer)
    friend.says(peer, Claims((claim("friend", state=State.LEFT, address=friend.address),)))
    nothing = FragmentWriter(STORE, NOTHING).finish()
    friend.says(peer, Probe(1, "n0", bytes(8), bytes(8), 0), Pull(7, 1, nothing))
    kept = (peer._replication._seen, peer._replication._answered, peer._comparison._heard)
    assert all("friend" in machine for machine in kept)
    talk.run(70)
    assert not any("friend" in machine for machine in kept)


def test_a_peer_that_has_left_keeps_its_invariants_whatever_was_under_way() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    talk.query(peers[0], "load", timeout=60)
    talk.leave(peers[0])
    talk.until(lambda: peers[0].phase == "left", 5)
    peers[0].check()


def test_an_old_word_brings_nobody_back_who_is_forgotten() -> None:
    """Somebody recorded what a member said of itself, and says it again when all have forgotten
    that it died.
    """
    talk = Conversation(timing=Timing(reap_after=60 * SECOND))
    peers = talk.cluster(3)
    puppet = talk.friend(peers[0])
    old = talk.kill("n2")._membership.me
    talk.run(90)
    assert "n2" not in talk.views()["n0"]
    talk.events.clear()
    puppet.says(peers[0], Claims((old,)))
    puppet.says(peers[0], Join(old, 1))
    talk.run(5)
    assert talk.events == []


def test_who_was_cut_off_for_longer_than_it_is_remembered_comes_back_as_it_was() -> None:
    """It heard of no accusation, so it had nothing to refute."""
    talk = Conversation(timing=Timing(reap_after=60 * SECOND))
    talk.cluster(3)
    talk.cut(["n2"], ["n0", "n1"])
    talk.run(90)
    assert "n2" not in talk.views()["n0"]
    talk.heal()
    talk.until(talk.settled, 20)
    assert {m.incarnation for m in talk.peers["n0"].members()} == {0}
