"""The driver's contract over simulated hosts: alarms, inboxes, and the ends of processes."""

from __future__ import annotations

import pytest

from sim import SimError, Simulation
from sim.host import INBOX_MAX


def formed(nodes: int = 3) -> Simulation:
    sim = Simulation(nodes=nodes, seed=7)
    sim.run_until(lambda s: s.converged(), timeout=30.0)
    return sim


def test_a_local_write_wakes_its_process_at_once() -> None:
    sim = formed(nodes=2)
    sim.run(30.0)
    sim["n0"].set("s").add("x")
    took = sim.run_until(lambda s: "x" in s["n1"].set("s"), timeout=1.0)
    assert took <= 0.05


def test_a_resumed_process_goes_on_by_itself_even_when_nothing_reaches_it() -> None:
    sim = formed(nodes=2)
    sim.partition({"n0"}, {"n1"})
    sim["n1"].pause()
    sim.run(3.0)  # its alarm has gone off unheard
    assert sim["n1"].members()["n0"] == "alive"
    sim["n1"].resume()
    sim.run(30.0)
    assert sim["n1"].members()["n0"] == "failed"


def test_a_socket_holds_what_came_during_a_pause() -> None:
    sim = formed(nodes=2)
    sim["n1"].pause()
    sim["n0"].set("s").add("x")
    sim.run(0.3)
    sim.partition({"n0"}, {"n1"})  # nothing more arrives
    assert "x" not in sim["n1"].set("s")
    sim["n1"].resume()
    assert "x" in sim["n1"].set("s")


def test_a_socket_does_not_hold_more_than_fits() -> None:
    sim = formed(nodes=3)
    sim["n1"].pause()
    for number in range(2 * INBOX_MAX):
        sim["n0"].set("s").add(number)
        sim.run(0.02)
    [host] = [host for host in sim._world.hosts if host.name == "n1"]
    assert len(host.inbox) == INBOX_MAX
    sim["n1"].resume()
    sim.run_until(lambda s: s.converged(), timeout=60.0)
    assert len(sim["n1"].set("s")) == 2 * INBOX_MAX


def test_processes_with_empty_disks_find_each_other_without_n0() -> None:
    sim = formed(nodes=3)
    for node in sim.nodes:
        node.crash()
    for name in ("n1", "n2"):
        sim[name].restart(lose_disk=True)
    sim.run_until(lambda s: s.converged(), timeout=30.0)
    assert sim["n1"].members() == {"n1": "alive", "n2": "alive"}


def test_a_process_that_says_goodbye_takes_no_more_writes_and_then_ends() -> None:
    sim = formed(nodes=2)
    cart = sim["n1"].set("cart")
    sim["n1"].leave()
    with pytest.raises(SimError, match="n1 no longer runs"):
        cart.add("too late")
    [host] = [host for host in sim._world.hosts if host.name == "n1"]
    assert host.peer is not None  # the goodbye is under way
    sim.run(5.0)
    assert host.peer is None


def test_a_datagram_in_flight_reaches_the_process_that_is_there_when_it_arrives() -> None:
    sim = formed(nodes=2)
    sim.link("n0", "n1", delay=1.0)
    sim["n0"].set("s").add("x")
    sim.run(0.5)
    sim["n1"].crash()
    sim["n1"].restart(lose_disk=True)
    sim.partition({"n0"}, {"n1"})  # what is on the wire is not called back
    assert "x" not in sim["n1"].set("s")
    sim.run(0.6)
    assert "x" in sim["n1"].set("s")
