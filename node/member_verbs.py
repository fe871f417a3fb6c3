"""The verbs about single members: how far they are and how tagged, and what is wrong with them."""

from __future__ import annotations

import argparse
import json

from node.asking import Subparsers, group, leaf, pair, read, show, write
from node.output import print_json, print_table


def add(subparsers: Subparsers) -> None:
    """Add the verbs of this module."""
    rtt = leaf(subparsers, "rtt", run_rtt, "the round trip between two members, 1 if not known")
    rtt.add_argument("a", metavar="A", help="a member")
    rtt.add_argument("b", metavar="B", nargs="?", help="another one (default: the agent)")
    gone = leaf(subparsers, "force-leave", run_force_leave, "have a failed member count as left")
    gone.add_argument("name", metavar="NAME")
    why = leaf(subparsers, "why", run_why, "why a member was suspected, or taken for failed")
    why.add_argument("name", metavar="NAME")
    leaf(subparsers, "reachability", run_reachability, "who cannot reach whom, 1 if anybody")
    actions = group(subparsers, "tags", "what other members see beside the agent's name")
    leaf(actions, "get", run_tags_get)
    leaf(actions, "set", run_tags_set).add_argument(
        "tags", metavar="KEY=VALUE", type=pair, nargs="+"
    )
    leaf(actions, "delete", run_tags_delete).add_argument("keys", metavar="KEY", nargs="+")


def run_rtt(args: argparse.Namespace) -> int:
    """The round trip in milliseconds."""
    content = read(args, "v1", "rtt", args.a, *([] if args.b is None else [args.b]))
    return show(args, content, f"{content['rtt'] * 1000:.3f} ms")


def run_force_leave(args: argparse.Namespace) -> int:
    """Say of somebody that he has left."""
    content = write(args, "POST", "v1", "members", args.name, "force-leave")
    return show(args, content, f"{content['name']} is said to have left")


def run_why(args: argparse.Namespace) -> int:
    """Each suspicion with who made it, and what the agent knew then."""
    content = read(args, "v1", "members", args.name, "why")
    if args.output == "json":
        print_json(content)
        return 0
    if not content["cases"]:
        print(f"{content['name']} was never suspected, as far as this agent knows")
    for case in content["cases"]:
        print(case["words"])
    return 0


def run_reachability(args: argparse.Namespace) -> int:
    """One line for each way that does not work."""
    content = read(args, "v1", "reachability")
    if args.output == "json":
        print_json(content)
    elif content["unreached"] or content["silent"]:
        rows = [
            (each["from"], each["to"], "others do" if each["others"] else "nobody asked does")
            for each in content["unreached"]
        ]
        rows += [(name, f"{count} more", "") for name, count in content["more"].items()]
        rows += [(name, "", "did not answer this question") for name in content["silent"]]
        print_table(("MEMBER", "DOES NOT REACH", "BUT"), rows)
    else:
        print("everybody reaches everybody")
    return 1 if content["unreached"] or content["silent"] else 0


def run_tags_get(args: argparse.Namespace) -> int:
    """One tag a line."""
    content = read(args, "v1", "tags")
    if args.output == "json":
        print_json(content)
    else:
        print_table(("KEY", "VALUE"), list(content["tags"].items()))
    return 0


def run_tags_set(args: argparse.Namespace) -> int:
    """Silent, unless JSON is asked for."""
    content = write(args, "PUT", "v1", "tags", body=json.dumps(dict(args.tags)))
    return show(args, content, "")


def run_tags_delete(args: argparse.Namespace) -> int:
    """Silent, unless JSON is asked for; 1 when one was absent."""
    content = {}
    for key in args.keys:
        content = write(args, "DELETE", "v1", "tags", key)
    return show(args, content, "")
