"""The verbs about the cluster: who is there, in which state, and waiting for one."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

from node.asking import REQUEST_TIMEOUT, Subparsers, client, leaf, read, show, write
from node.client import AgentUnreachableError, Client
from node.errors import NodeError
from node.output import natural, print_json, print_table, value_text

POLL_SECONDS = 0.1
STATES = ("alive", "suspect", "failed", "left")

LEAVE_TIMEOUT = 15.0
"""Seconds: where nobody answers, an agent with the profile `wan` takes ten to leave."""


def add(subparsers: Subparsers) -> None:
    """Add the verbs of this module."""
    leaf(subparsers, "members", run_members, "who is there")
    leaf(subparsers, "info", run_info, "who the agent is and how it sees the cluster")
    leaf(subparsers, "digest", run_digest, "the digest of the replicated state")
    join = leaf(subparsers, "join", run_join, "make the agent call further members")
    join.add_argument("addresses", metavar="HOST:PORT", nargs="+")
    leave = "make the agent leave the cluster and end"
    leaf(subparsers, "leave", run_leave, leave, timeout=LEAVE_TIMEOUT)
    wait = leaf(subparsers, "wait", run_wait, "return when it holds, 1 on time-out", timeout=30.0)
    wait.add_argument(
        "--for",
        dest="condition",
        metavar="members=N|converged|state:NAME=STATE",
        type=condition,
        required=True,
    )


TAGS_SHOWN = 60
"""Of longer tags so many characters are shown in a table: they may have thousands."""


def run_members(args: argparse.Namespace) -> int:
    """One line for each member, by name."""
    content = read(args, "v1", "members")
    if args.output == "json":
        print_json(content)
        return 0
    rows = []
    for member in sorted(content["members"], key=lambda member: natural(member["name"])):
        rtt = "-" if member["rtt"] is None else f"{member['rtt'] * 1000:.1f}ms"
        tags = ",".join(f"{key}={value}" for key, value in member["tags"].items()) or "-"
        tags = tags if len(tags) <= TAGS_SHOWN else tags[: TAGS_SHOWN - 1] + "…"
        rows.append((member["name"], member["address"], member["state"], rtt, tags, member["id"]))
    print_table(("NAME", "ADDRESS", "STATE", "RTT", "TAGS", "ID"), rows)
    return 0


def run_info(args: argparse.Namespace) -> int:
    """The agent's status, one field a line."""
    content = read(args, "v1", "status")
    if args.output == "json":
        print_json(content)
        return 0
    view = content["quorum"]
    content["quorum"] = f"{view['state']}, {view['present']} of {view['expected']} are there"
    for key, value in content.items():
        print(f"{key + ':':<12} {value if isinstance(value, str) else value_text(value)}")
    return 0


def run_digest(args: argparse.Namespace) -> int:
    """The digest alone."""
    content = read(args, "v1", "digest")
    return show(args, content, content["digest"])


def run_join(args: argparse.Namespace) -> int:
    """Call members; it does not wait for their answer, `coterie wait` does."""
    body = json.dumps({"addresses": args.addresses})
    content = write(args, "POST", "v1", "members", "join", body=body)
    return show(args, content, f"calling {', '.join(content['addresses'])}")


def run_leave(args: argparse.Namespace) -> int:
    """Leave and end."""
    content = write(args, "POST", "v1", "leave")
    return show(args, content, f"{content['name']} has left")


def condition(text: str) -> tuple[str, Callable[[Client], bool]]:
    """What ``--for`` waits for, with its spelling."""
    subject, _, value = text.rpartition("=")  # the name of a member may have a "=" in it
    if text == "converged":
        return text, lambda agent: agent.get("v1", "status")["converged"] is True
    if subject == "members" and value.isascii() and value.isdecimal():
        number = int(value)
        return text, lambda agent: _states(agent).count("alive") == number
    if subject.startswith("state:") and value in STATES:
        name = subject.removeprefix("state:")
        return text, lambda agent: value in _states(agent, name)
    form = f"members=N, converged or state:NAME={'|'.join(STATES)}"
    raise argparse.ArgumentTypeError(f"{text!r} is not of the form {form}")


def _states(agent: Client, name: str | None = None) -> list[str]:
    members = agent.get("v1", "members")["members"]
    return [member["state"] for member in members if name in (None, member["name"])]


def run_wait(args: argparse.Namespace) -> int:
    """Ask until it holds. An agent that is not reachable yet may still be starting."""
    spelling, holds = args.condition
    deadline = time.monotonic() + args.timeout
    while True:
        unreachable = None
        try:
            with client(args, REQUEST_TIMEOUT) as agent:
                if holds(agent):
                    return 0
        except AgentUnreachableError as error:
            unreachable = error
        if time.monotonic() > deadline:
            raise unreachable or NodeError(f"{spelling} did not hold within {args.timeout:g} s")
        time.sleep(POLL_SECONDS)
