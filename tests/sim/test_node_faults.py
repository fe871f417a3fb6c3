"""What befalls single machines: their disks, clocks, processors and addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gossip import MemberFailed
from sim import Faults, SimError, Simulation
from sim.trace import NOBODY, Kind


def converged(sim: Simulation) -> bool:
    return sim.converged()


def formed(nodes: int = 3, seed: int = 7) -> Simulation:
    sim = Simulation(nodes=nodes, seed=seed, keep=True)
    sim.run_until(converged, timeout=60.0)
    return sim


def kinds(sim: Simulation) -> list[Kind]:
    return [record.kind for record in sim.log]


# Disks.


def test_a_node_whose_disk_does_not_sync_stops_and_comes_back_when_it_does() -> None:
    sim = formed()
    sim["n1"].disk(error=1.0)
    sim.run(1.0)
    assert sim["n1"].running  # nothing was to be saved
    sim["n1"].set("s").add("x")
    sim.run(0.1)
    assert not sim["n1"].running
    assert sim["n1"].trouble == "the disk does not sync"
    assert sim.befell["halt"] == kinds(sim).count(Kind.HALT) == 1
    with pytest.raises(SimError, match="n1 does not run: the disk does not sync"):
        sim["n1"].members()
    sim.run(30.0)
    assert sim["n0"].members()["n1"] == "failed"
    sim["n1"].restart()
    assert not sim["n1"].running  # a process saves its boot before anything else
    sim["n1"].disk()
    sim["n1"].restart()
    assert sim["n1"].trouble == ""
    sim.run_until(converged, timeout=60.0)


def test_a_node_whose_disk_is_full_stops_and_keeps_what_it_had_saved() -> None:
    sim = formed()
    sim["n1"].set("s").add("saved")
    sim.run(1.0)
    sim["n1"].disk(capacity=2000)
    for number in range(200):
        if sim["n1"].running:
            sim["n1"].set("s").add(f"element {number}")
            sim.run(0.1)
    assert sim["n1"].trouble == "the disk is full"
    sim["n1"].disk()
    sim.partition({"n1"})
    sim["n1"].restart()
    assert "saved" in sim["n1"].set("s")


def test_a_slow_disk_loses_what_a_usual_one_had_saved() -> None:
    kept = []
    for sync in (0.25, 30.0):
        sim = formed()
        sim.run(30.0)
        sim["n1"].disk(sync=sync)
        sim.partition({"n1"})
        sim["n1"].set("s").add("x")
        sim.run(5.0)
        sim["n1"].crash(power=True)
        sim["n1"].restart()
        kept.append("x" in sim["n1"].set("s"))
        assert (sim.befell["writes lost"] > 0) == (sync > 5)
    assert kept == [True, False]


def test_a_disk_that_is_rarely_torn_keeps_what_was_not_synced() -> None:
    sim = formed()
    sim["n1"].disk(sync=30.0, torn=0.0)
    sim.partition({"n1"})
    sim["n1"].set("s").add("x")
    sim.run(0.1)
    sim["n1"].crash(power=True)
    sim["n1"].restart()
    assert "x" in sim["n1"].set("s")


def test_bits_rot_unseen_until_a_process_starts_from_them() -> None:
    """It starts from wrong data, or does not start and says why; a wiped disk helps."""
    outcomes = set()
    for seed in range(12):
        sim = formed(seed=seed)
        sim["n1"].map("config")["key"] = "value"
        sim.run(2.0)
        assert sim["n1"].rot(records=100) > 3
        sim.run(10.0)
        assert sim["n1"].running
        sim["n1"].crash()
        sim["n1"].restart()
        outcomes.add(sim["n1"].trouble.partition(":")[0])
        if not sim["n1"].running:
            assert sim.befell["unfit"] == kinds(sim).count(Kind.UNFIT) == 1
            sim["n1"].restart(lose_disk=True)
            sim.run_until(converged, timeout=60.0)
    assert "its disk is damaged" in outcomes


def test_a_node_comes_back_with_an_old_disk() -> None:
    sim = formed()
    sim["n1"].set("s").add("early")
    sim.run(2.0)
    old = sim["n1"].snapshot()
    sim["n1"].set("s").add("late")
    sim.run(2.0)
    sim["n1"].crash()
    sim.partition({"n1"})
    sim["n1"].restart(disk=old)
    assert sim["n1"].set("s").value == {"early"}
    sim["n1"].set("s").add("again")
    sim.heal()
    sim.run_until(converged, timeout=60.0)
    assert sim["n0"].set("s").value == {"early", "late", "again"}
    assert Kind.RESTORE in kinds(sim)


def test_a_node_comes_up_with_a_clone_of_the_disk_of_another() -> None:
    sim = formed()
    sim["n2"].set("s").add("from n2")
    sim.run(2.0)
    sim["n1"].crash()
    sim.partition({"n1"})
    sim["n1"].restart(disk=sim["n2"].snapshot())
    assert sim["n1"].set("s").value == {"from n2"}
    [first, second] = [sim._world.hosts[index].peer for index in (1, 2)]
    assert first is not None
    assert second is not None
    assert first.id == second.id  # two members with one identity: what the protocols make of it


# Clocks.


@pytest.mark.parametrize("rate", [0.05, -0.05])
def test_drifting_clocks_fail_nobody_while_they_drift_little(rate: float) -> None:
    sim = formed()
    sim["n1"].drift(rate)
    sim["n1"].map("config")["key"] = "value"
    sim.run(60.0)
    assert sim.converged()
    assert not [event for _, _, event in sim.events if isinstance(event, MemberFailed)]
    sim.check()


def test_a_fast_clock_acts_sooner() -> None:
    def wakes(rate: float) -> int:
        sim = formed()
        before = len(sim.log)
        sim["n1"].drift(rate)
        sim.run(20.0)
        return sum(r.kind is Kind.WAKE and r.node == 1 for r in sim.log[before:])

    assert wakes(-0.5) < wakes(0.0) / 1.5 < wakes(0.0) * 1.5 < wakes(3.0)


def test_a_clock_that_begins_to_run_fast_is_due_sooner_at_once() -> None:
    sim = formed()
    host = sim._world.hosts[1]
    before = host.due
    sim["n1"].drift(9.0)
    assert before is not None
    assert host.due is not None
    assert sim._world.agenda.now <= host.due < before


def test_a_jump_of_the_monotonic_clock_makes_everything_due_that_was_to_come() -> None:
    sim = formed()
    sim.run(5.0)
    before = len(sim.log)
    sim["n1"].jump(3600.0, monotonic=True)
    sim.run(0.001)
    assert any(r.kind is Kind.WAKE and r.node == 1 for r in sim.log[before:])
    sim.run_until(converged, timeout=60.0)
    sim.run(30.0)
    assert sim.converged()


@pytest.mark.parametrize("seconds", [86_400.0, -86_400.0])
def test_a_jump_of_the_wall_clock_locks_no_key(seconds: float) -> None:
    sim = formed()
    sim["n1"].jump(seconds)
    for name in ("n1", "n2", "n1"):
        sim[name].map("config")["theme"] = name
        sim.run_until(converged, timeout=10.0)
        assert sim["n0"].map("config")["theme"] == name
    sim["n1"].crash()
    sim["n1"].restart()
    sim.run_until(converged, timeout=30.0)
    sim.check()


# Processors.


def test_a_slow_process_answers_late_and_in_order() -> None:
    sim = formed(nodes=2)
    sim.run(10.0)
    sim["n1"].slow(0.05)
    sim["n0"].set("s").add("x")
    took = sim.run_until(lambda s: "x" in s["n1"].set("s"), timeout=5.0)
    assert 0.05 <= took <= 0.5
    sim.run(60.0)
    assert sim["n0"].members()["n1"] == "alive"
    sim["n1"].slow(0.0)
    sim["n0"].set("s").add("y")
    assert sim.run_until(lambda s: "y" in s["n1"].set("s"), timeout=5.0) <= 0.05
    sim.check()


def test_a_process_that_is_too_slow_loses_datagrams_and_is_found_wanting() -> None:
    sim = formed(nodes=5)
    sim["n1"].slow(3.0, inbox=4)
    sim.run(60.0)
    assert sim.befell["inbox full"] > 0
    assert len(sim._world.hosts[1].inbox) <= 4
    assert [event for _, _, event in sim.events if event.member.name == "n1"][4:]
    sim["n1"].slow(0.0)
    sim.run_until(converged, timeout=60.0)
    sim.check()


def test_a_slow_process_that_pauses_crashes_and_restarts_goes_on() -> None:
    sim = formed(nodes=3)
    sim["n1"].slow(0.02)
    for seconds in (0.001, 0.01, 0.02, 0.03, 1.0):
        sim["n1"].pause()
        sim.run(seconds)
        sim["n1"].resume()
        sim.run(seconds)
        sim["n1"].crash()
        sim["n1"].restart()
        sim.run(seconds)
    sim.run_until(converged, timeout=60.0)
    sim["n1"].leave()
    sim.run(30.0)
    assert sim._world.hosts[1].peer is None
    assert sim["n0"].members()["n1"] == "left"


def test_a_slow_process_whose_neighbours_are_gone_still_notices_that() -> None:
    sim = formed(nodes=2)
    sim["n1"].slow(0.01)
    sim.partition({"n0"}, {"n1"})
    sim.run(0.5)
    sim["n1"].pause()  # nothing waits for it when it goes on, but its alarms
    sim["n1"].resume()
    sim.run(60.0)
    assert sim["n1"].members()["n0"] == "failed"


# Addresses.


def test_a_nat_that_rebinds_costs_the_answers_under_way_and_nobody() -> None:
    sim = formed()
    for _ in range(10):
        sim["n1"].rebind()
        sim.run(3.0)
    sources = {str(host.seen_as) for host in sim._world.hosts}
    assert sources == {"10.0.0.1:7847", "100.64.0.10:1024", "10.0.0.3:7847"}
    assert not [event for _, _, event in sim.events if isinstance(event, MemberFailed)]
    sim["n1"].set("s").add("x")
    sim.run_until(converged, timeout=10.0)
    sim.check()


def test_answers_to_an_address_that_a_nat_has_forgotten_are_lost() -> None:
    sim = formed(nodes=2)
    sim.link("n1", "n0", delay=0.2)
    sim["n1"].rebind()
    before = len(sim.log)
    for _ in range(50):
        sim.run(0.1)
        sim["n1"].rebind()  # before the answer to what it sent meanwhile is under way
    lost = [record for record in sim.log[before:] if record.kind is Kind.LOSE]
    assert lost
    assert {(record.node, record.peer) for record in lost} == {(0, NOBODY)}


def test_nobody_calls_a_node_behind_a_nat_that_does_not_forward_until_it_does() -> None:
    sim = formed()
    sim["n1"].rebind(forwarded=False)
    sim["n0"].set("s").add("x")
    sim.run(60.0)
    assert any(record.kind is Kind.LOSE and record.peer == NOBODY for record in sim.log)
    sim.heal()
    sim.run_until(converged, timeout=60.0)
    sim["n2"].rebind(forwarded=False)
    sim["n2"].rebind()
    sim.run(30.0)
    assert sim.converged()


def test_a_network_of_nats_works() -> None:
    sim = Simulation(nodes=4, seed=3, faults=Faults(rebind=0.2))
    sim.run(5.0)
    sim["n1"].set("s").add("x")
    sim.run_until(converged, timeout=60.0)
    assert sim.befell["rebound"] > 10


# The whole network, through whole members.


@pytest.mark.parametrize(
    "faults",
    [
        Faults(burst=0.02),
        Faults(flip=0.2),
        Faults(truncate=0.2),
        Faults(crosswire=0.2),
        Faults(jitter=0.2),
        Faults(tail=0.05),
        Faults(slow=0.1),
        Faults(mtu=1500),
        Faults(bandwidth=20_000),
        Faults(send_error=0.2),
    ],
    ids=lambda faults: next(k for k in faults.__slots__ if getattr(faults, k) not in (0, 0.0005)),
)
def test_members_agree_over_a_network_with_one_more_fault(faults: Faults) -> None:
    def run() -> Simulation:
        sim = Simulation(nodes=4, seed=5, faults=faults)
        sim.run(5.0)
        for node in sim.nodes:
            node.set("s").add(node.name)
        sim.run_until(converged, timeout=120.0)
        sim.check()
        return sim

    first, second = run(), run()
    assert first.trace_hash == second.trace_hash
    assert first["n0"].set("s").value == {"n0", "n1", "n2", "n3"}


def test_a_link_may_have_any_fault_and_only_its_own_direction_has_it() -> None:
    sim = formed(nodes=2)
    sim.link("n0", "n1", send_error=1.0)
    sim["n1"].set("s").add("arrives")
    sim["n0"].set("s").add("is lost")
    sim.run(3.0)
    assert "arrives" in sim["n0"].set("s")
    assert "is lost" not in sim["n1"].set("s")
    assert sim.befell["unsent"] > 0
    sim.link("n0", "n1")
    sim.run_until(converged, timeout=60.0)


# One switch does not shift the others, and bad input is refused.

MACHINE: list[Callable[[Simulation], object]] = [
    lambda sim: sim["n1"].disk(error=0.5),
    lambda sim: sim["n1"].disk(sync=3.0, torn=0.3),
    lambda sim: sim["n1"].rot(2),
    lambda sim: sim["n1"].drift(0.01),
    lambda sim: sim["n1"].jump(5.0),
    lambda sim: sim["n1"].slow(0.01),
    lambda sim: sim["n1"].rebind(),
    lambda sim: sim.cut([("n0", "n1")], flap=1.0),
    lambda sim: sim.link("n0", "n1", burst=0.1, tail=0.1),
]


@pytest.mark.parametrize("number", range(len(MACHINE)))
def test_every_fault_is_in_the_trace_and_comes_again_exactly(number: int) -> None:
    def run(*acts: Callable[[Simulation], object]) -> str:
        sim = formed()
        for act in acts:
            act(sim)
        sim["n1"].set("s").add("x")
        sim.run(10.0)
        return sim.trace_hash

    assert run(MACHINE[number]) == run(MACHINE[number]) != run()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda n: n.disk(size=3), "no 'size'"),
        (lambda n: n.disk(torn=2), "torn"),
        (lambda n: n.disk(sync=-1), "sync"),
        (lambda n: n.rot(0), "records"),
        (lambda n: n.rot(True), "records"),
        (lambda n: n.drift(-1), "drift"),
        (lambda n: n.drift("fast"), "drift"),
        (lambda n: n.jump(None), "jump"),
        (lambda n: n.jump(-1, monotonic=True), "never goes back"),
        (lambda n: n.slow(-1), "seconds"),
        (lambda n: n.slow(1, inbox=0), "inbox"),
        (lambda n: n.restart(), "is running"),
    ],
)
def test_what_cannot_befall_a_machine_is_refused_and_changes_nothing(act: Any, words: str) -> None:
    sim = formed()
    before = sim.trace_hash
    with pytest.raises(SimError, match=words):
        act(sim["n1"])
    assert sim.trace_hash == before


def test_a_restart_wants_one_disk_and_a_link_known_faults() -> None:
    sim = formed()
    snapshot = sim["n1"].snapshot()
    sim["n1"].crash()
    before = sim.trace_hash
    with pytest.raises(SimError, match="not from both"):
        sim["n1"].restart(lose_disk=True, disk=snapshot)
    with pytest.raises(SimError, match="snapshot"):
        sim["n1"].restart(disk={})  # type: ignore[arg-type]
    with pytest.raises(SimError, match="no 'los'"):
        sim.link("n0", "n1", los=0.5)
    with pytest.raises(SimError, match="mtu"):
        sim.link("n0", "n1", mtu=-5)
    assert sim.trace_hash == before


def test_what_befalls_a_machine_may_befall_it_while_nobody_runs_there() -> None:
    sim = formed()
    sim["n1"].crash()
    sim["n1"].rot()
    sim["n1"].jump(3600.0)
    sim["n1"].drift(0.01)
    sim["n1"].slow(0.01)
    sim["n1"].rebind()
    sim["n1"].disk(sync=1.0)
    sim["n1"].restart(disk=sim["n1"].snapshot(), lose_disk=False)
