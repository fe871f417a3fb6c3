"""The part of the HTTP interface that is about single members: distances, tags, force-leave."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from node.bodies import answer, read_json
from node.errors import ConfigError
from node.node import Node
from node.problems import Problem


class MemberRoutes:
    """The handlers."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def routes(self) -> list[Route]:
        """Path, handler and method of each."""
        return [
            Route("/v1/rtt/{a:text}", self.rtt, methods=["GET"]),
            Route("/v1/rtt/{a:text}/{b:text}", self.rtt, methods=["GET"]),
            Route("/v1/reachability", self.reachability, methods=["GET"]),
            Route("/v1/members/{name:text}/why", self.why, methods=["GET"]),
            Route("/v1/tags", self.tags, methods=["GET"]),
            Route("/v1/tags", self.tags_update, methods=["PUT"]),
            Route("/v1/tags/{key:text}", self.tags_delete, methods=["DELETE"]),
            Route("/v1/members/{name:text}/force-leave", self.force_leave, methods=["POST"]),
        ]

    async def rtt(self, request: Request) -> Response:
        """The round trip between two members, one of them this one unless told otherwise; 404 when
        it is not known.
        """
        a, b = request.path_params["a"], request.path_params.get("b", self.node.name)
        for name in (a, b):
            self._known(name)
        rtt = self.node.rtt(a, b)
        if rtt is None:
            raise Problem(404, f"the round trip between {a!r} and {b!r} is not known yet")
        return answer({"a": a, "b": b, "rtt": rtt})

    async def why(self, request: Request) -> Response:
        """The suspicions of a member that this one knows of, the latest first."""
        name = request.path_params["name"]
        cases = self.node.why(name)
        if not cases:
            self._known(name)
        return answer({"name": name, "cases": cases})

    async def reachability(self, _: Request) -> Response:
        """Who cannot reach whom itself, as each member says."""
        return answer(await self.node.reachability())

    async def tags(self, _: Request) -> Response:
        """This member's own tags."""
        return answer({"tags": dict(self.node.tags)})

    async def tags_update(self, request: Request) -> Response:
        """Set every pair of the object in the body, as one change; the answer is all tags."""
        body = await read_json(request)
        if not isinstance(body, dict):
            raise Problem(400, "the body has to be an object of names and texts")
        try:
            self.node.tags.update(body)
        except ConfigError as error:
            raise Problem(400, str(error)) from None
        return await self.tags(request)

    async def tags_delete(self, request: Request) -> Response:
        """Delete one tag, 404 if it is absent; the answer is all tags."""
        try:
            del self.node.tags[request.path_params["key"]]
        except KeyError:
            raise Problem(404, f"there is no tag {request.path_params['key']!r}") from None
        return await self.tags(request)

    async def force_leave(self, request: Request) -> Response:
        """Have a suspected or failed member count as one that left."""
        name = request.path_params["name"]
        try:
            self.node.force_leave(name)
        except ValueError as error:
            self._known(name)
            raise Problem(409, str(error)) from None
        return answer({"name": name})

    def _known(self, name: str) -> None:
        if all(member.name != name for member in self.node.members()):
            raise Problem(404, f"there is no member {name!r}")
