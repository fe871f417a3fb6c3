"""A cluster of whole nodes as a test holds it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self

import trio

from gossip import Address, MemberEvent
from node import Config, Node
from node.machine import place
from sim.agenda import SECOND, finite, nanoseconds
from sim.app.machine import AppHost, CrashedError, SimulatedMachine, address_of
from sim.app.running import current_run, now
from sim.app.wire import Wire, refuse_rebind
from sim.driver import KNOWN_BY_HEART
from sim.errors import SimError, SimTimeout
from sim.host import how_many
from sim.network import Faults
from sim.partitions import Cut, Grudge, checked, free_name
from sim.streams import derived
from sim.trace import Kind

LOOK = 0.05
"""Virtual seconds between two looks of `until`."""

Program = Callable[[Node], Awaitable[object]]


class _Process:
    """One host, and the process on it, if there is one."""

    def __init__(self, host: AppHost, address: Address) -> None:
        self.host = host
        self.address = address
        self.node: Node | None = None
        self.asked_to_leave = trio.Event()
        self.ended = trio.Event()


class SimulatedCluster:
    """`nodes` members n0, n1, …, started one after the other at the same moment, joining through
    n0. To be used inside `sim.app.run`: `async with SimulatedCluster(nodes=3) as cluster`.

    `program(node)` is run beside every node, from each start of it to its end, as in a process of
    its own: a crash cancels it. `settings` go to the `Config` of every node. Leaving the block ends
    everything at once, without goodbyes.
    """

    def __init__(
        self,
        nodes: int = 3,
        seed: int | None = None,
        faults: Faults | None = None,
        *,
        program: Program | None = None,
        **settings: Any,
    ) -> None:
        """Without `seed`, it is the one of the run."""
        how_many(nodes)
        if seed is not None and type(seed) is not int:
            raise SimError(f"seed is an integer, not {seed!r}")
        if faults is not None and not isinstance(faults, Faults):
            raise SimError(f"faults is a Faults, not {faults!r}")
        self._run = current_run()
        self.seed = self._run.seed if seed is None else seed
        self.faults = Faults() if faults is None else faults
        self._program = program
        self._settings = settings
        addresses = [address_of(index) for index in range(nodes)]
        self._wire = Wire(addresses, self.seed, self.faults, self._run.trace)
        self._processes: dict[str, _Process] = {}
        for index, address in enumerate(addresses):
            host = AppHost(index, self.seed, self._wire, self._run.trace)
            self._processes[host.name] = _Process(host, address)
            self._run.hosts[host.name] = address
        self._cut_names: dict[str, None] = {}
        self.events: list[tuple[float, str, MemberEvent]] = []
        """Every membership event at every node so far: (virtual seconds, node, event)."""

    async def __aenter__(self) -> Self:
        place(self._machine)
        self._context = trio.open_nursery()
        self._nursery = await self._context.__aenter__()
        self._nursery.start_soon(self._wire.run)
        for process in self._processes.values():
            await self._start(process, [] if process.host.index == 0 else ["n0"])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What the caller raised goes its own way; out of the nursery comes only what failed in it.
        with trio.CancelScope(shield=True):
            for process in self._processes.values():
                if process.node is not None:
                    self._end(process)
                if process.host.boots:
                    await process.ended.wait()
        self._nursery.cancel_scope.cancel()
        await self._context.__aexit__(None, None, None)

    # Nodes.

    @property
    def names(self) -> tuple[str, ...]:
        """Every node, those that do not run included."""
        return tuple(self._processes)

    def __getitem__(self, name: str) -> Node:
        """The node of this name. `KeyError` when there is none, `SimError` when it does not run."""
        if name not in self._processes:
            raise KeyError(name)
        return self._running(name)[1]

    def crash(self, name: str) -> None:
        """End a process without a goodbye. What it had not yet on disk is lost.

        Its tasks are cancelled: a `finally` of yours still runs, though nothing that it does
        reaches the network or the disk.
        """
        process, _ = self._running(name)
        process.host.record(Kind.CRASH)
        self._end(process)

    async def leave(self, name: str) -> None:
        """Let a node say goodbye and end; returns when it has."""
        process, _ = self._running(name)
        process.host.record(Kind.LEAVE)
        process.asked_to_leave.set()
        await process.ended.wait()

    async def restart(self, name: str, *, lose_disk: bool = False) -> Node:
        """Start a node again that crashed or left, from its disk or from an empty one."""
        process = self._process(name)
        if process.node is not None:
            raise SimError(f"{name} is running: only a node that crashed or left can restart")
        await process.ended.wait()
        if lose_disk:
            process.host.files.clear()
        index, count = process.host.index, len(self._processes)
        ring = [(index + step) % count for step in range(1, KNOWN_BY_HEART + 1)]
        known = dict.fromkeys(f"n{other}" for other in (0, *ring) if other != index)
        return await self._start(process, list(known))

    def skew(self, name: str, seconds: float) -> None:
        """Set the wall clock of a host this far ahead of the true time; behind it, when negative.
        It stays so through restarts.
        """
        host = self._process(name).host
        host.skew = round(finite(seconds, "a skew is a number of seconds") * SECOND)
        host.record(Kind.SKEW, b"%d" % host.skew)

    # The network.

    def partition(self, *groups: Collection[str], one_way: bool = False) -> None:
        """Cut the network into groups that do not reach each other; nodes in none form one more.

        It replaces the partition before. With `one_way`, only what the first group sends to the
        others is lost.
        """
        placed: list[str] = []
        for group in groups:
            if isinstance(group, str):
                raise SimError(f"a group is a collection of names, not the one name {group!r}")
            placed += sorted(group)
        for name in placed:
            self._process(name)
            if placed.count(name) > 1:
                raise SimError(f"{name} is in two groups")
        indices = [sorted(self._process(name).host.index for name in group) for group in groups]
        payload = repr((indices, one_way)).encode()
        self._run.trace.record(now(), Kind.PARTITION, payload=payload)
        self._wire.network.partition(indices, one_way=one_way, now=now())

    def cut(
        self, cut: Grudge | Iterable[tuple[str, str]], *, name: str = "", flap: float = 0.0
    ) -> Cut:
        """Cut these ways too, each from one node to another, until `heal()` of what is returned: as
        with `sim.Simulation`, of pairs or a shape of `sim.partitions`, and `flap` seconds in turns.
        """
        ways = checked(cut, self._processes)
        if not isinstance(name, str):
            raise SimError(f"the name of a cut is text, not {name!r}")
        turns = nanoseconds(flap, "flap")
        name = name or free_name(self._cut_names)
        self._cut_names[name] = None
        indices = {
            self._processes[source].host.index: frozenset(
                self._processes[other].host.index for other in others
            )
            for source, others in ways.items()
        }
        told = [(source, sorted(indices[source])) for source in sorted(indices)]
        self._run.trace.record(now(), Kind.CUT, payload=repr((name, told, turns)).encode())
        self._wire.network.cut(name, indices, now(), turns)
        cuts = self._wire.network.cuts
        made = cuts[name]
        return Cut(name, lambda: cuts.get(name) is made, partial(self._mend, name))

    def heal(self) -> None:
        """End everything that cuts: the partition and every cut. Links keep what `link` set."""
        self._run.trace.record(now(), Kind.HEAL)
        self._wire.network.heal()

    def link(self, a: str, b: str, **faults: float) -> None:
        """Set the direction from `a` to `b`, until it is set again; what is left out is as
        everywhere. `faults` are those of `Faults`.
        """
        source, target = self._process(a).host, self._process(b).host
        if a == b:
            raise SimError(f"a link has two ends, and both are {a}")
        try:
            changed = replace(self.faults, **faults)
        except TypeError:
            raise SimError(f"a link has none of {', '.join(faults)}: see sim.Faults") from None
        refuse_rebind(changed)
        payload = repr(changed).encode()
        self._run.trace.record(now(), Kind.LINK, source.index, target.index, payload)
        self._wire.network.set_link(source.index, target.index, changed)

    # Waiting and looking.

    async def until(self, predicate: Callable[[], object], timeout: float) -> float:
        """Return when `predicate()` holds; the virtual seconds that took. `SimTimeout` when it does
        not in time.
        """
        start = now()
        limit = start + nanoseconds(timeout, "timeout")
        while not predicate():
            if now() >= limit:
                at = now() / SECOND
                raise SimTimeout(
                    f"not within {timeout} virtual seconds; now at {at} s, seed {self.seed}"
                )
            await trio.sleep(min(LOOK, (limit - now()) / SECOND))
        return (now() - start) / SECOND

    async def converged(self, timeout: float) -> float:
        """Return when every running node sees exactly the running nodes alive, and all hold the
        same data; the virtual seconds that took. `SimTimeout` when they do not in time.
        """
        return await self.until(self.agree, timeout)

    def agree(self) -> bool:
        """Whether that is so now."""
        nodes = [process.node for process in self._processes.values() if process.node is not None]
        running = [node for node in nodes if node.phase == "running"]
        names = sorted(node.name for node in running)
        for node in running:
            alive = [member.name for member in node.members() if member.state == "alive"]
            if alive != names or node.digest() != running[0].digest():
                return False
        return True

    @property
    def messages(self) -> int:
        """Datagrams sent so far, whatever became of them."""
        return self._wire.messages

    @property
    def trace_hash(self) -> str:
        """The hash of everything that has happened in this run."""
        return self._run.trace_hash

    def _mend(self, name: str) -> None:
        self._run.trace.record(now(), Kind.MEND, payload=name.encode())
        del self._wire.network.cuts[name]

    # How processes live.

    async def _start(self, process: _Process, join: list[str]) -> Node:
        process.ended = trio.Event()
        process.asked_to_leave = trio.Event()
        host = process.host
        settings = {
            "name": host.name,
            "bind": str(process.address),
            "join": [str(self._processes[name].address) for name in join],
            "secret": derived(self.seed, "cluster secret"),
            "data_dir": host.name,
        }
        await self._nursery.start(self._live, process, Config(**(settings | self._settings)))
        return self._running(host.name)[1]

    async def _live(
        self, process: _Process, config: Config, task_status: trio.TaskStatus[None]
    ) -> None:
        """One process, from its start to its end."""
        try:
            async with Node(config) as node:
                process.node = node
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._listen, process.host, node)
                    if self._program is not None:
                        nursery.start_soon(self._program, node)
                    task_status.started()
                    await process.asked_to_leave.wait()
                    process.node = None
                    nursery.cancel_scope.cancel()
        except* CrashedError:
            pass
        finally:
            process.node = None
            if process.host.machine is not None:
                process.host.machine.over = True
            process.ended.set()

    async def _listen(self, host: AppHost, node: Node) -> None:
        """Note what the node tells about others."""
        async for event in node.events():
            if isinstance(event, MemberEvent):
                member = event.member
                words = f"{type(event).__name__} {member.name} {member.state} {member.incarnation}"
                host.record(Kind.MEMBER, words.encode())
                self.events.append((now() / SECOND, host.name, event))

    def _end(self, process: _Process) -> None:
        process.node = None
        assert process.host.machine is not None
        process.host.machine.crash()

    def _machine(self, config: Config) -> SimulatedMachine:
        """Where a node of this name runs."""
        return self._process(config.name).host.boot(config)

    def _process(self, name: str) -> _Process:
        if name not in self._processes:
            known = f"n0 to n{len(self._processes) - 1}"
            raise SimError(f"there is no node {name!r}: they are {known}")
        return self._processes[name]

    def _running(self, name: str) -> tuple[_Process, Node]:
        process = self._process(name)
        if process.node is None:
            raise SimError(f"{name} does not run: it crashed or left; restart() brings it back")
        return process, process.node
