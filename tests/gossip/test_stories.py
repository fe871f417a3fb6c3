"""What happens among several peers: how they meet, fall apart, come back and say goodbye."""

from __future__ import annotations

import pytest

from gossip import Peer, Timing
from gossip.member import State
from gossip.wire.messages import Ack, Buckets, Claims, Position, Probe
from tests.gossip.conversation import SECOND, WALL, Conversation, claim, resigned, where

HALVES = (["n0", "n1"], ["n2", "n3", "n4"])


def healthy_never_failed(talk: Conversation, since: float) -> None:
    """Since then nobody was told that somebody who runs has failed."""
    assert [event for event in talk.told("MemberFailed") if event[0] > since] == []


# Meeting.


@pytest.mark.parametrize("count", [2, 5, 12])
def test_members_meet_through_one_of_them(count: int) -> None:
    talk = Conversation()
    peers = talk.cluster(count)
    assert talk.now < 20 * SECOND
    assert all(len(peer.members()) == count for peer in peers)
    joined = {(who, about) for _, who, _, about in talk.told("MemberJoined")}
    assert len(joined) == len(talk.told("MemberJoined")) == count * (count - 1)


def test_a_join_address_where_nobody_is_yet_is_called_until_somebody_is() -> None:
    talk = Conversation()
    early = talk.peer("n1", join=[where("n0"), where("n1")])
    talk.run(300)
    assert talk.views() == {"n1": {"n1": "alive"}}
    assert early.statistics().datagrams_sent <= 301
    talk.peer("n0")
    assert talk.until(talk.settled, 10) < 5


def test_halves_that_were_booted_apart_find_each_other() -> None:
    talk = Conversation()
    talk.cut(["n0", "n1"], ["n2", "n3"])
    for name in ("n0", "n1", "n2", "n3"):
        talk.peer(name, join=[where("n0"), where("n2")])
    talk.run(60)
    assert set(talk.views()["n0"]) == {"n0", "n1"}
    assert set(talk.views()["n3"]) == {"n2", "n3"}
    talk.heal()
    assert talk.until(talk.settled, 30) < 20
    healthy_never_failed(talk, 0)


def test_a_newcomer_learns_of_more_members_than_one_answer_holds() -> None:
    """Each answer holds others, drawn at random: hundreds at a time, never the same first ones."""
    talk = Conversation(timing=Timing(probe_interval=600 * SECOND))
    peer = talk.peer("n0")
    friend = talk.friend(peer)
    for at in range(0, 1200, 4):
        many = [claim(f"m{i:04}", epoch=WALL) for i in range(at, at + 4)]
        friend.says(peer, Claims(tuple(many)))
    talk.run(60)
    late = talk.peer("n1", join=[peer.address])
    known = list[int]()
    for _ in range(60):
        talk.run(0.5)
        known.append(len(late.members()))
        late._reconnect.call(peer.address)
        talk._perform(late)
    assert known[0] < 1203
    assert known[-1] == 1203


# Failing and coming back.


def test_a_member_that_dies_is_suspected_and_then_failed_everywhere() -> None:
    talk = Conversation()
    talk.cluster(5)
    died = talk.now / SECOND
    talk.kill("n2")
    talk.until(lambda: len(talk.told("MemberFailed", "n2")) == 4, 20)
    suspected = [at for at, *_ in talk.told("MemberSuspected", "n2")]
    failed = [at for at, *_ in talk.told("MemberFailed", "n2")]
    assert died < min(suspected) < died + 6
    assert min(suspected) + talk.timing.suspicion_min / SECOND <= min(failed) + 1e-6
    assert max(failed) < died + 12
    talk.until(talk.settled, 10)


def test_a_link_that_is_down_one_way_is_got_round_by_others() -> None:
    talk = Conversation()
    talk.cluster(5)
    began = talk.now / SECOND
    talk.blocked = lambda a, b: (a, b) == (where("n0"), where("n1"))
    talk.run(60)
    healthy_never_failed(talk, began)


@pytest.mark.parametrize("with_disk", [True, False])
@pytest.mark.parametrize("dead_for", [0.0, 2.0, 30.0])
@pytest.mark.parametrize("clock", [WALL, WALL - 3600 * SECOND])
def test_a_restart_is_recognised(with_disk: bool, dead_for: float, clock: int) -> None:
    """At once, within the time of suspicion, or after it; also when the clock went back."""
    talk = Conversation()
    talk.peer("n0", recovered={})
    talk.peer("n1", recovered={}, join=[where("n0")])
    talk.peer("n2", recovered={}, join=[where("n0")])
    talk.peers["n1"].set("s").add("before")
    talk.until(lambda: talk.settled() and talk.agreed(), 10)
    killed = talk.kill("n1")
    talk.run(dead_for)
    again = talk.now / SECOND
    disk = talk.disks["n1"] if with_disk else {}
    peer = talk.peer("n1", recovered=disk, join=[] if with_disk else [where("n0")], wall=clock)
    talk.until(talk.settled, 15)
    talk.run(20)
    healthy_never_failed(talk, again)
    assert talk.settled()
    assert (peer.id == killed.id) == with_disk
    assert peer.set("s").value == {"before"}
    assert len([e for e in talk.told("MemberJoined", "n1") if e[0] >= again]) == 2


def test_a_restart_at_another_address_is_followed() -> None:
    talk = Conversation()
    talk.cluster(3)
    talk.kill("n1")
    moved = talk.peer("n1", address=where("xx"), join=[where("n0")])
    talk.until(talk.settled, 10)
    for peer in talk.peers.values():
        assert {member.address for member in peer.members() if member.name == "n1"} == {
            moved.address
        }


def test_two_members_of_one_name_are_told_of_each_other_and_do_not_duel() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    twin = talk.peer("n1", address=where("xx"), join=[where("n0")])
    talk.run(10)
    sent, numbers = talk.sent, [peers[1]._membership.me, twin._membership.me]
    talk.run(60)
    assert peers[1].statistics().name_conflicts > 0 < twin.statistics().name_conflicts
    assert {told.rival for told in talk.conflicts} == {peers[1].address, twin.address}
    assert 2 <= len(talk.conflicts) <= 14  # each once in ten seconds
    assert numbers == [peers[1]._membership.me, twin._membership.me]
    assert (talk.sent - sent) / 60 < 60
    assert talk.told("MemberFailed") == []


def test_two_processes_with_one_key_are_told_of_each_other_and_do_not_duel() -> None:
    """A data directory that was copied."""
    talk = Conversation()
    peers = [talk.peer(f"n{i}", join=[where("n0")] if i else [], recovered={}) for i in range(3)]
    talk.until(talk.settled, 10)
    copy = talk.peer("n1", address=where("xx"), join=[where("n0")], recovered=talk.disks["n1"])
    assert copy.id == peers[1].id
    talk.run(10)
    sent, numbers = talk.sent, [peers[1]._membership.me, copy._membership.me]
    talk.run(60)
    assert peers[1].statistics().name_conflicts > 0 < copy.statistics().name_conflicts
    assert {told.rival for told in talk.conflicts} == {peers[1].address, copy.address}
    assert 2 <= len(talk.conflicts) <= 14
    assert numbers == [peers[1]._membership.me, copy._membership.me]
    assert (talk.sent - sent) / 60 < 60
    assert talk.told("MemberFailed") == []


def test_a_copied_directory_under_another_name_is_told_too_and_a_new_name_alone_is_not() -> None:
    """As when a machine is cloned, which gives the clone a name of its own."""
    for copied in (True, False):
        talk = Conversation()
        peers = [
            talk.peer(f"n{i}", join=[where("n0")] if i else [], recovered={}) for i in (0, 1, 2)
        ]
        talk.until(talk.settled, 10)
        if not copied:
            talk.kill("n1")
        named = talk.peer("xx", join=[where("n0")], recovered=talk.disks["n1"])
        assert named.id == peers[1].id
        talk.run(40)
        rivals = {peers[1].address, named.address} if copied else set()
        assert {told.rival for told in talk.conflicts} == rivals
        assert len(talk.conflicts) <= 8  # each once in ten seconds
        assert talk.views()["n0"]["n1"] == ("alive" if copied else "failed")


@pytest.mark.parametrize(("unreached", "most"), [(5, 0), (7, 10)])
def test_where_few_reach_a_member_it_is_not_suspected_again_and_again(
    unreached: int, most: int
) -> None:
    """Ten members, of whom one is cut off from so many: each finds out who reaches it, and goes on
    asking that one.
    """
    talk = Conversation(seed=5)
    talk.cluster(10)
    far = {where(f"n{number}") for number in range(1, 1 + unreached)}
    talk.blocked = lambda a, b: (a == where("n0") and b in far) or (b == where("n0") and a in far)
    talk.run(120)
    found = len(talk.events)
    talk.run(480)
    assert len(talk.told("MemberSuspected")) <= 10 * most
    assert talk.events[found:] == []


def test_a_peer_that_slept_accuses_nobody_and_refutes_what_was_said_meanwhile() -> None:
    talk = Conversation()
    peers = talk.cluster(4)
    asleep = talk.kill("n3")
    talk.run(20)
    assert talk.views()["n0"]["n3"] == "failed"
    talk.peers["n3"] = talk._ends[asleep.address] = asleep
    woken = talk.now / SECOND
    asleep.wake(talk.now)
    talk._perform(asleep)
    talk.until(talk.settled, 20)
    healthy_never_failed(talk, woken)
    assert len(peers) == 4


# Partitions.


@pytest.mark.parametrize("seed", range(4))
def test_halves_find_each_other_again_and_nobody_is_failed_for_it(seed: int) -> None:
    talk = Conversation(seed=seed)
    peers = talk.cluster(5)
    talk.cut(*HALVES)
    talk.run(30)
    assert list(talk.views()["n0"].values()) == ["alive"] * 2 + ["failed"] * 3
    peers[0].set("s").add("left")
    peers[4].set("s").add("right")
    talk.run(1)
    healed = talk.now / SECOND
    talk.heal()
    assert talk.until(lambda: talk.settled() and talk.agreed(), 40) < 25
    assert peers[1].set("s").value == peers[3].set("s").value == {"left", "right"}
    talk.run(20)
    healthy_never_failed(talk, healed)


def test_a_partition_heals_under_loss_too() -> None:
    talk = Conversation()
    talk.cluster(5)
    talk.cut(*HALVES)
    talk.run(30)
    talk.loss = 0.2
    talk.heal()
    talk.until(lambda: all(len(set(view.values())) == 1 for view in talk.views().values()), 60)


# News that got lost.


def test_news_that_everybody_missed_is_found_by_comparing_tables() -> None:
    talk = Conversation()
    peers = talk.cluster(4)
    talk.run(10)
    hidden = claim("hidden", state=State.ALIVE)
    peers[2]._membership.apply(hidden, talk.now, hearsay=True)  # told to nobody
    assert not peers[2]._membership.rumors
    talk.until(lambda: all("hidden" in view for view in talk.views().values()), 10)


def test_tables_are_compared_also_while_other_news_keeps_coming() -> None:
    """A busy cluster always has some rumor under way somewhere."""
    talk = Conversation()
    peer = talk.peer("n0")
    friend, other = talk.friend(peer), talk.friend(peer, "other")
    for number in range(200):
        other.says(peer, Claims((resigned(other.claim, incarnation=number + 1),)))
        friend.says(peer, Ack(0, *(peer._talk._hashes()[0], b"another!")))
        talk.run(0.1)
    assert friend.heard(Buckets)


# Leaving.


def leaves(talk: Conversation, peer: Peer) -> float:
    """How long leaving takes."""
    began = talk.now
    talk.leave(peer)
    talk.until(lambda: peer.phase == "left", 5)
    return (talk.now - began) / SECOND


def test_a_goodbye_is_known_at_once_and_is_no_failure() -> None:
    talk = Conversation()
    peers = talk.cluster(5)
    assert leaves(talk, peers[2]) < 0.2
    talk.run(2)
    assert all(view["n2"] == "left" for view in talk.views().values())
    assert len(talk.told("MemberLeft", "n2")) == 4
    talk.run(30)
    assert talk.told("MemberSuspected") == talk.told("MemberFailed") == []
    assert peers[2].next_wake is None


def test_who_left_may_come_back() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    leaves(talk, peers[1])
    talk.run(1)
    talk.peer("n1", join=[where("n0")])
    talk.until(talk.settled, 10)
    assert len(talk.told("MemberJoined", "n1")) == 4


def test_alone_there_is_nobody_to_say_goodbye_to_and_the_last_write_is_saved() -> None:
    talk = Conversation()
    peer = talk.peer("n0", recovered={})
    peer.set("s").add("x")
    talk.run(1)
    peer.set("s").add("last")
    assert leaves(talk, peer) == 0
    assert talk.peer("n0", recovered=talk.disks["n0"]).set("s").value == {"x", "last"}


def test_when_nobody_answers_leaving_is_bounded() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    peers[0].set("s").add("x")
    talk.cut(["n0"], ["n1", "n2"])
    assert 2 < leaves(talk, peers[0]) <= 3.1


def test_loss_makes_leaving_slower_and_not_endless() -> None:
    talk = Conversation()
    peers = talk.cluster(8)
    talk.loss = 0.3
    assert leaves(talk, peers[3]) < 2.9
    talk.loss = 0.0
    talk.run(5)
    assert {view["n3"] for view in talk.views().values()} == {"left"}


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_what_was_written_just_before_is_handed_over(loss: float) -> None:
    talk = Conversation()
    peers = talk.cluster(4)
    talk.loss = loss
    peers[1].map("m").update({f"key {number:05}": number for number in range(5000)})
    talk.leave(peers[1])
    talk.until(lambda: peers[1].phase == "left", 5)
    talk.kill("n1")
    talk.loss = 0.0
    talk.until(lambda: all(len(peers[at].map("m")) == 5000 for at in (0, 2, 3)), 20)
    assert peers[0].map("m")["key 04999"] == 4999


def test_the_last_two_of_three_may_leave_one_after_the_other_without_a_loss() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    peers[2].set("s").add("from n2")
    leaves(talk, peers[2])
    peers[1].set("s").add("from n1")
    leaves(talk, peers[1])
    assert peers[0].set("s").value == {"from n1", "from n2"}


# What an idle cluster costs.


def test_an_idle_peer_probes_and_answers_and_is_left_alone_otherwise() -> None:
    talk = Conversation()
    peers = talk.cluster(5)
    talk.run(10)
    talk.listening = True
    talk.woken.clear()
    before = peers[2].statistics()
    talk.run(60)
    after = peers[2].statistics()
    assert {type(message) for _, message in talk.overheard()} == {Probe, Ack, Position}
    assert after.datagrams_sent - before.datagrams_sent == pytest.approx(120, abs=8)
    # The coordinates of members that settled cost some hundredths of it.
    assert (after.bytes_sent - before.bytes_sent) / 60 < 180
    assert talk.woken["n2"] / 60 < 1.5
    assert all(peer.converged() for peer in peers)


def test_converged_means_that_all_others_were_heard_to_agree() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    talk.cut(["n0"], ["n1", "n2"])
    peers[0].set("s").add("x")
    talk.run(0.05)
    assert not peers[0].converged()
    assert peers[1].converged()
    talk.heal()
    talk.until(lambda: talk.agreed() and all(peer.converged() for peer in peers), 10)


def test_a_long_quiet_life_grows_nothing() -> None:
    talk = Conversation()
    peers = talk.cluster(3)
    talk.run(60)

    def sizes() -> list[int]:
        peer = peers[0]
        held = (peer._prober._relayed, peer._parcels._kept, peer._replication._seen)
        timers = (peer._timers._heap, peer._timers._live, peer._replication._behind)
        return [len(part) for part in (*held, *timers, peer._membership.rumors)]

    young = sizes()
    talk.run(2 * 3600)
    assert all(b <= a + 64 for a, b in zip(young, sizes(), strict=True))
    assert talk.told("MemberSuspected") == []


def test_the_dead_are_forgotten_by_all_of_a_cluster_that_goes_on_changing() -> None:
    talk = Conversation(timing=Timing(reap_after=30 * SECOND))
    talk.cluster(4)
    for number in range(12):
        name = f"x{number}"
        talk.peer(name, join=[where("n0")])
        talk.run(8)
        talk.kill(name)
        talk.run(8)
    talk.run(120)
    assert talk.settled()
    assert all(sorted(view) == ["n0", "n1", "n2", "n3"] for view in talk.views().values())


def test_timings_may_differ_between_members() -> None:
    talk = Conversation()
    for name, timing in zip("abc", (Timing.lan(), Timing.wan(), Timing.local()), strict=True):
        talk.timing = timing
        talk.peer(name, join=[where("a")])
    talk.until(talk.settled, 30)
    talk.run(60)
    assert talk.told("MemberFailed") == []


def test_the_same_seed_is_the_same_conversation() -> None:
    def story(seed: int) -> tuple[list[bytes], int]:
        talk = Conversation(seed=seed)
        talk.listening = True
        talk.loss = 0.1
        talk.cluster(4)[1].counter("c").increment()
        talk.run(5)
        return talk.wire, talk.sent

    assert story(3) == story(3)
    assert story(3) != story(4)
