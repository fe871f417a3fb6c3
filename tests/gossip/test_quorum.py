"""The quorum view: most of those who are expected, for long enough, and never from nobody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossip import Peer, QuorumChanged, QuorumView
from gossip.member import State
from gossip.members.quorum import STABLE_AFTER, Steady
from gossip.timing import Timing
from gossip.wire.messages import Claims, Join
from tests.gossip.conversation import SECOND, Conversation, claim, where

HELD = STABLE_AFTER / SECOND


def states(peers: list[Peer]) -> list[str]:
    return [peer.quorum.state for peer in peers]


def cluster(
    count: int, timing: Timing | None = None, **options: Any
) -> tuple[Conversation, list[Peer]]:
    """Members that saw each other for long enough."""
    talk = Conversation(timing=timing)
    joins = [where("n0")]
    peers = [talk.peer(f"n{i}", join=joins if i else (), **options) for i in range(count)]
    talk.until(talk.settled, 30)
    talk.run(HELD + 1)
    return talk, peers


# The state that follows another.


def test_a_state_follows_once_it_has_held() -> None:
    steady = Steady(5)
    assert [steady.look("majority", now) for now in (0, 3, 4, 5, 6)] == [0, 0, 0, 1, 0]
    assert steady.state == "majority"
    assert steady.next is None


def test_a_state_that_flaps_changes_nothing() -> None:
    steady = Steady(5, "majority")
    for now in range(0, 100, 4):
        assert not steady.look("minority", now)
        assert steady.next == now + 5
        assert not steady.look("majority", now + 2)
    assert steady.state == "majority"


@given(st.lists(st.tuples(st.sampled_from(["majority", "minority", "unknown"]), st.integers(0, 9))))
def test_a_state_changes_exactly_when_the_new_one_has_held(looks: list[tuple[Any, int]]) -> None:
    """Against the dumb way: all looks are remembered, and the last ones are compared."""
    steady, now = Steady(10), 0
    past: list[tuple[Any, int]] = []
    shown = "unknown"
    for state, pause in looks:
        now += pause
        past.append((state, now))
        alike = past
        for place, (before, _) in enumerate(past):
            if before != state:
                alike = past[place + 1 :]
        if now - alike[0][1] >= 10:
            shown = state
        steady.look(state, now)
        assert steady.state == shown


# Among peers.


def test_it_is_unknown_until_it_has_held_once() -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    talk.run(HELD - 0.1)
    assert peer.quorum == QuorumView("unknown", 1, 1)
    talk.run(0.2)
    assert peer.quorum == QuorumView("majority", 1, 1)


def test_who_calls_and_meets_nobody_knows_nothing() -> None:
    talk = Conversation()
    alone = talk.peer("n0", join=[where("n9")])
    counting = talk.peer("n1", join=[where("n9")], expected=3)
    talk.run(60)
    assert alone.quorum.state == "unknown"
    assert counting.quorum == QuorumView("minority", 1, 3)


def test_a_partition_has_one_majority() -> None:
    talk, peers = cluster(5)
    assert states(peers) == ["majority"] * 5
    talk.cut(["n0", "n1"], ["n2", "n3", "n4"])
    talk.run(30)
    assert states(peers) == ["minority"] * 2 + ["majority"] * 3
    assert peers[0].quorum == QuorumView("minority", 2, 5)
    talk.heal()
    talk.until(talk.settled, 60)
    talk.run(HELD + 1)
    assert states(peers) == ["majority"] * 5


def test_of_two_equal_parts_neither_is_the_majority() -> None:
    talk, peers = cluster(4)
    talk.cut(["n0", "n1"], ["n2", "n3"])
    talk.run(30)
    assert states(peers) == ["minority"] * 4


def test_a_suspect_counts_until_it_is_failed() -> None:
    talk, peers = cluster(2)
    talk.kill("n1")
    talk.until(lambda: talk.told("MemberSuspected") != [], 10)
    assert peers[0].quorum == QuorumView("majority", 2, 2)
    talk.until(lambda: talk.told("MemberFailed") != [], 10)
    assert peers[0].quorum == QuorumView("majority", 1, 2)
    talk.run(HELD - 0.1)
    assert states(peers[:1]) == ["majority"]
    talk.run(0.2)
    assert states(peers[:1]) == ["minority"]


def test_who_leaves_is_not_expected_any_more_and_knows_nothing() -> None:
    talk, peers = cluster(3)
    for gone in peers[1:]:
        talk.leave(gone)
        talk.run(10)
    assert peers[0].quorum == QuorumView("majority", 1, 1)
    assert states(peers[1:]) == ["unknown"] * 2


def test_the_failed_are_expected_also_when_nobody_lists_them() -> None:
    talk, peers = cluster(3)
    talk.kill("n1")
    talk.kill("n2")
    talk.run(30)
    assert peers[0].quorum == QuorumView("minority", 1, 3)
    talk.run(25 * 3600)
    assert len(peers[0].members()) == 1
    assert peers[0].quorum == QuorumView("minority", 1, 3)
    for name in ("n1", "n2"):  # until somebody says so
        assert peers[0].force_leave(name, talk.now)
        assert not peers[0].force_leave(name, talk.now)
    talk.give(peers[0], b"", where("n1"))  # a step, so that it is woken in time
    talk.run(HELD + 1)
    assert peers[0].quorum == QuorumView("majority", 1, 1)


def test_names_that_are_expected_are_counted_and_no_others() -> None:
    talk, peers = cluster(3, expected=["n0", "n1", "n7"])
    assert peers[2].quorum == QuorumView("majority", 2, 3)
    talk.kill("n1")
    talk.run(30)
    assert peers[0].quorum == QuorumView("minority", 1, 3)


def test_an_earlier_run_is_remembered_for_a_while_or_until_it_is_met() -> None:
    talk, _ = cluster(3, Timing(reap_after=600 * SECOND), recovered={})
    disk = dict(talk.disks["n0"])
    for name in ("n0", "n1", "n2"):
        talk.kill(name)
    again = talk.peer("n0", recovered=disk)
    talk.run(HELD + 1)
    assert again.quorum == QuorumView("unknown", 1, 3)  # it calls both and has met neither
    talk.peer("n1", join=[where("n0")])
    talk.run(HELD + 5)
    assert again.quorum == QuorumView("majority", 2, 3)
    talk.run(400)
    assert again.quorum == QuorumView("majority", 2, 3)
    talk.run(300)
    assert again.quorum == QuorumView("majority", 2, 2)


def test_a_change_is_told_once() -> None:
    talk = Conversation()
    peer = talk.peer("n0")
    told = []
    for second in range(1, 60):
        peer.wake(second * SECOND)
        told += [effect for effect in peer.effects() if isinstance(effect, QuorumChanged)]
    assert told == [QuorumChanged(QuorumView("majority", 1, 1))]


def test_forged_members_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds the secret can make us expect many, but not any number."""
    monkeypatch.setattr("gossip.members.quorum.MAX_MEMBERS", 20)
    talk = Conversation()
    peer = talk.peer("n0")
    liar = talk.friend(peer, "liar")
    for number in range(100):
        liar.says(peer, Claims((claim(f"f{number}", address=where("f")),)))
        liar.says(peer, Claims((claim(f"f{number}", state=State.FAILED, accuser="liar"),)))
    liar.says(peer, Join(liar.claim, 1))
    assert len(peer._quorum._known) == 20
    peer._quorum.forget("f1")
    assert len(peer._quorum._known) == 19
