"""The verbs that read and write the replicated data: counter, set and map."""

from __future__ import annotations

import argparse
import json

from node.asking import Subparsers, group, leaf, read, show, write
from node.client import AgentProblemError
from node.output import print_json, print_table, value_text


def add(subparsers: Subparsers) -> None:
    """Add the verbs of this module."""
    _add_counter(subparsers)
    _add_set(subparsers)
    _add_map(subparsers)


def _add_counter(subparsers: Subparsers) -> None:
    actions = group(subparsers, "counter", "numbers that every member can change at once")
    leaf(actions, "get", run_counter_get).add_argument("name")
    leaf(actions, "reset", run_counter_reset, writes=True).add_argument("name")
    for action, run in ("increment", run_counter_increment), ("decrement", run_counter_decrement):
        verb = leaf(actions, action, run, writes=True)
        verb.add_argument("name")
        verb.add_argument("n", type=int, nargs="?", default=1)


def _add_set(subparsers: Subparsers) -> None:
    actions = group(subparsers, "set", "sets in which a concurrent add wins over a remove")
    leaf(actions, "get", run_set_get).add_argument("name")
    leaf(actions, "clear", run_set_clear, writes=True).add_argument("name")
    for action, run in (
        ("add", run_set_add),
        ("remove", run_set_remove),
        ("discard", run_set_discard),
    ):
        verb = leaf(actions, action, run, writes=True)
        verb.add_argument("name")
        verb.add_argument("element")


def _add_map(subparsers: Subparsers) -> None:
    actions = group(subparsers, "map", "maps in which the later write of a key wins")
    get = leaf(actions, "get", run_map_get)
    get.add_argument("name")
    get.add_argument("key", nargs="?")
    for option in "prefix", "start", "stop", "limit":
        get.add_argument(f"--{option}", help="the part of the map to show")
    put = leaf(actions, "put", run_map_put, writes=True)
    put.add_argument("name")
    put.add_argument("key")
    put.add_argument("value", type=_json, help="JSON: '\"dark\"' for a text")
    delete = leaf(actions, "delete", run_map_delete, writes=True)
    delete.add_argument("name")
    delete.add_argument("key")


def run_counter_get(args: argparse.Namespace) -> int:
    """The number."""
    content = read(args, "v1", "counters", args.name)
    return show(args, content, str(content["value"]))


def run_counter_increment(args: argparse.Namespace) -> int:
    """Add n and print the number."""
    return _increment(args, args.n)


def run_counter_decrement(args: argparse.Namespace) -> int:
    """Take n away and print the number."""
    return _increment(args, -args.n)


def run_counter_reset(args: argparse.Namespace) -> int:
    """Take away what the agent has seen, and print the number."""
    content = write(args, "POST", "v1", "counters", args.name, "reset")
    return show(args, content, str(content["value"]))


def _increment(args: argparse.Namespace, n: int) -> int:
    body = json.dumps({"increment": n})
    content = write(args, "POST", "v1", "counters", args.name, body=body)
    return show(args, content, str(content["value"]))


def run_set_get(args: argparse.Namespace) -> int:
    """One element a line; a text as it is, anything else as JSON."""
    content = read(args, "v1", "sets", args.name)
    lines = [item if isinstance(item, str) else value_text(item) for item in content["value"]]
    return show(args, content, "\n".join(lines))


def run_set_add(args: argparse.Namespace) -> int:
    """Silent, unless JSON is asked for."""
    return show(args, write(args, "PUT", "v1", "sets", args.name, args.element), "")


def run_set_remove(args: argparse.Namespace) -> int:
    """Silent, unless JSON is asked for; 1 when it was absent."""
    return show(args, write(args, "DELETE", "v1", "sets", args.name, args.element), "")


def run_set_discard(args: argparse.Namespace) -> int:
    """Silent, unless JSON is asked for; 0 also when it was absent."""
    try:
        content = write(args, "DELETE", "v1", "sets", args.name, args.element)
    except AgentProblemError as problem:
        if problem.status != 404:
            raise
        content = read(args, "v1", "sets", args.name)
    return show(args, content, "")


def run_set_clear(args: argparse.Namespace) -> int:
    """Silent, unless JSON is asked for."""
    return show(args, write(args, "DELETE", "v1", "sets", args.name), "")


def run_map_get(args: argparse.Namespace) -> int:
    """One value as JSON, or the map as a table."""
    if args.key is not None:
        content = read(args, "v1", "maps", args.name, args.key)
        return show(args, content, value_text(content["value"]))
    selection = {key: getattr(args, key) for key in ("prefix", "start", "stop", "limit")}
    content = read(args, "v1", "maps", args.name, **selection)
    if args.output == "json":
        print_json(content)
    else:
        print_table(
            ("KEY", "VALUE"), [(key, value_text(value)) for key, value in content["value"].items()]
        )
    return 0


def run_map_put(args: argparse.Namespace) -> int:
    """Silent, unless JSON is asked for."""
    return show(args, write(args, "PUT", "v1", "maps", args.name, args.key, body=args.value), "")


def run_map_delete(args: argparse.Namespace) -> int:
    """Silent, unless JSON is asked for; 1 when it was absent."""
    return show(args, write(args, "DELETE", "v1", "maps", args.name, args.key), "")


def _json(text: str) -> str:
    """Checked here, sent as it was typed: the agent decides what it can carry."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        why = "a text needs quotes of its own, like '\"dark\"'"
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON ({why})") from None
    return text
