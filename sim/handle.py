"""What a scenario holds of one node: `sim["n3"]`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from crdt import NamedValues, Replicated
from gossip import Peer, QueryAnswered, Statistics, UserEvent, UserEventsLost
from sim.agenda import SECOND, finite, nanoseconds
from sim.clocks import drift
from sim.disk import Health, Snapshot, count
from sim.errors import SimError
from sim.host import INBOX_MAX, Host
from sim.questions import Question
from sim.world import World

T = TypeVar("T", bound=Replicated)


class Handle(NamedValues):
    """One node: its data and its view, as its own program would see them, and what can befall it.

    What a node knows, and what befalls its process, wants a node that runs: from its start or
    restart to its crash or leave. A paused one runs, and answers with what it knew when it was
    stopped. What befalls its machine (its disk, clocks, processor and address) may befall it at any
    time. Reading changes nothing, not even the trace.
    """

    __slots__ = ("_host", "_world")

    def __init__(self, world: World, host: Host) -> None:
        self._world = world
        self._host = host

    def __repr__(self) -> str:
        host = self._host
        state = "paused" if host.paused else "running" if host.running else "down"
        return f"<{host.name} {state}>"

    @property
    def name(self) -> str:
        """The name of the node."""
        return self._host.name

    @property
    def running(self) -> bool:
        """Whether the node runs; may be asked of one that does not."""
        return self._host.running

    @property
    def trouble(self) -> str:
        """Why the node stopped, or did not come up, by itself; empty when it did not. The same."""
        return self._host.trouble

    # What it knows.

    def members(self) -> dict[str, str]:
        """The state of every member in this node's view, itself included, by name."""
        return {member.name: member.state for member in self._peer().members()}

    def open_value(self, name: str, kind: type[T]) -> T:
        """The value called `name`, live; `CrdtError` when that name has another type."""
        return self._peer().open_value(name, kind)

    def names(self, prefix: str = "") -> dict[str, str]:
        """The names that exist here, each with its type."""
        return self._peer().names(prefix)

    def digest(self) -> str:
        """The hash of the whole replicated state of this node."""
        return self._peer().digest()

    def statistics(self) -> Statistics:
        """What went over the wire since this process was started."""
        return self._peer().statistics()

    def broadcast(self, topic: str, payload: Any = None) -> int:
        """Tell something to the users of all nodes; the number of that event, from 1 in each boot.

        `ValueError` or `TypeError` for what cannot be carried, `SimError` when there is no room for
        more within this moment, and from a paused node.
        """
        self._speaking()
        return self._world.broadcast(self._host, topic, payload)

    def query(
        self,
        topic: str,
        payload: Any = None,
        *,
        timeout: float,
        only: Collection[str] = (),
        relays: int = 0,
        think: float = 0.0,
        decline: bool = False,
    ) -> int:
        """Ask the users of all nodes, or `only` of these; the number of the query.

        The users of a simulation think for `think` seconds and then say who they are, and what they
        were asked; or they decline. Errors are those of `broadcast`.
        """
        self._speaking()
        took, wait = nanoseconds(think, "think"), nanoseconds(timeout, "timeout")
        asked = Question(topic, payload, wait, tuple(only), relays, took, decline=decline)
        return self._world.query(self._host, asked)

    def answers(self, query: int) -> dict[str, Any]:
        """What came to a query of this process so far, by who answered."""
        self._peer()
        return {
            effect.responder: effect.payload
            for effect in self._host.received
            if isinstance(effect, QueryAnswered) and effect.query == query
        }

    def set_tags(self, tags: Mapping[str, str]) -> bool:
        """Let the others see these tags, and no others; False when they were these before."""
        self._speaking()
        return self._world.set_tags(self._host, tags)

    def force_leave(self, name: str) -> bool:
        """Have everybody take a member for gone that is suspected or has failed; False when there
        is no such member.
        """
        self._speaking()
        return self._world.force_leave(self._host, name)

    def lie(self, what: str, about: str, accuser: str) -> bool:
        """Say one of the `LIES` of a member, to all; False when that one is not known here."""
        self._speaking()
        return self._world.lie(self._host, what, about, accuser)

    def _speaking(self) -> Peer:
        peer = self._peer()
        if self._host.paused:
            raise SimError(f"{self.name} is paused: it says nothing")
        return peer

    def heard(self, topic: str | None = None) -> list[tuple[str, Any]]:
        """What this process was told by the users of all nodes, in order: (of whom, what)."""
        self._peer()
        return [
            (effect.origin, effect.payload)
            for effect in self._host.received
            if isinstance(effect, UserEvent) and topic in (None, effect.topic)
        ]

    def unheard(self) -> int:
        """How many events this process was told that it lost."""
        self._peer()
        lost = (each for each in self._host.received if isinstance(each, UserEventsLost))
        return sum(effect.missed for effect in lost)

    # What befalls its process.

    def crash(self, power: bool = False) -> None:
        """End the process without a goodbye. With `power`, its host goes dark with it, and disk
        writes that were not synced yet are lost.
        """
        self._peer()
        self._world.crash(self._host, power=power)

    def restart(self, lose_disk: bool = False, disk: Snapshot | None = None) -> None:
        """Start the node again after it ended: from its disk, from an empty one, or from `disk`,
        a snapshot of its own or another node's.

        It may be down again at once, when its disk is full or damaged; `trouble` says so.
        """
        if self._host.running:
            raise SimError(f"{self.name} is running: only a node that crashed or left can restart")
        if disk is not None and not isinstance(disk, Snapshot):
            raise SimError(f"disk is what snapshot() returned, not {disk!r}")
        if lose_disk and disk is not None:
            raise SimError("a node restarts from an empty disk or from a snapshot, not from both")
        self._world.restart(self._host, lose_disk=lose_disk, snapshot=disk)

    def pause(self) -> None:
        """Stop the process where it is; nothing happens when it is stopped already."""
        self._peer()
        if not self._host.paused:
            self._world.pause(self._host)

    def resume(self) -> None:
        """Let a paused process go on; nothing happens when it was not paused."""
        self._peer()
        if self._host.paused:
            self._world.resume(self._host)

    def leave(self) -> None:
        """Have the node say goodbye and end. It no longer runs, while its last datagrams still go
        out.
        """
        self._peer()
        if self._host.paused:
            raise SimError(f"{self.name} is paused: resume it, then it can leave")
        self._world.leave(self._host)

    def skew(self, seconds: float) -> None:
        """Set the node's wall clock this far ahead of the true time; behind it, when negative."""
        self._peer()
        ahead = finite(seconds, "a skew is a number of seconds")
        self._world.skew(self._host, round(ahead * SECOND))

    # What befalls its machine.

    def drift(self, rate: float) -> None:
        """Let both clocks gain this many seconds per second; lose them, when negative."""
        self._world.drift(self._host, drift(rate))

    def jump(self, seconds: float, monotonic: bool = False) -> None:
        """Move the wall clock from where it is. With `monotonic`, move both clocks, as when the
        machine wakes from a sleep that it did not notice; that goes forward only.
        """
        by = round(finite(seconds, "a jump is a number of seconds") * SECOND)
        if monotonic and by < 0:
            raise SimError(f"a monotonic clock never goes back, not by {seconds!r} s")
        self._world.jump(self._host, by, monotonic=monotonic)

    def slow(self, seconds: float, inbox: int = INBOX_MAX) -> None:
        """Let every datagram and every alarm take the process this long; 0: no time at all.

        Its socket holds `inbox` datagrams meanwhile, and loses the others.
        """
        if type(inbox) is not int or inbox < 1:
            raise SimError(f"inbox is how many datagrams, from 1, not {inbox!r}")
        self._world.slow(self._host, nanoseconds(seconds, "seconds"), inbox)

    def rebind(self, forwarded: bool = True) -> None:
        """Let a NAT give the node a new address, where its datagrams come from. Answers to the one
        before are lost.

        Without `forwarded`, so is what others send to the address that the node tells of itself:
        who wants to reach it must answer it; until it is forwarded again, or `sim.heal()`.
        """
        if type(forwarded) is not bool:
            raise SimError(f"forwarded is true or false, not {forwarded!r}")
        self._world.rebind(self._host, forwarded=forwarded)

    def disk(self, **health: float) -> None:
        """Set how bad the disk is, until it is set again; what is left out is as usual.

        `sync`: seconds until a transaction is safe; `torn`: the chance of an unsynced one to be
        lost with the power; `error`: that of a sync to fail; `capacity`: bytes that fit, 0 for any
        number. A node whose disk fails, or is full, stops.
        """
        known = Health.__slots__
        for key in health:
            if key not in known:
                raise SimError(f"a disk has no {key!r}; it has {', '.join(known)}")
        self._world.set_disk(self._host, Health(**health))

    def rot(self, records: int = 1) -> int:
        """Flip a bit in so many of the records that have reached the disk; how many there were.

        Whoever reads them next sees it: the next process, at its start.
        """
        return self._world.rot(self._host, count(records))

    def snapshot(self) -> Snapshot:
        """What the disk holds now: for a restart from an old disk, or from a cloned one."""
        return Snapshot(self._host.disk.read(self._world.agenda.now))

    def _peer(self) -> Peer:
        peer = self._host.peer
        if peer is None or not self._host.running:
            ended = self._host.trouble or "it crashed or left"
            raise SimError(f"{self.name} does not run: {ended}; restart() brings it back")
        return peer
