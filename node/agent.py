"""The daemon: a `Node` and its HTTP server in one trio nursery, until a signal or a leave.

The server is imported when somebody asks for the first time; see `node.serving`.

The first SIGTERM or SIGINT leaves the cluster gracefully, which is bounded to seconds; a second one
ends the process at once, because by then the signals have their default meaning again.
"""

from __future__ import annotations

import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from importlib.util import find_spec

import trio

from gossip import Address, MemberEvent, NameConflict
from node.config import Config
from node.errors import NodeError, StartError
from node.node import Node
from node.watching import EventReader, Lagged

log = logging.getLogger("coterie")

SERVER = ("hypercorn", "starlette")
"""What the server of an agent is made of, and a node is not."""


def run(config: Config) -> None:
    """Run an agent until it has left.

    `StartError` when the machine refuses it something, `DiskError` when it stops saving its state,
    `ModuleNotFoundError` when the extra that has the server is not installed.
    """
    assert config.http_address is not None, "an agent is talked to over HTTP"
    for name in SERVER:
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    with listen(config.http_address) as listener:
        try:
            trio.run(serve, config, listener)
        except BaseExceptionGroup as group:
            expected, rest = group.split(NodeError)
            if expected is None or rest is not None:
                raise
            raise first(expected) from None


def first(group: BaseExceptionGroup[NodeError]) -> NodeError:
    """The first error in a group of groups."""
    error = group.exceptions[0]
    return first(error) if isinstance(error, BaseExceptionGroup) else error


def log_to_stderr() -> None:
    """One line an event, with the time in UTC."""
    form = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    form.default_time_format, form.default_msec_format = "%Y-%m-%dT%H:%M:%S", "%s.%03dZ"
    form.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(form)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def listen(address: Address) -> socket.socket:
    """The listening socket, taken before the node starts: a taken port then disturbs nobody."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen()
    except OSError as error:
        listener.close()
        what, why = f"cannot serve HTTP on {address}", error.strerror or str(error)
        raise StartError(what, why=why, remedy="another --http address") from None
    return listener


async def serve(config: Config, listener: socket.socket) -> None:
    """Be a member and answer HTTP, until a signal or ``POST /v1/leave``."""
    host, port = listener.getsockname()[:2]
    url = f"http://{Address(host, port)}"
    stop, left = trio.Event(), trio.Event()
    node = Node(config)
    events = node.events()  # before it starts: it may meet others before anybody looks
    async with node, trio.open_nursery() as nursery:
        await nursery.start(watch_signals, stop)
        nursery.start_soon(log_events, events)
        since = trio.current_time()
        unasked = trio.CancelScope()

        async def answer() -> None:
            with unasked:
                await trio.lowlevel.wait_readable(listener)
            if not unasked.cancelled_caught:
                serve_http = await trio.to_thread.run_sync(import_server)
                options = {"since": since, "stop": stop.set, "until": left.wait}
                await serve_http(node, config, url, listener, **options)

        async with trio.open_nursery() as http:
            http.start_soon(answer)
            log.info("ready: name=%s gossip=%s http=%s", node.name, node.address, url)
            await stop.wait()
            log.info("leaving")
            await node.leave()  # HTTP goes on: /readyz says that this node is not to be used
            left.set()  # and ends with its answers: who listens has to tell a leave from a crash
            unasked.cancel()
        nursery.cancel_scope.cancel()
    log.info("left")


def import_server() -> Callable[..., Awaitable[None]]:
    """`node.serving.serve_http`, of which nothing was needed until now."""
    from node.serving import serve_http

    return serve_http


async def watch_signals(
    stop: trio.Event, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Turn the first signal that ends into ``stop``."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                log.warning("reloading is not there yet: restart the agent to change its settings")
                continue
            log.info("%s", signal.Signals(number).name)
            stop.set()
            return


async def log_events(events: EventReader[MemberEvent]) -> None:
    """One line for each change in the cluster."""
    async for event in events:
        if isinstance(event, Lagged):
            log.warning("%d membership events were not logged: too many at once", event.missed)
        elif isinstance(event, NameConflict):
            text = "NameConflict: %s at %s: another process at %s has this name, or this key"
            log.warning(text, event.member.name, event.member.address, event.rival)
        else:
            member = event.member
            log.info("%s: %s at %s", type(event).__name__, member.name, member.address)
