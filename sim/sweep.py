"""Many seeds over many processes: what became of each, as plain data.

Seeds go out in batches, because what it takes to send one would be felt beside a run of a tenth of
a second. A worker is a fresh process (spawned, so that it inherits nothing that the first one
happened to have in memory), and between two runs it looks whether the sweep has been stopped.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from itertools import islice
from multiprocessing.synchronize import Event
from time import perf_counter
from typing import Any

from sim.crash import NO_CRASH
from sim.errors import InvariantViolation, SimError
from sim.marks import Marks
from sim.plan import VERSION
from sim.runner import play
from sim.swarm import draw

BATCH = 25
"""Seeds that are sent at once, at most."""

Row = dict[str, Any]
"""What became of one seed: see `row`."""

Rows = Generator[list[Row], None, None]
"""The rows of each batch, as they come; closing it ends the workers."""

Batches = Iterable[Sequence[int]]


class WorkersLostError(SimError):
    """Processes of the sweep ended by themselves: seeds that they were at have no result."""


class UnreachableError(SimError):
    """Nobody answers at the address of a cluster, or what answers cannot be used."""


def row(seed: int) -> Row:
    """Play the plan of a seed. An exception out of our own code is a failure like any other."""
    plan = draw(seed)
    marks = Marks(plan)
    began = perf_counter()
    result: Row = {"version": VERSION, "seed": seed, "verdict": "held"}
    try:
        outcome = play(plan, begin=marks.begin)
        met = marks.of(outcome)
    except Exception as error:  # noqa: BLE001  # whatever it is, its seed has to be known
        result |= {"verdict": "crashed", "invariant": NO_CRASH.name, "words": NO_CRASH.words}
        where = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        return result | {"detail": detail, "wall_seconds": round(perf_counter() - began, 3)}
    for violation in outcome.violations[:1]:
        verdict = "crashed" if violation.__cause__ else "broken"
        result |= {"verdict": verdict, **told(violation)}
    return result | {
        "trace_hash": outcome.trace_hash,
        "messages": outcome.simulation.messages,
        "virtual_seconds": outcome.simulation.now,
        "wall_seconds": round(outcome.wall_seconds, 3),
        "marks": met,
    }


def told(violation: InvariantViolation) -> Row:
    """A violation as plain data."""
    names = ("invariant", "words", "detail", "node", "time")
    return {name: getattr(violation, name) for name in names}


def batch(seeds: Sequence[int], go_on: bool, stopped: Callable[[], bool]) -> list[Row]:
    """Play some seeds, up to the first failure unless `go_on`, or until the sweep is stopped."""
    rows: list[Row] = []
    for seed in seeds:
        if stopped():
            break
        rows.append(row(seed))
        gc.collect()  # between runs and not within: each is a heap of its own
        if rows[-1]["verdict"] != "held" and not go_on:
            break
    return rows


def batches(seeds: Sequence[int], jobs: int) -> list[Sequence[int]]:
    """The seeds in order, in batches small enough for every job to have several."""
    size = max(1, min(BATCH, len(seeds) // (4 * jobs)))
    return [seeds[start : start + size] for start in range(0, len(seeds), size)]


# Processes of this machine.

_stop: Event | None = None


def _begin(stop: Event) -> None:
    """The first thing in a worker. Ctrl-C goes to all processes; only the first one is to act."""
    global _stop  # noqa: PLW0603  # set once, before any batch comes
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    gc.freeze()


def _stopped() -> bool:
    return _stop is not None and _stop.is_set()


def _batch(seeds: Sequence[int], go_on: bool) -> list[Row]:
    return batch(seeds, go_on, _stopped)


@contextmanager
def _shielded() -> Iterator[None]:
    """Ctrl-C waits while the block runs, and a process that begins in it never hears of it: one
    that does before `_begin` would complain at length.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def here(work: Batches, jobs: int, *, go_on: bool) -> Rows:
    """The rows of each batch, as they come, from processes of this machine.

    Closing it ends the workers after the seed that each is at, and so does Ctrl-C, after which what
    they have done comes yet. `WorkersLostError` when one was ended by somebody else.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    rest = iter(work)
    with ProcessPoolExecutor(jobs, context, _begin, (stop,)) as pool:
        # A few ahead of each worker and no more: what waits would have to be taken back.
        running: set[Future[list[Row]]] = set()
        try:
            for seeds in islice(rest, 2 * jobs):
                with _shielded():
                    running.add(pool.submit(_batch, seeds, go_on))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    for seeds in islice(rest, 1):
                        with _shielded():
                            running.add(pool.submit(_batch, seeds, go_on))
                    yield future.result()
        except KeyboardInterrupt:
            stop.set()
            for future in running:
                if not future.cancel():
                    yield future.result()
            raise
        except BrokenProcessPool:
            raise WorkersLostError("a worker ended by itself, perhaps for want of memory") from None
        finally:
            stop.set()


# A cluster of machines.

PATIENCE = 10.0
"""Real seconds that a cluster has to answer."""


def _remote(seeds: Sequence[int], go_on: bool) -> list[Row]:
    return batch(seeds, go_on, lambda: False)


def there(work: Batches, address: str, jobs: int, *, go_on: bool) -> Rows:
    """The rows of each batch, as they come, from the workers of a Dask cluster.

    `local` is a cluster of this machine, of `jobs` processes. `UnreachableError` when nobody
    answers, or who answers has no coterie or goes away; `ModuleNotFoundError` without the extra.
    """
    from distributed import CancelledError, as_completed
    from distributed.scheduler import KilledWorker

    with ExitStack() as stack:
        client = _client(stack, address, jobs)
        try:
            futures = client.map(_remote, list(work), go_on=go_on, pure=False)
            for future in as_completed(futures, loop=client.loop):
                yield future.result()
        except (OSError, ImportError, CancelledError, KilledWorker) as error:
            raise _unreachable(address, error) from None


def _client(stack: ExitStack, address: str, jobs: int) -> Any:
    from distributed import Client, LocalCluster
    from distributed.comm import get_address_host_port

    try:
        where = address
        if address != "local" and not address.startswith("inproc:"):
            # A client of an address that cannot be one complains once more, when it is collected.
            get_address_host_port(address)
        if address == "local":
            cluster = LocalCluster(jobs, threads_per_worker=1, dashboard_address=None)
            where = stack.enter_context(cluster)
        return stack.enter_context(Client(where, timeout=PATIENCE, set_as_default=False))
    except (OSError, ValueError) as error:  # ValueError: an address of a kind that there is not
        raise _unreachable(address, error) from None


def _unreachable(address: str, error: Exception) -> UnreachableError:
    why = str(error).partition("\n")[0] or type(error).__name__
    return UnreachableError(f"no Dask cluster can be used at {address or 'no address'}: {why}")
