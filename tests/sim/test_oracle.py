"""What is watched as a run goes can be found broken: each invariant by a lie told to it alone."""

from __future__ import annotations

import pytest

from crdt import CausalContext
from gossip.member import State
from gossip.peer import Peer
from sim import Faults, Simulation
from sim.host import Host
from sim.values import Place
from tests.sim import broken_data, broken_gossip


def formed() -> Simulation:
    sim = Simulation(nodes=3, seed=11)
    sim.run(5.0)
    sim["n0"].set("shopping").add("quince")
    sim["n1"].counter("visitors").increment(2)
    sim.run(5.0)
    sim.check()
    return sim


def names(sim: Simulation) -> set[str]:
    return {found.invariant for found in sim.violations()}


def process(sim: Simulation, index: int) -> tuple[Host, Peer]:
    host = sim._world.hosts[index]
    assert host.peer is not None
    return host, host.peer


def test_a_context_that_shrinks() -> None:
    sim = formed()
    _, peer = process(sim, 1)
    spans = [*peer.store.context.spans()]
    peer.store.context = CausalContext(spans[:-1])
    assert "grows" in names(sim)


def test_a_write_that_nobody_made() -> None:
    sim = formed()
    _, peer = process(sim, 1)
    key = next(iter(peer.store.entries))
    peer.store.context.add(("nobody", 1))
    peer.store.entries[key] = ((0, "nobody", 1, None),)
    assert "authored" in names(sim)


def test_a_write_with_another_payload() -> None:
    sim = formed()
    _, peer = process(sim, 2)
    for key, ((stamp, replica, counter, payload),) in [*peer.store.entries.items()]:
        if payload is not None:
            peer.store.entries[key] = ((stamp, replica, counter, (9, 0, 0, 0)),)
    assert "one-dot" in names(sim)


def test_a_write_that_is_gone() -> None:
    sim = formed()
    _, peer = process(sim, 2)
    del peer.store.entries[next(iter(peer.store.entries))]
    assert "kept" in names(sim)


def test_an_element_that_comes_back() -> None:
    sim = formed()
    _, peer = process(sim, 2)
    before = dict(peer.store.entries)
    sim["n0"].set("shopping").discard("quince")
    sim.run(5.0)
    assert names(sim) == set()
    peer.store.entries.update(before)
    assert "gone" in names(sim)


def test_data_that_a_crash_took_away(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_gossip.does_not_save_data(monkeypatch)
    for after, found in ((0.5, set[str]()), (1.5, {"durable"})):
        sim = Simulation(nodes=1, seed=1)
        sim["n0"].set("shopping").add("quince")
        sim.run(after)
        sim["n0"].crash(power=True)
        sim["n0"].restart()
        assert names(sim) == found
    sim = Simulation(nodes=1, seed=1)
    sim["n0"].set("shopping").add("quince")
    sim.run(5.0)
    sim["n0"].crash()
    sim["n0"].restart(lose_disk=True)  # nobody promised that
    assert names(sim) == set()


def test_leaves_that_a_disk_did_not_get(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_data.leaves_are_not_saved(monkeypatch)
    sim = formed()
    sim["n0"].crash()
    sim["n0"].restart()
    assert "kept" in names(sim)


def test_a_datagram_that_was_altered_and_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = Simulation(nodes=2, seed=1, faults=Faults(corrupt=0.2))
    sim.run(20.0)
    assert names(sim) == set()
    broken_gossip.opens_what_was_altered(monkeypatch)
    sim.run(20.0)
    assert "sealed" in names(sim)


def test_a_belief_that_gets_older() -> None:
    for state, found in ((State.SUSPECT, "precedence"), (State.FAILED, "no-return")):
        sim = formed()
        _, peer = process(sim, 0)
        membership = peer._membership
        claim = membership.others()[0]
        membership._store(claim._replace(state=state))
        sim._world.watch.members.told(*process(sim, 0), claim.name, 1)
        membership._store(claim)
        sim._world.watch.members.told(*process(sim, 0), claim.name, 2)
        assert found in names(sim)


def test_a_counter_that_is_not_the_sum_of_what_users_were_told() -> None:
    sim = formed()
    host, peer = process(sim, 1)
    sums, visitors = sim._world.watch.data.sums, Place("counter", "visitors")
    sums.counted(host, peer, visitors, 2, 0)
    assert names(sim) == set()
    sim["n1"].counter("visitors").increment(3)
    sums.counted(host, peer, visitors, 4, 0)
    sim.run(1.0)
    assert "exact" in names(sim)


def test_rotten_records_end_what_can_be_said_of_data() -> None:
    sim = formed()
    _, peer = process(sim, 2)
    sim._world.watch.rotten = True
    del peer.store.entries[next(iter(peer.store.entries))]
    assert not names(sim) & {"kept", "equal-state"}


def test_looking_takes_nothing_from_what_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    broken_gossip.does_not_save_data(monkeypatch)
    sim = Simulation(nodes=1, seed=1)
    sim["n0"].set("shopping").add("quince")
    sim.check()  # at the very moment of the write
    sim.run(1.5)
    sim["n0"].crash(power=True)
    sim["n0"].restart()
    assert names(sim) == {"durable"}


def test_a_value_that_does_not_equal_itself_is_no_other_value() -> None:
    sim = formed()
    sim["n0"].register("headline").set({"cinnamon": [float("nan"), 1]})
    sim.run(5.0)
    sim["n1"].crash()
    sim["n1"].restart()
    sim.run(5.0)
    assert sim.converged()
    assert names(sim) == set()
