"""The simulator as a scenario sees it: seconds, names, and errors for what cannot be meant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

from gossip import MemberEvent, Timing
from sim.agenda import SECOND, nanoseconds
from sim.disk import Snapshot
from sim.errors import InvariantViolation, SimError, SimTimeout
from sim.handle import Handle
from sim.host import Host, how_many
from sim.invariants import Broken, Invariant, StuckError
from sim.network import Faults
from sim.partitions import Cut, Grudge, checked, free_name
from sim.trace import Record
from sim.world import World

LOOK = SECOND // 20
"""How often `run_until` looks: the contract's 50 virtual milliseconds."""


class Simulation:
    """A cluster of `nodes` members n0, n1, …, all started at time 0 and joining through n0."""

    def __init__(
        self,
        nodes: int,
        seed: int = 0,
        faults: Faults | None = None,
        *,
        keep: bool = False,
        timing: Timing | None = None,
        boot: bool = True,
    ) -> None:
        """With `keep`, every event is kept in `log`; `timing` is that of one site, if not given.
        Without `boot`, nobody runs until `boot()`.
        """
        how_many(nodes)
        if type(seed) is not int:
            raise SimError(f"seed is an integer, not {seed!r}")
        if faults is not None and not isinstance(faults, Faults):
            raise SimError(f"faults is a Faults, not {faults!r}")
        if timing is not None and not isinstance(timing, Timing):
            raise SimError(f"timing is a Timing, not {timing!r}")
        self.seed = seed
        self.faults = Faults() if faults is None else faults
        self._world = World(nodes, seed, self.faults, keep=keep, timing=timing)
        self._handles = {host.name: Handle(self._world, host) for host in self._world.hosts}
        self._hosts = {host.name: host for host in self._world.hosts}
        self.cuts: dict[str, Cut] = {}
        """The last cut of each name, in force or not."""
        self.snapshots: dict[str, Snapshot] = {}
        """Snapshots of disks that a plan took, by their names."""
        self._running = False
        self._doubtful = 0  # the node that disagreed when `converged` was last asked
        self.replay = ""
        """The command that brings this very run back, where one can; set by whoever runs one."""
        if boot:
            self.boot()

    def __getitem__(self, name: str) -> Handle:
        """One node, by its name."""
        return self._handles[name]

    def __iter__(self) -> None:
        """Refused: Python would count from 0 through `[]` otherwise. `nodes` lists them."""
        raise TypeError("a Simulation is not iterable; its nodes are in .nodes")

    @property
    def nodes(self) -> tuple[Handle, ...]:
        """Every node, n0 first, those that do not run included."""
        return tuple(self._handles.values())

    def boot(self) -> None:
        """Start every node, at time 0: for whoever had to be there before the first datagram."""
        if any(host.boots for host in self._hosts.values()):
            raise SimError("the nodes were started already; restart() brings back one that ended")
        self._world.boot()

    # Time.

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._world.agenda.now / SECOND

    def run(self, seconds: float) -> None:
        """Let this much virtual time pass, with everything that is due in it."""
        self._advance(self._world.agenda.now + nanoseconds(seconds, "seconds"))

    def run_until(self, predicate: Callable[[Simulation], bool], timeout: float) -> float:
        """Let time pass until `predicate(sim)` holds; the virtual seconds that took.

        It looks at once and then every 50 virtual milliseconds, and at the limit. Looking leaves no
        trace.
        """
        agenda = self._world.agenda
        start = agenda.now
        limit = start + nanoseconds(timeout, "timeout")
        while not predicate(self):
            if agenda.now >= limit:
                raise SimTimeout(
                    f"not within {timeout} virtual seconds; now at {self.now} s, seed {self.seed}"
                )
            self._advance(min(agenda.now + LOOK, limit))
        return (agenda.now - start) / SECOND

    def at(self, seconds: float, action: Callable[[Simulation], object]) -> None:
        """Have `action(sim)` done when the virtual time is `seconds`, in the midst of a run."""
        at = nanoseconds(seconds, "at")
        if at < self._world.agenda.now:
            raise SimError(f"{seconds} s is in the past: it is {self.now} s")
        self._world.agenda.put(at, action, self)

    # The network.

    def partition(self, *groups: Collection[str], one_way: bool = False) -> None:
        """Cut the network into groups that do not reach each other; nodes in none form one more.

        It replaces the partition before. With `one_way`, only what the first group sends to the
        others is lost.
        """
        placed: dict[str, int] = {}
        for index, group in enumerate(groups):
            if isinstance(group, str):
                raise SimError(f"a group is a collection of names, not the one name {group!r}")
            if not isinstance(group, Collection):
                raise SimError(f"a group is a collection of names, not {group!r}")
            for name in group:
                self._host(name)
                if placed.setdefault(name, index) != index:
                    raise SimError(f"{name} is in two groups")
        hosts = [[self._host(name) for name in sorted(group)] for group in groups]
        self._world.partition(hosts, one_way=one_way)

    def cut(
        self, cut: Grudge | Iterable[tuple[str, str]], *, name: str = "", flap: float = 0.0
    ) -> Cut:
        """Cut these ways too, each from one node to another, until `heal()` of what is returned.

        `sim.partitions` makes grudges of the usual shapes. A cut replaces the one of the same name;
        one without a name gets one of its own. With `flap`, it is in force for so many seconds,
        then not for as many, and so on.
        """
        ways = checked(cut, self._hosts)
        if not isinstance(name, str):
            raise SimError(f"the name of a cut is text, not {name!r}")
        turns = nanoseconds(flap, "flap")
        name = name or free_name(self.cuts)
        indices = {
            self._host(source).index: frozenset(self._host(other).index for other in others)
            for source, others in ways.items()
        }
        self._world.cut(name, indices, turns)
        cuts = self._world.network.cuts
        made = cuts[name]
        self.cuts[name] = Cut(name, lambda: cuts.get(name) is made, partial(self._world.mend, name))
        return self.cuts[name]

    def heal(self) -> None:
        """End everything that cuts: the partition, every cut, and NATs that do not forward. Links
        keep what `link` set.
        """
        self._world.heal()

    def link(
        self,
        a: str,
        b: str,
        *,
        loss: float | None = None,
        delay: float | None = None,
        **others: float,
    ) -> None:
        """Set the direction from `a` to `b`, until it is set again: any of the `Faults`, and what
        is left out is as everywhere.
        """
        source, destination = self._host(a), self._host(b)
        if source is destination:
            raise SimError(f"a link has two ends, and both are {a}")
        given = {"loss": loss, "delay": delay} | others
        known = [field.name for field in fields(Faults)]
        for key in given:
            if key not in known:
                raise SimError(f"a link has no {key!r}; it has {', '.join(known)}")
        changes = {key: value for key, value in given.items() if value is not None}
        self._world.set_link(source, destination, replace(self.faults, **changes))

    # What was seen.

    @property
    def messages(self) -> int:
        """Datagrams sent so far, whatever became of them."""
        return self._world.messages

    @property
    def befell(self) -> Mapping[str, int]:
        """What happened so far to datagrams, disks and processes, and how often: "lost", "cut",
        "inbox full", "rotten" and so on.
        """
        return self._world.befell

    @property
    def events(self) -> list[tuple[float, str, MemberEvent]]:
        """Every membership event at every node so far: (virtual seconds, node, event)."""
        return self._world.events

    def unheard(self) -> list[tuple[str, str, Any]]:
        """The broadcasts that running nodes have yet to hear, or to be told are lost, of origins
        that still run: (who, of whom, what). Empty, some time after everybody reaches everybody.
        """
        owed = self._world.watch.broadcasts.owed()
        return [(host.name, origin, said.payload) for host, origin, _, said in owed]

    @property
    def trace_hash(self) -> str:
        """The hash of everything that has happened: the same in every run of the same seed and
        scenario.
        """
        return self._world.trace.hexdigest()

    @property
    def log(self) -> Sequence[Record]:
        """Every event so far, in order. `SimError` when they were not kept."""
        if self._world.trace.log is None:
            raise SimError("events were not kept: Simulation(…, keep=True)")
        return self._world.trace.log

    def converged(self) -> bool:
        """Whether every running node sees exactly the running nodes alive, and all digests are
        equal.
        """
        running = [handle for handle in self._handles.values() if handle.running]
        names = [handle.name for handle in running]
        # Begin with the node that disagreed last time: most looks end with the first one.
        first = self._doubtful % max(1, len(running))
        digest = ""
        for step in range(len(running)):
            handle = running[(first + step) % len(running)]
            alive = [name for name, state in handle.members().items() if state == "alive"]
            digest = digest or handle.digest()
            if sorted(alive) != sorted(names) or handle.digest() != digest:
                self._doubtful = first + step
                return False
        return True

    def violations(self) -> list[InvariantViolation]:
        """Every invariant that is or was broken, each as the exception that `check` raises."""
        world = self._world
        found = world.watch.examine(
            world.hosts, world.agenda.now, intact=world.network.intact, calm=world.calm
        )
        return [self._violation(broken) for broken in found]

    def found(self) -> list[InvariantViolation]:
        """Every invariant that was found broken as the run went, without looking any further."""
        return [self._violation(broken) for broken in self._world.watch.broken]

    def broke(self, invariant: Invariant, node: str, detail: str) -> None:
        """`InvariantViolation`: whoever drives this simulation found an invariant broken now."""
        raise self._violation(Broken(invariant, node, self._world.agenda.now, detail))

    def check(self) -> None:
        """Check every invariant; `InvariantViolation` for the first that is broken."""
        for violation in self.violations():
            raise violation

    def _advance(self, until: int) -> None:
        if self._running:
            raise SimError("run is called from within a run; put down what follows with at()")
        self._running = True
        try:
            self._world.agenda.advance(until)
        except StuckError:
            raise self._violation(self._world.watch.broken[-1]) from None
        finally:
            self._running = False

    def _violation(self, broken: Broken) -> InvariantViolation:
        return InvariantViolation(
            invariant=broken.invariant.name,
            words=broken.invariant.words,
            detail=broken.detail,
            node=broken.node,
            time=broken.at / SECOND,
            seed=self.seed,
            replay=self.replay or f"{self.command(self.now)}, with the same calls of your program",
        )

    def command(self, seconds: float) -> str:
        """The command that runs this cluster over this network, left to itself, from its start."""
        words = [
            f"coterie sim run --nodes {len(self._hosts)} --seconds {seconds} --seed {self.seed}"
        ]
        for field in fields(self.faults):
            value = getattr(self.faults, field.name)
            if value != field.default:
                words.append(f"--{field.name} {value}")
        return " ".join(words)

    def _host(self, name: object) -> Host:
        host = self._hosts.get(name) if isinstance(name, str) else None
        if host is None:
            raise SimError(f"there is no node {name!r}: they are n0 to n{len(self._hosts) - 1}")
        return host
