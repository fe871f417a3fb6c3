"""Refusals in the simulator: a host answers for its missing process, if anybody lets it."""

from __future__ import annotations

import pytest
import trio

from gossip import MemberFailed
from sim import Faults, Simulation
from sim.app import SimulatedCluster, run
from sim.app.machine import address_of
from sim.app.wire import Wire
from sim.calamities import WEATHER
from sim.driver import QUOTED
from sim.link import Link
from sim.network import Network
from sim.streams import stream
from sim.trace import Kind, Record, Trace

DELAY = 500_000


def formed(nodes: int = 4, faults: Faults | None = None) -> Simulation:
    sim = Simulation(nodes=nodes, seed=7, faults=faults, keep=True)
    sim.run_until(lambda s: s.converged(), timeout=60.0)
    return sim


def bounced(sim: Simulation, node: int | None = None) -> list[Record]:
    return [r for r in sim.log if r.kind is Kind.BOUNCE and node in (None, r.node)]


def refused(sim: Simulation) -> list[Record]:
    return [record for record in sim.log if record.kind is Kind.REFUSE]


def test_a_host_that_is_up_refuses_for_a_process_that_crashed() -> None:
    sim = formed()
    sim["n3"].crash()
    sim.run(1.5)
    assert len(bounced(sim)) == len(refused(sim)) > 0
    for refusal, answer in zip(refused(sim), bounced(sim), strict=True):
        assert (answer.node, answer.peer) == (refusal.peer, refusal.node)
        assert answer.at == refusal.at + DELAY
        assert answer.payload == refusal.payload[:QUOTED]
        assert sim.log[answer.cause] is refusal


@pytest.mark.parametrize("silent", [0.0, 1.0])
def test_members_ask_the_others_as_soon_as_a_probe_is_refused(silent: float) -> None:
    sim = formed(faults=Faults(silent=silent))
    sim["n3"].crash()
    sim.run(3.0)
    heard = {(r.peer, r.at) for r in sim.log if r.kind is Kind.DELIVER}
    hurried = [r for r in refused(sim) if (r.peer, r.at + 2 * DELAY) in heard]
    assert bool(hurried) == (not silent)


def test_a_host_without_power_is_silent() -> None:
    sim = formed()
    sim["n3"].crash(power=True)
    sim.run(10.0)
    assert bounced(sim) == []
    assert any(isinstance(event, MemberFailed) for _, _, event in sim.events)


def test_a_paused_process_is_silent() -> None:
    sim = formed()
    sim["n3"].pause()
    sim.run(10.0)
    assert bounced(sim) == refused(sim) == []


def test_firewalls_keep_refusals_back() -> None:
    sim = formed(faults=Faults(silent=1.0))
    sim["n3"].crash()
    sim.run(3.0)
    assert bounced(sim) == []
    assert sim.befell["silent"] == len(refused(sim)) > 0


def test_a_firewall_stands_in_one_direction() -> None:
    sim = formed()
    sim.link("n3", "n0", silent=1.0)
    sim["n3"].crash()
    sim.run(8.0)
    assert bounced(sim, 0) == []
    assert bounced(sim, 1)


def test_a_cut_of_the_way_back_cuts_refusals() -> None:
    sim = formed()
    sim["n3"].crash()
    sim.cut({("n3", f"n{index}") for index in range(3)})
    sim.run(3.0)
    assert bounced(sim) == []
    assert sim.befell["refusal lost"] == len(refused(sim)) > 0


def test_an_address_that_nobody_has_any_more_gets_no_refusal() -> None:
    sim = formed(nodes=2)
    sim["n1"].crash()
    sim["n0"].set("s").add("x")
    while not refused(sim) or refused(sim)[-1].at != round(sim.now * 1e9):
        sim.run(0.0001)
        if any(r.kind is Kind.LOSE for r in sim.log):
            break
        if len(sim.log) and sim.log[-1].kind is Kind.WAKE:
            sim["n0"].rebind(forwarded=False)  # while what it sent is on its way
            break
    sim.run(0.01)
    assert refused(sim)
    assert bounced(sim) == []


@pytest.mark.parametrize("stop", ["pause", "slow"])
def test_refusals_wait_in_the_inbox_of_a_process_that_is_busy(stop: str) -> None:
    sim = formed(nodes=2)
    sim["n1"].crash()
    sim["n0"].set("s").add("x")
    sim.run(0.0105)  # pushed after 10 ms: the datagram is on its way
    if stop == "pause":
        sim["n0"].pause()
    else:
        sim["n0"].slow(5.0)
    sim.run(0.01)
    host = sim._world.hosts[0]
    assert len(bounced(sim, 0)) >= 1
    assert [source for _, source, _ in host.inbox] == [None] * len(bounced(sim, 0))
    if stop == "pause":
        sim["n0"].resume()
        assert not host.inbox
        assert host.peer is not None
        assert host.peer.statistics().dropped == {"refusal unknown": len(bounced(sim, 0))}


def test_an_inbox_that_is_full_takes_no_refusals() -> None:
    sim = formed(nodes=2)
    sim["n1"].crash()
    sim["n0"].set("s").add("x")
    sim.run(0.0105)
    sim["n0"].slow(5.0, inbox=1)
    sim._world.hosts[0].inbox.append((b"", sim._world.hosts[1].address, 0))
    sim.run(0.01)
    assert refused(sim)
    assert bounced(sim) == []


def test_it_is_the_same_run_again() -> None:
    def play() -> str:
        sim = formed(faults=Faults(loss=0.1, silent=0.3, jitter=0.01))
        sim["n1"].crash()
        sim.run(20.0)
        sim["n1"].restart()
        sim.run(20.0)
        return sim.trace_hash

    assert play() == play()


# Chance.


def delays(faults: Faults, count: int = 2000) -> list[int | None]:
    network = Network(2, 3, faults)
    return [network.refuse(0, 1, 0) for _ in range(count)]


@pytest.mark.parametrize("faults", [Faults(silent=0.3), Faults(loss=0.3)])
def test_each_refusal_has_its_own_luck(faults: Faults) -> None:
    share = delays(faults).count(None) / 2000
    assert 0.25 < share < 0.35
    assert set(delays(Faults())) == {DELAY}


def test_refusals_take_as_long_as_datagrams_do() -> None:
    late = [takes for takes in delays(Faults(jitter=0.01)) if takes is not None]
    assert len(late) == 2000
    assert DELAY <= min(late) < max(late) < DELAY + 10_000_000
    assert len(set(late)) > 1900


def test_refusals_do_not_shift_the_luck_of_datagrams() -> None:
    faults = Faults(loss=0.5, burst=0.05, silent=0.5)

    def carried(*, refusals: bool) -> list[bool]:
        network = Network(2, 3, faults)
        seen = []
        for _ in range(500):
            seen.append(bool(network.carry(0, 1, b"x")))
            if refusals:
                network.refuse(0, 1, 0)
        return seen

    assert carried(refusals=True) == carried(refusals=False)


def test_firewalls_alone_are_no_bad_network() -> None:
    assert not Faults(silent=1.0).chancy
    assert Link(1, (0, 1), Faults(silent=1.0)).refuse(Network(2, 1, Faults()).befell) is None
    network = Network(2, 1, Faults(silent=1.0))
    network.carry(0, 1, b"x")
    assert network._links == {}


def test_the_swarm_has_firewalls_whole_and_with_holes() -> None:
    drawn = [WEATHER["firewalls"](stream(seed, "a test"))["silent"] for seed in range(50)]
    assert drawn.count(1.0) > 10
    assert len(set(drawn)) > 10


# Whole nodes.


@pytest.mark.parametrize("silent", [0.0, 1.0])
def test_whole_nodes_hear_of_refusals_too(silent: float) -> None:
    async def main() -> None:
        async with SimulatedCluster(nodes=3, faults=Faults(silent=silent)) as cluster:
            await cluster.converged(timeout=30)
            cluster.crash("n2")
            await trio.sleep(3)

    outcome, again = run(main, seed=7, keep=True), run(main, seed=7, keep=True)
    assert outcome.trace_hash == again.trace_hash
    refusals = [r for r in outcome.log if r.kind is Kind.REFUSE and r.node == 2]
    answers = [r for r in outcome.log if r.kind is Kind.BOUNCE and r.peer == 2]
    assert refusals
    heard = {(r.peer, r.at) for r in outcome.log if r.kind is Kind.DELIVER}
    hurried = [r for r in refusals if (r.peer, r.at + 2 * DELAY) in heard]
    assert bool(hurried) == (not silent)
    assert [(r.peer, r.at + DELAY) for r in refusals if not silent] == [
        (r.node, r.at) for r in answers
    ]


def test_a_socket_in_memory_tells_of_errors_before_datagrams_as_a_real_one_does() -> None:
    async def main() -> None:
        wire = Wire([address_of(0)], 1, Faults(), Trace())
        sock = wire.listen(0)
        sock.arrived(b"a datagram", address_of(0))
        sock.bounced(b"refused")
        assert sock.news.is_set()
        with pytest.raises(ConnectionRefusedError):
            sock.recvfrom(1)
        assert sock.errors() == ([b"refused"], {})
        assert sock.errors() == ([], {})
        assert sock.recvfrom(1) == (b"a datagram", address_of(0))
        with pytest.raises(BlockingIOError):
            sock.recvfrom(1)

    run(main)
