"""Errors over HTTP: ``application/problem+json`` (RFC 9457), whatever goes wrong."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from node.errors import NodeClosed

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818  (the term of RFC 9457)
    """A request that cannot be answered as asked; ``extra`` are further members of the object."""

    def __init__(self, status: int, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra = extra

    def response(self, headers: dict[str, str] | None = None) -> Response:
        """The problem as a response."""
        content = {"title": HTTPStatus(self.status).phrase, "status": self.status}
        body = json.dumps(content | {"detail": self.detail} | self.extra, ensure_ascii=True)
        return Response(body, self.status, headers, media_type=MEDIA_TYPE)


def on_problem(_: Request, error: Exception) -> Response:
    """What our own handlers raise."""
    assert isinstance(error, Problem)
    return error.response()


def on_http_exception(request: Request, error: Exception) -> Response:
    """What the router raises: no such path, no such method."""
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return Problem(error.status_code, detail).response(dict(error.headers or {}))


def on_closed(_: Request, error: Exception) -> Response:
    """The node is on its way out and takes nothing more."""
    assert isinstance(error, NodeClosed)
    return Problem(503, "the node is leaving").response()


def on_bug(_: Request, error: Exception) -> Response:
    """Our own fault: the traceback is in the agent's log, not in the answer."""
    return Problem(500, f"{type(error).__name__} in the agent, see its log").response()


HANDLERS = {
    Problem: on_problem,
    HTTPException: on_http_exception,
    NodeClosed: on_closed,
    Exception: on_bug,
}
