"""The agent's HTTP interface: a Starlette application over one `Node`.

``/healthz`` is for whoever restarts a process that hangs: it is 200 as long as the event loop
makes steps, however busy it is, and says nothing about the cluster.

``/readyz`` is for whoever sends traffic or starts the next member: it is 200 once the node runs
and, when it was given addresses to join, has met another member. Nobody is met while a cluster
starts for the first time, one member after the other; so after ten seconds a lonely node is ready
too: its data can be read and written, and it goes on calling. It is 503 while the node leaves.

Only programs of this machine are answered, and not the pages in its browser: a request whose
``Host`` or ``Origin`` is another site's is refused, so that no web page can reach an agent
through the browser of its operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote, urlsplit

import trio
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gossip import Address, Member, MemberEvent, NameConflict
from node.bodies import answer, read_object
from node.config import Config
from node.errors import NodeError
from node.http_data import DataRoutes
from node.http_members import MemberRoutes
from node.http_talk import TalkRoutes
from node.node import Node
from node.problems import HANDLERS, Problem

LONELY_SECONDS = 10.0
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


def application(
    node: Node, config: Config, url: str, stop: Callable[[], None], since: float
) -> ASGIApp:
    """The whole interface of an agent that runs since then, by trio's clock; ``stop`` ends it after
    a leave that was asked for here.
    """
    agent = AgentRoutes(node, config, url, stop, since)
    routes = [
        *agent.routes(),
        *MemberRoutes(node).routes(),
        *DataRoutes(node).routes(),
        *TalkRoutes(node, event_object).routes(),
    ]
    app = Starlette(routes=routes, exception_handlers=HANDLERS)
    app.router.redirect_slashes = False  # a trailing slash is an empty key, not a typing error
    return LocalOnly(app)


def member_object(member: Member) -> dict[str, Any]:
    """A member as JSON: the fields of `Member`, the address as text."""
    return {
        "name": member.name,
        "id": member.id,
        "address": str(member.address),
        "state": member.state,
        "incarnation": member.incarnation,
        "tags": dict(member.tags),
        "rtt": member.rtt,
    }


def event_object(event: MemberEvent) -> dict[str, Any]:
    """A membership event as JSON: its name, and the member as it is now; of a conflict, with
    whom.
    """
    told = {"event": type(event).__name__, "member": member_object(event.member)}
    return told | ({"rival": str(event.rival)} if isinstance(event, NameConflict) else {})


class AgentRoutes:
    """The handlers for the agent itself and for membership."""

    def __init__(
        self, node: Node, config: Config, url: str, stop: Callable[[], None], since: float
    ) -> None:
        self.node = node
        self.config = config
        self.url = url
        self.stop = stop
        self.lonely_until = since + LONELY_SECONDS

    def routes(self) -> list[Route]:
        """Path, handler and method of each."""
        return [
            Route("/healthz", self.healthz, methods=["GET"]),
            Route("/readyz", self.readyz, methods=["GET"]),
            Route("/v1/status", self.status, methods=["GET"]),
            Route("/v1/digest", self.digest, methods=["GET"]),
            Route("/v1/members", self.members, methods=["GET"]),
            Route("/v1/members/join", self.join, methods=["POST"]),
            Route("/v1/leave", self.leave, methods=["POST"]),
            Route("/v1/faults", self.faults, methods=["PUT"]),
        ]

    async def healthz(self, _: Request) -> Response:
        """That this is answered is the answer."""
        return answer({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Whether the node should be sent traffic; see the module's docstring."""
        if self.node.phase != "running":
            raise Problem(503, f"the node is {self.node.phase}")
        alone = all(member.name == self.node.name for member in self.node.members())
        if self.config.join and alone and trio.current_time() < self.lonely_until:
            raise Problem(503, f"no answer yet from {', '.join(self.config.join)}")
        return answer({"status": "ready"})

    async def status(self, _: Request) -> Response:
        """Who this agent is and how the cluster looks from here."""
        members = self.node.members()
        return answer(
            {
                "name": self.node.name,
                "id": self.node.id,
                "address": str(self.node.address),
                "http": self.url,
                "phase": self.node.phase,
                "digest": self.node.digest(),
                "converged": self.node.converged(),
                "members": Counter(member.state for member in members),
                "quorum": asdict(self.node.quorum),
                "statistics": asdict(self.node.statistics()),
                "version": version("coterie"),
            }
        )

    async def digest(self, _: Request) -> Response:
        """Equal on two agents exactly when their states are equal."""
        return answer({"digest": self.node.digest()})

    async def members(self, _: Request) -> Response:
        """Everyone this member knows, itself included."""
        return answer({"members": [member_object(member) for member in self.node.members()]})

    async def join(self, request: Request) -> Response:
        """Call further addresses. It answers at once: who picks up is seen in the members."""
        addresses = (await read_object(request, addresses=list))["addresses"]
        if not all(isinstance(address, str) for address in addresses):
            raise Problem(400, "'addresses' has to be a list of texts")
        try:
            await self.node.join(addresses)
        except OSError as error:
            why = f"one of {', '.join(addresses)} cannot be resolved: {error.strerror or error}"
            raise Problem(400, why) from None
        except (NodeError, ValueError) as error:
            raise Problem(400, str(error)) from None
        return answer({"addresses": addresses})

    async def leave(self, _: Request) -> Response:
        """Leave the cluster; once this is answered, the agent ends."""
        await self.node.leave()
        response = answer({"name": self.node.name, "phase": self.node.phase})
        response.background = BackgroundTask(self._stop)
        return response

    async def _stop(self) -> None:  # a plain function would be run in a thread
        self.stop()

    async def faults(self, request: Request) -> Response:
        """``{"block": ["host:port", …]}``: from now on, drop what comes from and goes to these."""
        if not self.config.fault_injection:
            raise Problem(403, "this agent was not started with --fault-injection")
        block = (await read_object(request, block=list))["block"]
        try:
            self.node.block([Address.parse(text) for text in block])
        except (ValueError, TypeError, AttributeError) as error:
            raise Problem(400, f"'block' has to be a list of host:port: {error}") from None
        return answer({"block": block})


class SegmentConvertor(Convertor[str]):
    """One path segment, percent-decoded after routing, so that names and keys may hold slashes."""

    regex = "[^/]*"

    def convert(self, value: str) -> str:
        """The text that the segment stands for."""
        try:
            return unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise Problem(400, f"{value!r} in the path is not UTF-8") from None

    def to_string(self, value: str) -> str:
        """Not used: no URL is built from a route."""
        raise NotImplementedError


register_url_convertor("text", SegmentConvertor())


class LocalOnly:
    """Refuses what a web page elsewhere could have sent, and routes by the undecoded path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass a lifespan event on."""
        if scope["type"] == "http":
            scope["path"] = scope["raw_path"].decode("utf-8", "surrogateescape")
            headers = Headers(scope=scope)
            sites = [f"//{headers.get('host', '')}", headers.get("origin", "//localhost")]
            if any(_host(site) not in LOCAL_HOSTS for site in sites):
                problem = Problem(403, "only programs of this machine are answered")
                await problem.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
