"""JSON as it goes over HTTP: what is read from a request and how an answer is written.

JSON carries less than the replicated data does. A ``bytes`` value is shown as
``{"base64": "…"}``, a ``bytes`` key as ``base64:…``, and a float that JSON has no number for
(infinity, not-a-number) as ``{"float": "inf"}``. These forms are for reading: a value that is put
in over HTTP is stored as the plain JSON that it is.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from node.problems import Problem

BODY_BYTES_MAX = 4 * 1024 * 1024
BODY_SECONDS = 60.0
"""How long a body may take to come."""


def answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON object as a response."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text.encode(), status, media_type="application/json")


def plain(value: Any) -> Any:
    """A replicated value in terms of JSON."""
    match value:
        case bytes():
            return {"base64": base64.b64encode(value).decode()}
        case float() if not math.isfinite(value):
            return {"float": str(value)}
        case list() | tuple():
            return [plain(item) for item in value]
        case Mapping():
            return {plain_key(key): plain(item) for key, item in value.items()}
        case _:
            return value


def plain_key(key: str | bytes) -> str:
    """A key of a replicated map as a key of a JSON object."""
    return "base64:" + base64.b64encode(key).decode() if isinstance(key, bytes) else key


async def read_json(request: Request) -> Any:
    """The body of a request; a `Problem` when it is too large, too late or not JSON."""
    chunks: list[bytes] = []
    size = 0
    with trio.move_on_after(BODY_SECONDS) as scope:
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size <= BODY_BYTES_MAX:
                    chunks.append(chunk)
        except ClientDisconnect:
            raise Problem(400, "the body ends early") from None
    if scope.cancelled_caught:
        raise Problem(408, f"the body did not come within {BODY_SECONDS:g} s")
    if size > BODY_BYTES_MAX:  # read to its end all the same: who still sends does not hear us
        raise Problem(413, f"the body has more than {BODY_BYTES_MAX} bytes")
    return parse_json(b"".join(chunks))


def parse_json(text: bytes) -> Any:
    """JSON as the standard has it, without Python's NaN and Infinity."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise Problem(400, "the body is nested too deeply") from None
    except ValueError as error:
        raise Problem(400, f"the body is not JSON: {error}") from None


async def read_object(request: Request, **fields: type) -> dict[str, Any]:
    """A body that has to be an object with exactly these fields of these types."""
    body = await read_json(request)
    if not isinstance(body, dict) or body.keys() != fields.keys():
        raise Problem(400, f"the body has to be an object with {', '.join(fields)}")
    for name, kind in fields.items():
        if type(body[name]) is not kind:  # exactly: in Python, true is an int too
            raise Problem(400, f"{name!r} has to be of type {kind.__name__}")
    return body


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large for a number")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
