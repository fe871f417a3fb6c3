"""The HTTP server of an agent: Hypercorn over a socket that is there already.

Its libraries take as long to import as all the rest of an agent, and a third of its memory. So
nothing imports this module before somebody asks: many agents that start at once are members
sooner, and an agent whom nobody asks stays small.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import hypercorn.trio
from hypercorn.config import Config as ServerConfig

from node.config import Config
from node.http import application
from node.node import Node

IDLE_SECONDS = 60.0
"""How long a connection may be without a request, or a request without its end of headers."""


async def serve_http(
    node: Node,
    config: Config,
    url: str,
    listener: socket.socket,
    *,
    since: float,
    stop: Callable[[], None],
    until: Callable[[], Awaitable[None]],
) -> None:
    """Answer until `until()` returns, and end what was begun; `application` has the rest."""
    app: Any = application(node, config, url, stop, since)
    await hypercorn.trio.serve(app, _config(listener), shutdown_trigger=until)


def _config(listener: socket.socket) -> ServerConfig:
    """Our socket, our logging, and limits."""
    config = ServerConfig()
    config.bind = [f"fd://{socket.dup(listener.fileno())}"]  # hypercorn closes what it is given
    config.accesslog = None
    config.errorlog = logging.getLogger("coterie.http")
    config.errorlog.setLevel(logging.WARNING)  # its "Running on" would only repeat our ready line
    config.include_server_header = False
    config.graceful_timeout = 1.0  # for answers under way; streams end with the node
    config.keep_alive_timeout = IDLE_SECONDS
    config.keep_alive_max_requests = 1_000_000
    # No read_timeout: whoever listens to a stream has nothing more to say. See `read_json`.
    return config
