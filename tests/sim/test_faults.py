"""Whole clusters under faults: what must come out right in spite of them."""

from __future__ import annotations

import pytest

from gossip import MemberFailed, MemberLeft
from sim import Faults, Simulation


def converged(sim: Simulation) -> bool:
    return sim.converged()


def formed(nodes: int = 5, seed: int = 7, faults: Faults | None = None) -> Simulation:
    sim = Simulation(nodes=nodes, seed=seed, faults=faults)
    sim.run_until(converged, timeout=60.0)
    return sim


def states(sim: Simulation, subject: str) -> dict[str, str | None]:
    """What every other running node holds of one."""
    others = [node for node in sim.nodes if node.running and node.name != subject]
    return {node.name: node.members().get(subject) for node in others}


def write_everywhere(sim: Simulation) -> None:
    for node in sim.nodes:
        node.counter("visits").increment(3)
        node.set("online").add(node.name)
        node.map("config")["last"] = node.name


def test_nothing_bad_is_reported_while_nothing_bad_happens() -> None:
    sim = formed(nodes=10)
    write_everywhere(sim)
    joined = len(sim.events)
    sim.run(120.0)
    assert sim.converged()
    assert len(sim.events) == joined == 90
    sim.check()


def test_both_sides_of_a_partition_go_on_and_agree_after_it() -> None:
    sim = formed()
    sim.partition({"n0", "n1"}, {"n2", "n3", "n4"})
    sim.run(30.0)
    assert sim["n0"].members() | {} == {
        "n0": "alive",
        "n1": "alive",
        "n2": "failed",
        "n3": "failed",
        "n4": "failed",
    }
    write_everywhere(sim)
    sim.run(5.0)
    assert sim["n0"].set("online").value == {"n0", "n1"}
    assert sim["n4"].set("online").value == {"n2", "n3", "n4"}
    sim.heal()
    sim.run_until(converged, timeout=60.0)
    assert {node.counter("visits").value for node in sim.nodes} == {15}
    assert sim["n0"].set("online").value == {"n0", "n1", "n2", "n3", "n4"}
    sim.check()


def test_a_one_way_cut_lets_data_through_the_other_way() -> None:
    sim = formed(nodes=3)
    sim.partition({"n0"}, one_way=True)
    sim["n1"].set("s").add("heard")
    sim.run(2.0)
    assert "heard" in sim["n0"].set("s")
    sim.heal()
    sim.run_until(converged, timeout=60.0)
    sim.check()


@pytest.mark.parametrize("power", [False, True])
def test_a_crash_is_seen_and_a_restart_is_seen_too(power: bool) -> None:
    sim = formed()
    sim["n3"].crash(power=power)
    sim.run(30.0)
    assert set(states(sim, "n3").values()) == {"failed"}
    told = {node for _, node, event in sim.events if isinstance(event, MemberFailed)}
    assert told == {"n0", "n1", "n2", "n4"}
    sim["n3"].restart()
    sim.run_until(converged, timeout=30.0)
    assert set(states(sim, "n3").values()) == {"alive"}
    sim.check()


def test_n0_finds_the_cluster_again_like_any_other() -> None:
    sim = formed()
    sim["n0"].crash()
    sim.run(30.0)
    sim["n0"].restart()
    sim.run_until(converged, timeout=30.0)


@pytest.mark.parametrize("power", [False, True])
def test_a_write_survives_a_crash_once_a_second_has_passed(power: bool) -> None:
    sim = formed()
    sim.partition({"n4"})  # nobody else can give it back
    write_everywhere(sim)
    sim.run(1.0)
    sim["n4"].crash(power=power)
    sim["n4"].restart()
    assert sim["n4"].counter("visits").value == 3
    assert sim["n4"].set("online").value == {"n4"}
    assert sim["n4"].map("config").value == {"last": "n4"}
    sim["n4"].counter("visits").increment(1)
    sim.run(5.0)
    sim.heal()
    sim.run_until(converged, timeout=60.0)
    assert {node.counter("visits").value for node in sim.nodes} == {16}
    sim.check()


def test_a_lost_disk_is_empty_and_the_cluster_fills_it() -> None:
    sim = formed()
    write_everywhere(sim)
    sim.run(5.0)
    sim["n2"].crash()
    sim.run(1.0)
    sim.partition({"n2"})
    sim["n2"].restart(lose_disk=True)
    assert sim["n2"].names() == {}
    sim.heal()
    sim.run_until(converged, timeout=60.0)
    sim["n2"].counter("visits").increment()
    sim.run_until(converged, timeout=30.0)
    assert {node.counter("visits").value for node in sim.nodes} == {16}
    sim.check()


def test_power_loss_may_take_the_last_moment_and_never_what_others_saw() -> None:
    """What is lost with the power was seen by nobody, or comes back from the others."""
    sim = formed()
    for seconds in (0.0, 0.001, 0.01, 0.1, 0.3):
        sim["n1"].counter("visits").increment()
        sim.run(seconds)
        sim["n1"].crash(power=True)
        sim.run(1.0)
        sim["n1"].restart()
        sim["n1"].counter("visits").increment()
        sim.run_until(converged, timeout=60.0)
        sim.check()
    assert 5 <= sim["n0"].counter("visits").value <= 10


@pytest.mark.parametrize("seed", range(3))
def test_a_cluster_forms_and_agrees_while_every_fifth_datagram_is_lost(seed: int) -> None:
    sim = Simulation(nodes=6, seed=seed, faults=Faults(loss=0.2))
    sim.run(5.0)
    write_everywhere(sim)
    sim.run_until(converged, timeout=120.0)
    assert sim["n5"].counter("visits").value == 18
    sim.check()


def test_all_faults_of_the_network_at_once_change_no_data() -> None:
    faults = Faults(loss=0.1, duplicate=0.3, reorder=0.3, corrupt=0.1, delay=0.02)
    sim = Simulation(nodes=5, seed=4, faults=faults)
    sim.run(5.0)
    write_everywhere(sim)
    sim.run(5.0)
    sim["n1"].set("online").discard("n1")
    sim.run_until(converged, timeout=120.0)
    sim.check()
    assert sim["n0"].counter("visits").value == 15
    assert sim["n0"].set("online").value == {"n0", "n2", "n3", "n4"}


def test_corrupted_datagrams_change_nothing() -> None:
    sim = Simulation(nodes=3, seed=4, faults=Faults(corrupt=1))
    sim["n0"].set("s").add("secret")
    sim.run(30.0)
    assert sim.messages > 10
    assert [node.members() for node in sim.nodes] == [
        {"n0": "alive"},
        {"n1": "alive"},
        {"n2": "alive"},
    ]
    assert sim["n1"].names() == sim["n2"].names() == {}
    sim.check()


def test_a_short_pause_is_forgiven_and_a_long_one_is_recovered_from() -> None:
    sim = formed()
    sim["n2"].pause()
    sim.run(0.4)
    sim["n2"].resume()
    sim.run(10.0)
    assert not [event for _, _, event in sim.events if isinstance(event, MemberFailed)]
    sim["n2"].pause()
    view = sim["n2"].members()
    sim.run(40.0)
    assert set(states(sim, "n2").values()) == {"failed"}
    assert sim["n2"].members() == view  # it runs, and knows what it knew
    sim["n2"].resume()
    sim.run_until(converged, timeout=60.0)
    sim.check()


def test_pausing_twice_and_resuming_twice_is_pausing_and_resuming_once() -> None:
    sim = formed(nodes=2)
    for _ in range(2):
        sim["n1"].pause()
    for _ in range(2):
        sim["n1"].resume()
    sim.run(5.0)
    assert sim.converged()


def test_a_write_at_a_paused_node_goes_out_when_it_resumes() -> None:
    sim = formed(nodes=3)
    sim["n1"].pause()
    sim["n1"].set("s").add("x")
    sim.run(0.5)
    assert "x" not in sim["n0"].set("s")
    sim["n1"].resume()
    sim.run_until(converged, timeout=10.0)
    assert "x" in sim["n0"].set("s")


def test_a_member_that_leaves_is_left_and_not_failed_and_may_come_back() -> None:
    sim = formed()
    sim["n1"].leave()
    assert not sim["n1"].running
    sim.run(30.0)
    assert set(states(sim, "n1").values()) == {"left"}
    assert {n for _, n, e in sim.events if isinstance(e, MemberLeft)} == {"n0", "n2", "n3", "n4"}
    assert not [event for _, _, event in sim.events if isinstance(event, MemberFailed)]
    assert sim.converged()
    sim.check()
    sim["n1"].restart()
    sim.run_until(converged, timeout=30.0)


def test_the_last_write_of_a_member_that_leaves_is_not_lost() -> None:
    sim = formed(nodes=3)
    sim["n1"].set("s").add("goodbye")
    sim["n1"].leave()
    sim.run(10.0)
    sim["n1"].restart()
    sim.run_until(converged, timeout=30.0)
    assert "goodbye" in sim["n0"].set("s")


def test_a_node_may_restart_while_its_goodbye_is_still_going_out() -> None:
    sim = formed(nodes=3)
    sim["n1"].leave()
    sim["n1"].restart()
    sim.run_until(converged, timeout=60.0)
    assert sim["n0"].members()["n1"] == "alive"


def test_failed_and_left_members_stay_listed_for_ten_minutes() -> None:
    sim = formed(nodes=4)
    sim["n1"].crash()
    sim["n2"].leave()
    sim.run(30.0)
    sim.run(600.0)
    assert sim["n0"].members() == {"n0": "alive", "n1": "failed", "n2": "left", "n3": "alive"}


def test_a_wrong_wall_clock_locks_no_key_and_fails_nobody() -> None:
    sim = formed(nodes=3)
    sim["n0"].skew(3600.0)
    sim["n2"].skew(-3600.0)
    sim["n0"].map("config")["theme"] = "from the future"
    sim.run_until(converged, timeout=10.0)
    sim["n2"].map("config")["theme"] = "after all"
    sim.run_until(converged, timeout=10.0)
    assert sim["n0"].map("config")["theme"] == "after all"
    sim.run(30.0)
    assert not [event for _, _, event in sim.events if isinstance(event, MemberFailed)]


def test_a_lossy_link_delays_one_direction_only() -> None:
    sim = formed(nodes=2)
    sim.link("n0", "n1", loss=1.0)
    sim["n1"].set("s").add("arrives")
    sim["n0"].set("s").add("is lost")
    sim.run(2.0)
    assert "arrives" in sim["n0"].set("s")
    assert "is lost" not in sim["n1"].set("s")
    sim.link("n0", "n1")
    sim.run_until(converged, timeout=60.0)
    assert sim["n1"].set("s").value == {"arrives", "is lost"}


def test_a_slow_link_is_slow() -> None:
    sim = formed(nodes=2)
    sim.link("n0", "n1", delay=0.3)
    sim["n0"].set("s").add("x")
    assert 0.3 <= sim.run_until(lambda s: "x" in s["n1"].set("s"), timeout=5.0) <= 0.6
