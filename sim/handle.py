"""What a scenario holds of one node: `sim["n3"]`."""

from __future__ import annotations

from typing import TypeVar

from crdt import NamedValues, Replicated
from gossip import Peer
from sim.agenda import SECOND, finite
from sim.errors import SimError
from sim.host import Host
from sim.world import World

T = TypeVar("T", bound=Replicated)


class Handle(NamedValues):
    """One node: its data and its view, as its own program would see them, and what can befall it.

    Everything but `restart` wants a node that runs: from its start or restart to its crash or
    leave. A paused one runs, and answers with what it knew when it was stopped. Reading changes
    nothing, not even the trace.
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
        """Whether the node runs; the only thing to be asked of one that does not."""
        return self._host.running

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

    # What befalls it.

    def crash(self, power: bool = False) -> None:
        """End the process without a goodbye. With `power`, its host goes dark with it, and disk
        writes that were not synced yet are lost.
        """
        self._peer()
        self._world.crash(self._host, power=power)

    def restart(self, lose_disk: bool = False) -> None:
        """Start the node again after a crash or a leave, from its disk or from an empty one."""
        if self._host.running:
            raise SimError(f"{self.name} is running: only a node that crashed or left can restart")
        self._world.restart(self._host, lose_disk=lose_disk)

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

    def _peer(self) -> Peer:
        peer = self._host.peer
        if peer is None or not self._host.running:
            raise SimError(
                f"{self.name} does not run: it crashed or left; restart() brings it back"
            )
        return peer
