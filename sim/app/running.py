"""One run of trio from one integer: virtual time, seeded chance, and a hash of every step."""

from __future__ import annotations

import gc
import random
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Generic, NoReturn, TypeVar, TypeVarTuple

import trio
import trio._core._run as scheduler
from trio.testing import MockClock

from gossip import Address
from sim.agenda import SECOND
from sim.errors import SimError, SimTimeout
from sim.streams import derived
from sim.trace import Record, Trace

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

SWITCH = "_ALLOW_DETERMINISTIC_SCHEDULING"
CHANCE = "_r"

LIMIT = 3600.0
"""Virtual seconds that a run may take: waiting for ever costs no time, so it would never end."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of a run."""

    value: T
    """What the program returned."""
    trace_hash: str
    """The hash of all that happened: every step of every task, every datagram, every event."""
    seconds: float
    """The virtual time that passed."""
    log: tuple[Record, ...]
    """What happened in the cluster, in order; empty unless it was kept."""


class Run(trio.abc.Instrument):
    """What the parts of one run share; it also watches the scheduler."""

    def __init__(self, seed: int, *, keep: bool) -> None:
        self.seed = seed
        self.trace = Trace(keep=keep)
        self.hosts: dict[str, Address] = {}
        """Every simulated host by its name, as a resolver would know it."""
        self._steps = blake2b(digest_size=16, person=b"coterie.steps")
        self._spawned = 0
        self._numbers: dict[trio.lowlevel.Task, int] = {}

    @property
    def trace_hash(self) -> str:
        """The hash of everything so far."""
        both = self._steps.digest() + self.trace.hexdigest().encode()
        return blake2b(both, digest_size=16).hexdigest()

    # Tasks go by the order of their birth: a name may contain an address of memory.

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """Number a new task."""
        self._spawned += 1
        self._numbers[task] = self._spawned

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Take a step into the hash."""
        self._steps.update(b"%d %d\n" % (now(), self._numbers[task]))

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Forget a task."""
        del self._numbers[task]


_current: trio.lowlevel.RunVar[Run] = trio.lowlevel.RunVar("coterie.simulated run")


def now() -> int:
    """The virtual time, in nanoseconds."""
    return round(trio.current_time() * SECOND)


def current_run() -> Run:
    """The run that this is in; `SimError` outside of one."""
    try:
        return _current.get()
    except (LookupError, RuntimeError):
        raise SimError("a simulated cluster needs virtual time: sim.app.run(main)") from None


def run(
    main: Callable[[*Ts], Awaitable[T]],
    *arguments: *Ts,
    seed: int = 0,
    limit: float = LIMIT,
    keep: bool = False,
) -> Outcome[T]:
    """Run `main(*arguments)` as `trio.run` would, in virtual time, with all chance from the seed.

    `SimTimeout` when it has not ended after `limit` virtual seconds. What it raises comes out as it
    is, with a note that tells the seed. With `keep`, the outcome has the log of all events.
    """
    if type(seed) is not int:
        raise SimError(f"seed is an integer, not {seed!r}")
    if trio.lowlevel.in_trio_run():
        raise SimError("a simulated run is a run of trio of its own: begin it in a plain function")
    state = Run(seed, keep=keep)
    clock = MockClock(autojump_threshold=0)
    try:
        with deterministic(seed):
            value = trio.run(
                _begin, state, limit, main, arguments, clock=clock, instruments=[state]
            )
    except BaseException as error:
        error.add_note(f"simulated: seed {seed}, {clock.current_time():.3f} virtual seconds")
        raise
    log = tuple(state.trace.log or ())
    return Outcome(value, state.trace_hash, clock.current_time(), log)


async def _begin(
    state: Run, limit: float, main: Callable[[*Ts], Awaitable[T]], arguments: tuple[*Ts]
) -> T:
    _current.set(state)
    trio.socket.set_custom_socket_factory(NoSockets())
    trio.socket.set_custom_hostname_resolver(Names(state))
    with trio.move_on_after(limit):
        return await main(*arguments)
    raise SimTimeout(f"the program has not ended after {limit:g} virtual seconds")


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Turn both of trio's switches, seed the module `random`, and let the collector rest; and put
    everything back as it was.
    """
    names = vars(scheduler)
    if SWITCH not in names or CHANCE not in names:
        raise SimError(f"trio {trio.__version__} cannot be made deterministic: it has no {SWITCH}")
    chance, collecting = names[CHANCE], gc.isenabled()
    before = names[SWITCH], chance.getstate(), random.getstate()
    names[SWITCH] = True
    chance.seed(derived(seed, "scheduler"))
    random.seed(derived(seed, "random"))
    gc.disable()
    try:
        yield
    finally:
        names[SWITCH] = before[0]
        chance.setstate(before[1])
        random.setstate(before[2])
        if collecting:
            gc.enable()


class NoSockets(trio.abc.SocketFactory):
    """There is no real network here."""

    def socket(self, *_: object) -> NoReturn:
        """Refuse, rather than let the real world in."""
        raise SimError("a simulated run has no real sockets: its nodes have a network of their own")


class Names(trio.abc.HostnameResolver):
    """Knows the hosts of the cluster by name, and nobody else."""

    def __init__(self, state: Run) -> None:
        self._state = state

    async def getaddrinfo(self, host: bytes | None, port: Any, *_: Any, **__: Any) -> list[Any]:
        """The one address of a host of the cluster."""
        await trio.lowlevel.checkpoint()
        found = self._state.hosts.get((host or b"").decode("ascii", "replace"))
        if found is None:
            raise socket.gaierror(socket.EAI_NONAME, f"no host {host!r} in this cluster")
        at = (found.host, int(port or 0))
        return [(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP, "", at)]

    async def getnameinfo(self, sockaddr: object, *_: object) -> tuple[str, str]:
        """Refuse: addresses have no names here."""
        raise socket.gaierror(socket.EAI_NONAME, f"no name for {sockaddr!r}")
