"""The verbs with which users tell and ask each other, and listen: event, query, events, monitor."""

from __future__ import annotations

import argparse
import json
from typing import Any

from node.asking import REQUEST_TIMEOUT, Subparsers, UsageError, client, leaf, show
from node.output import print_json, print_table, printable, value_text

STREAM_TIMEOUT = 60.0
"""Seconds without any sign of life after which a stream is taken for dead; there is one every ten.
"""


def add(subparsers: Subparsers) -> None:
    """Add the verbs of this module."""
    event = leaf(subparsers, "event", run_event, "tell something to the users of all members")
    _add_topic(event)
    query = leaf(subparsers, "query", run_query, "ask the users of members", timeout=5.0)
    _add_topic(query)
    query.add_argument(
        "--where",
        metavar="TAG=TEXT|TAG~PATTERN",
        type=condition,
        action="append",
        default=[],
        help="only members with this tag; in a pattern, * is anything and ? a character",
    )
    query.add_argument(
        "--node", metavar="NAME", action="append", default=[], help="only these members"
    )
    query.add_argument(
        "--relays", metavar="N", type=int, default=0, help="send each answer through others too"
    )
    watch = "watch what becomes of members until interrupted"
    leaf(subparsers, "events", run_events, watch, timeout=None)
    watch = "watch the log, members and events until interrupted"
    leaf(subparsers, "monitor", run_monitor, watch, timeout=None)


def _add_topic(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("topic")
    parser.add_argument("payload", nargs="?", help="a text; with --json, any JSON")
    parser.add_argument("--json", action="store_true", help="the payload is JSON")


def condition(text: str) -> tuple[str, str, str]:
    """One ``--where``: what kind it is, the tag and the text."""
    for sign, kind in (("=", "tags"), ("~", "patterns")):
        key, found, value = text.partition(sign)
        if found and key and not set(key) & {"=", "~"}:
            return kind, key, value
    raise argparse.ArgumentTypeError(f"{text!r} is not of the form TAG=TEXT or TAG~PATTERN")


def _payload(args: argparse.Namespace) -> Any:
    if args.json and args.payload is not None:
        try:
            return json.loads(args.payload)
        except ValueError as error:
            raise UsageError(f"the payload is not JSON: {error}") from None
    return args.payload


def run_event(args: argparse.Namespace) -> int:
    """Send one event."""
    body = json.dumps({"topic": args.topic, "payload": _payload(args)})
    with client(args) as agent:
        content = agent.request("POST", "v1", "broadcast", body=body)
    return show(args, content, "")


def run_query(args: argparse.Namespace) -> int:
    """Ask, and print a line for each answer; 1 when there is none."""
    body: dict[str, Any] = {"topic": args.topic, "payload": _payload(args), "relays": args.relays}
    meant: dict[str, Any] = {"names": args.node} if args.node else {}
    for kind, key, value in args.where:
        meant.setdefault(kind, {})[key] = value
    body |= {"timeout": args.timeout} | ({"where": meant} if meant else {})
    # The agent answers when the time is up at the latest; that answer needs time of its own.
    with client(args, args.timeout + REQUEST_TIMEOUT) as agent:
        content = agent.request("POST", "v1", "query", body=json.dumps(body))
    if args.output == "json":
        print_json(content)
    else:
        rows = [(each["responder"], value_text(each["payload"])) for each in content["answers"]]
        rows += [(name, "-") for name in content["silent"]]
        print_table(("NAME", "ANSWER"), rows)
    return 0 if content["answers"] else 1


def run_events(args: argparse.Namespace) -> int:
    """Print what becomes of members, a line each, until interrupted or the agent ends."""
    return _follow(args, "events")


def run_monitor(args: argparse.Namespace) -> int:
    """Print what happens, a line each, until interrupted or the agent ends."""
    return _follow(args, "monitor")


def _follow(args: argparse.Namespace, stream: str) -> int:
    with client(args, STREAM_TIMEOUT) as agent:
        for event in agent.stream("v1", stream):
            if args.output == "json":
                print(json.dumps(event, ensure_ascii=False), flush=True)
            else:
                print(printable(words(event)), flush=True)
    return 0


def words(event: dict[str, Any]) -> str:
    """One line about anything that is monitored."""
    match event["kind"]:
        case "member":
            rival = f", rival at {event['rival']}" if "rival" in event else ""
            member = event["member"]
            return f"{event['event']} {member['name']} {member['address']}{rival}"
        case "event":
            return f"event {event['topic']} from {event['origin']}: {value_text(event['payload'])}"
        case "lost":
            return f"{event['missed']} events of {event['origin']} are lost"
        case "lagged":
            return f"{event['missed']} lines were left out: too many at once"
        case _:
            return f"{event['level']} {event['message']}"
