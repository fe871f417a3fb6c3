"""Does a majority that can work, work again?

At the end of a plan with `settle`, a core of the nodes is drawn from the seed: a majority, or all.
Everything inside it is healed: links, disks, clocks, processes. Everything outside it stays broken
for good: the core never hears from there again. Nothing is written any more. Then the core has
`settle` seconds to agree about who is there and what was written; if it does not, the violation
says what it is still waiting for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict

from crdt import CausalContext
from gossip import Peer
from sim.agenda import SECOND
from sim.invariants import LIVE, QUIET
from sim.invariants.channel import QUIET_DATAGRAMS
from sim.link import QUEUE, SLOW_DELAY
from sim.network import Faults
from sim.simulation import Simulation
from sim.streams import stream

LOOK = 0.5
"""Virtual seconds between two looks: our choice. A look costs the square of the members."""

REST = 12
"""Probe intervals that a core has until its news has gone round, and in which it is measured."""

WORDS_MAX = 5
"""How many of the things that are waited for are told."""


def settle(sim: Simulation, seconds: float) -> list[str]:
    """Heal a core and let it agree; the names of the core.

    `InvariantViolation` when it does not agree in time.
    """
    core = healed(sim)
    end = sim.now + seconds
    while (waits := next(waiting(sim, core), None)) is not None and sim.now < end:
        sim.run(min(LOOK, end - sim.now))
        if sim.found():
            raise sim.found()[0]
    if waits is not None:
        sim.broke(LIVE, waits.partition(" ")[0], told(sim, core, seconds))
    rest(sim, core)
    return core


def rest(sim: Simulation, core: Sequence[str]) -> None:
    """Let a core that agrees alone for a while: it has to fall silent."""
    peers = [peer for _, peer in _peers(sim, core)]
    timing = peers[0]._timing
    pause = REST * max(timing.probe_interval, timing.gossip_interval) / SECOND
    sim.run(pause + under_way(sim._world.network.faults))
    before = sum(peer.statistics().datagrams_sent for peer in peers)
    sim.run(pause)
    sent = sum(peer.statistics().datagrams_sent for peer in peers) - before
    often = min(timing.probe_interval, timing.reconnect_interval) / SECOND
    if sent > QUIET_DATAGRAMS * len(peers) * (1 + pause / often):
        sim.broke(QUIET, core[0], f"{sent} datagrams of {len(peers)} members in {pause:g} s")


def under_way(faults: Faults) -> float:
    """How many seconds a datagram may have been on its way when the network was healed: whoever
    gets to hear what was said long ago answers it.
    """
    queued = (faults.queue or QUEUE) / faults.bandwidth if faults.bandwidth else 0.0
    return queued + (faults.slow_delay or SLOW_DELAY / SECOND if faults.slow else 0.0)


def told(sim: Simulation, core: Collection[str], seconds: float) -> str:
    """What the core is still waiting for, in words."""
    waits = list(waiting(sim, core))
    more = [f"and {len(waits) - WORDS_MAX} more"] if len(waits) > WORDS_MAX else []
    cluster = f"{seconds:g} s after {', '.join(core)} were healed"
    return "; ".join([cluster, *waits[:WORDS_MAX], *more])


def healed(sim: Simulation) -> list[str]:
    """Draw a core and heal it, and cut off the others for good; the names of the core."""
    random = stream(sim.seed, "core")
    names = [node.name for node in sim.nodes]
    size = random.choice([len(names), random.randint(len(names) // 2 + 1, len(names))])
    core = set(random.sample(names, size))
    sim.heal()
    for name in sorted(core):
        raise_up(sim, name)
    if not acquainted(sim, core) and "n0" not in core:
        core.add("n0")  # the only address that everybody was given
        raise_up(sim, "n0")
    perfect = asdict(Faults())
    for a in sorted(core):
        for b in sorted(core - {a}):
            sim.link(a, b, **perfect)
    if len(core) < len(names):
        sim.partition(core)
    return [name for name in names if name in core]


def raise_up(sim: Simulation, name: str) -> None:
    """Let a node run, on a machine that is in order; with an empty disk when its own is of no use.

    A clock that is wrong stays wrong, but keeps time.
    """
    node = sim[name]
    node.disk()
    node.slow(0.0)
    node.drift(0.0)
    if node.running:
        node.resume()
    else:
        node.restart()
    if not node.running:
        node.restart(lose_disk=True)


def acquainted(sim: Simulation, core: Collection[str]) -> bool:
    """Whether those of the core know each other, at least by way of others: somebody has to call.

    A cluster of which no two know each other is none, whatever is healed.
    """
    by_address = {host.address: host.name for host in sim._world.hosts}
    peers = dict(_peers(sim, core))
    knows: dict[str, set[str]] = {name: set() for name in peers}
    for name, peer in peers.items():
        called = [by_address[at] for at in peer._reconnect._joins if at in by_address]
        listed = [member.name for member in peer.members() if member.state != "left"]
        for other in (*called, *listed):
            if other in peers:
                knows[name].add(other)
                knows[other].add(name)
    met: set[str] = set()
    rest = sorted(peers)[:1]
    while rest:
        name = rest.pop()
        if name not in met:
            met.add(name)
            rest += sorted(knows[name])
    return len(met) == len(core)


def waiting(sim: Simulation, core: Collection[str]) -> Iterator[str]:
    """What is still missing until the core agrees, in words, each beginning with a node."""
    peers = _peers(sim, core)
    for name in core:
        if not sim[name].running:
            yield f"{name} does not run: {sim[name].trouble or 'it ended'}"
    everything = CausalContext()
    for name, peer in peers:
        everything.merge(peer.context())
        states = {member.name: member.state for member in peer.members()}
        for other in core:
            if states.get(other) != "alive":
                yield f"{name} still holds {other} {states.get(other, 'for a stranger')}"
        for other, state in states.items():
            if other not in core and state not in {"failed", "left"}:
                yield f"{name} still holds {other} {state}, which is cut off"
        if len(core) > 1 and peer.quorum.state != (right := _quorum(peer)):
            yield f"{name} takes itself for a part of the {peer.quorum.state}, not of the {right}"
    digest = ""
    for name, peer in peers:
        lacks = [*everything.beyond(peer.context())]
        if lacks:
            yield f"{name} lacks {sim._world.watch.data.words(lacks)}"
        digest = digest or peer.digest()
        if not lacks and peer.digest() != digest:
            yield f"{name} has the digest {peer.digest()}, and {peers[0][0]} {digest}"
    yield from sim._world.watch.waiting(core)


def _quorum(peer: Peer) -> str:
    """In which part of a cluster somebody is who sees and expects so many, and has met one."""
    there = sum(member.state in {"alive", "suspect"} for member in peer.members())
    return "majority" if 2 * there > peer.quorum.expected else "minority"


def _peers(sim: Simulation, core: Collection[str]) -> list[tuple[str, Peer]]:
    return [
        (host.name, host.peer)
        for host in sim._world.hosts
        if host.name in core and host.running and host.peer is not None
    ]
