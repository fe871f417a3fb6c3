"""Each invariant can be found broken, and the exception tells what a reader needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crdt import CausalContext
from gossip import Address, Member, MemberFailed, MemberJoined, MemberRecovered, Peer
from sim import Faults, InvariantViolation, SimError, Simulation
from sim.agenda import SECOND, Agenda
from sim.host import Host
from sim.invariants import Watch

MEMBER = Member("n1", "id1", Address("10.0.0.2", 7847), "alive", 5, {}, None)


def formed(nodes: int = 3) -> Simulation:
    sim = Simulation(nodes=nodes, seed=11, faults=Faults())
    sim.run(10.0)
    assert sim.violations() == []
    return sim


def violation(sim: Simulation) -> InvariantViolation:
    with pytest.raises(InvariantViolation) as caught:
        sim.check()
    assert [found.invariant for found in sim.violations()]
    return caught.value


def test_a_violation_tells_everything_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = formed()

    def broken(peer: Peer) -> None:
        raise AssertionError("two timers for one probe\nand more about it")

    monkeypatch.setattr(Peer, "check", broken)
    found = violation(sim)
    assert (found.invariant, found.node, found.time, found.seed) == ("sound", "n0", 10.0, 11)
    text = str(found)
    for part in ("n0", "10.0", "seed 11", found.words, "two timers for one probe"):
        assert part in text
    assert "coterie sim run --nodes 3 --seconds 10.0 --seed 11" in text
    assert "\n" not in text
    assert isinstance(found, SimError)


def test_the_replay_command_names_the_faults_that_are_not_usual() -> None:
    sim = Simulation(nodes=2, seed=-3, faults=Faults(loss=0.25, delay=0.001))
    assert sim.command(4.0) == (
        "coterie sim run --nodes 2 --seconds 4.0 --seed -3 --loss 0.25 --delay 0.001"
    )


def test_members_with_equal_contexts_and_different_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = formed()
    monkeypatch.setattr(Peer, "digest", lambda peer: peer.name)
    found = violation(sim)
    assert found.invariant == "equal-state"
    assert found.node == "n1"
    # Different digests are what must be when the contexts differ too.
    monkeypatch.setattr(Peer, "context", lambda peer: CausalContext([(peer.name, 1, 1)]))
    sim.check()


def doctored(monkeypatch: pytest.MonkeyPatch, observer: str, subject: str, **claims: Any) -> None:
    """One node holds something else of another."""
    honest = Peer.members

    def members(peer: Peer) -> tuple[Member, ...]:
        return tuple(
            replace(member, **claims) if (peer.name, member.name) == (observer, subject) else member
            for member in honest(peer)
        )

    monkeypatch.setattr(Peer, "members", members)


@pytest.mark.parametrize("state", ["suspect", "failed", "left"])
def test_a_member_that_does_not_hold_itself_alive(
    monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    sim = formed()
    doctored(monkeypatch, "n2", "n2", state=state)
    found = violation(sim)
    assert (found.invariant, found.node) == ("self-alive", "n2")


def test_an_incarnation_that_its_owner_never_had(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = formed()
    doctored(monkeypatch, "n0", "n2", incarnation=2**62)
    found = violation(sim)
    assert (found.invariant, found.node) == ("own-word", "n0")
    assert str(2**62) in found.detail


@pytest.mark.parametrize(("corrupt", "found"), [(0.0, ["clean", "clean"]), (0.001, [])])
def test_a_datagram_dropped_that_nobody_corrupted(
    monkeypatch: pytest.MonkeyPatch, corrupt: float, found: list[str]
) -> None:
    sim = Simulation(nodes=2, seed=11, faults=Faults(corrupt=corrupt, loss=0.1))
    sim.run(10.0)
    honest = Peer.statistics
    monkeypatch.setattr(Peer, "statistics", lambda peer: replace(honest(peer), dropped={"odd": 2}))
    assert [each.invariant for each in sim.violations()] == found


def watched() -> tuple[Watch, Host]:
    return Watch(), Host(0, 1, Agenda())


def test_a_failure_reported_in_a_calm_world() -> None:
    for calm, found in ((True, ["accurate"]), (False, [])):
        watch, host = watched()
        watch.told(host, MemberFailed(replace(MEMBER, state="failed")), SECOND, calm=calm)
        assert [broken.invariant.name for broken in watch.broken] == found


def test_an_incarnation_that_goes_back_at_one_process() -> None:
    watch, host = watched()
    watch.told(host, MemberJoined(MEMBER), 1, calm=False)
    watch.told(host, MemberRecovered(replace(MEMBER, incarnation=5)), 2, calm=False)
    watch.told(host, MemberRecovered(replace(MEMBER, id="another", incarnation=1)), 3, calm=False)
    assert watch.broken == []
    watch.told(host, MemberRecovered(replace(MEMBER, incarnation=4)), 4, calm=False)
    assert [(broken.invariant.name, broken.at) for broken in watch.broken] == [("forward", 4)]


def test_a_new_process_remembers_nothing_of_the_one_before() -> None:
    watch, host = watched()
    watch.told(host, MemberJoined(MEMBER), 1, calm=False)
    host.boots += 1
    watch.told(host, MemberJoined(replace(MEMBER, incarnation=1)), 2, calm=False)
    assert watch.broken == []


def test_a_process_that_is_woken_for_ever_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = formed(nodes=2)
    monkeypatch.setattr(Peer, "wake", lambda peer, now: None)  # it never gets on
    with pytest.raises(InvariantViolation, match="progress is broken"):
        sim.run(10.0)
