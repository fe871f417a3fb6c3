"""Talking to an agent over HTTP, with the standard library alone: the command starts fast.

A `Client` keeps one connection open. It belongs to one thread at a time.
"""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

from node.config import HTTP_PORT
from node.errors import NodeError

DEFAULT_AGENT = f"http://127.0.0.1:{HTTP_PORT}"

IDLE_SECONDS_MAX = 15.0
"""A connection idle for longer is opened anew: the agent closes idle ones after a minute, and a
write on one that is being closed could not be told apart from a write that was carried out."""


class AgentUnreachableError(NodeError):
    """No agent answered there. Whether a write was carried out is unknown."""


class AgentProblemError(NodeError):
    """The agent answered that it cannot; ``status`` is HTTP's, ``problem`` the whole object."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))


class Client:
    """One agent, given by ``http://host:port`` or ``unix:PATH``. ValueError for other addresses."""

    def __init__(self, agent: str = DEFAULT_AGENT, *, timeout: float = 5.0) -> None:
        self.agent = agent
        self.timeout = timeout
        self._connection = _connection(agent, timeout)
        self._used = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def get(self, *path: str, **query: str | None) -> dict[str, Any]:
        """Read; each part of the path is one segment, whatever characters it has."""
        return self.request("GET", *path, query=query)

    def request(
        self,
        method: str,
        *path: str,
        body: str | None = None,
        query: Mapping[str, str | None] | None = None,
    ) -> dict[str, Any]:
        """One request and the object in its answer; ``body`` is JSON text."""
        chosen = {key: value for key, value in (query or {}).items() if value is not None}
        target = "/" + "/".join(quote(part, safe="") for part in path)
        target += f"?{urlencode(chosen)}" if chosen else ""
        data = None if body is None else body.encode()
        if time.monotonic() - self._used > IDLE_SECONDS_MAX:
            self._connection.close()
        headers = {} if data is None else {"Content-Type": "application/json"}
        try:
            self._connection.request(method, target, data, headers)
            response = self._connection.getresponse()
            status, text = response.status, response.read()
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            self._connection.close()
            raise self._unreachable(error) from None
        self._used = time.monotonic()
        return self._content(status, text)

    def stream(self, *path: str, **query: str | None) -> Iterator[dict[str, Any]]:
        """The objects of a stream of server-sent events, as they come, until the agent ends it; an
        error when it breaks off.
        """
        chosen = {key: value for key, value in query.items() if value is not None}
        target = "/" + "/".join(quote(part, safe="") for part in path)
        target += f"?{urlencode(chosen)}" if chosen else ""
        self._connection.close()  # one that idles may be closed just now
        try:
            self._connection.request("GET", target)
            response = self._connection.getresponse()
            if response.status != 200:
                self._content(response.status, response.read())
            text = b""
            while chunk := response.read1():  # a line of it would not tell an end from a break
                *lines, text = (text + chunk).split(b"\n")
                for line in lines:
                    if line.startswith(b"data: "):
                        yield json.loads(line[6:])
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            self._connection.close()

    def _content(self, status: int, text: bytes) -> dict[str, Any]:
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise AgentUnreachableError(
                f"{self.agent} is no coterie agent", why="its answer is not a JSON object"
            )
        if status >= 400:
            raise AgentProblemError(status, content)
        return content

    def _unreachable(self, error: Exception) -> AgentUnreachableError:
        if isinstance(error, TimeoutError):
            why = f"no answer in {self.timeout:g} s"
        elif isinstance(error, http.client.IncompleteRead):
            why = "it broke off in the midst of its answer"
        else:
            why = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        remedy = "coterie agent, or --agent URL if it is elsewhere"
        return AgentUnreachableError(f"cannot reach {self.agent}", why=why, remedy=remedy)


def _connection(agent: str, timeout: float) -> http.client.HTTPConnection:
    if agent.startswith("unix:"):
        return UnixConnection(agent.removeprefix("unix:"), timeout)
    parts = urlsplit(agent)
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"{agent!r} is neither http://host:port nor unix:PATH")
    host = parts.hostname
    if len(host) > 253 or not host.isascii() or any(c <= " " or c == "\x7f" for c in host):
        raise ValueError(f"{host!r} is no host name")
    return http.client.HTTPConnection(host, parts.port or HTTP_PORT, timeout=timeout)


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Connect to the path instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
