"""What the verbs that talk to an agent have in common: their options, the request, the answer."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from node.client import DEFAULT_AGENT, Client
from node.durations import seconds
from node.errors import NodeError
from node.output import print_json

Subparsers = Any  # argparse keeps the type of this private
Run = Callable[[argparse.Namespace], int]

REQUEST_TIMEOUT = 5.0

TIMEOUT_MAX = 365 * 86400.0
"""Seconds that `--timeout` may have: some systems count no further than a few centuries."""


class UsageError(NodeError):
    """What was typed cannot be meant. Nothing was asked of an agent."""


def group(subparsers: Subparsers, verb: str, text: str) -> Subparsers:
    """A verb that is followed by an action."""
    parser = subparsers.add_parser(verb, help=text, description=text)
    return parser.add_subparsers(metavar="ACTION", required=True)


def leaf(
    subparsers: Subparsers,
    verb: str,
    run: Run,
    text: str = "",
    *,
    timeout: float | None = REQUEST_TIMEOUT,
    writes: bool = False,
) -> argparse.ArgumentParser:
    """A verb with the options that all of them have, but for a time-out where nothing ends."""
    parser: argparse.ArgumentParser = subparsers.add_parser(verb, help=text, description=text)
    agent = os.environ.get("COTERIE_AGENT", DEFAULT_AGENT)
    parser.add_argument("--agent", metavar="URL|unix:PATH", help=f"default {agent}")
    parser.add_argument("-o", dest="output", choices=("json", "table"), default="table")
    if timeout is not None:
        parser.add_argument(
            "--timeout", metavar="TIME", type=_time, default=timeout, help="like 2s"
        )
    if writes:
        parser.add_argument("--acks", metavar="N|majority|all", help="wait until as many hold it")
    parser.set_defaults(run=run)
    return parser


def _time(text: str) -> float:
    try:
        time = seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if time > TIMEOUT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than a year")
    return time


def pair(text: str) -> tuple[str, str]:
    """``KEY=VALUE``."""
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def client(args: argparse.Namespace, timeout: float | None = None) -> Client:
    """The agent that was asked for: the flag's, else the environment's, else the local one."""
    agent = args.agent or os.environ.get("COTERIE_AGENT") or DEFAULT_AGENT
    timeout = args.timeout if timeout is None else timeout
    if not timeout:
        raise UsageError("no agent answers within 0 s", remedy="--timeout 5s")
    try:
        return Client(agent, timeout=timeout)
    except ValueError as error:
        raise UsageError(str(error)) from None


def read(args: argparse.Namespace, *path: str, **query: str | None) -> dict[str, Any]:
    """What the agent has there."""
    with client(args) as agent:
        return agent.get(*path, **query)


def write(
    args: argparse.Namespace, method: str, *path: str, body: str | None = None
) -> dict[str, Any]:
    """A change, held by as many members as ``--acks`` asks for within the time-out."""
    acks = getattr(args, "acks", None)
    if acks is None:
        with client(args) as agent:
            return agent.request(method, *path, body=body)
    # The agent answers when the time is up at the latest; that answer needs time of its own.
    with client(args, args.timeout + REQUEST_TIMEOUT) as agent:
        query = {"acks": acks, "timeout": f"{args.timeout}s"}
        return agent.request(method, *path, body=body, query=query)


def show(args: argparse.Namespace, content: dict[str, Any], text: str) -> int:
    """Print the answer, or its text when no JSON was asked for."""
    if args.output == "json":
        print_json(content)
    elif text:
        print(text)
    return 0
