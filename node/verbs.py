"""The verbs of the command that this package brings, and their arguments."""

from __future__ import annotations

import argparse
import base64
import secrets
from dataclasses import replace
from typing import Any

from node import cluster_verbs, data_verbs, member_verbs, talk_verbs
from node.asking import Subparsers, pair

KEYGEN_BYTES = 32


def add(subparsers: Subparsers) -> None:
    """Add all verbs of this package."""
    _add_demo(subparsers)
    _add_keygen(subparsers)
    _add_agent(subparsers)
    cluster_verbs.add(subparsers)
    member_verbs.add(subparsers)
    data_verbs.add(subparsers)
    talk_verbs.add(subparsers)


def _add_demo(subparsers: Subparsers) -> None:
    demo = subparsers.add_parser("demo", help="a cluster of five agents: kill one, cut it, heal it")
    demo.add_argument("--keep", action="store_true", help="leave the agents running at the end")
    demo.set_defaults(run=run_demo)


def _add_keygen(subparsers: Subparsers) -> None:
    keygen = subparsers.add_parser("keygen", help="print a new cluster secret")
    keygen.set_defaults(run=run_keygen)


def _add_agent(subparsers: Subparsers) -> None:
    agent = subparsers.add_parser("agent", help="run a member until SIGTERM or SIGINT")
    agent.add_argument("--config", metavar="FILE", help="TOML; flags and COTERIE_* go before it")
    agent.add_argument("--name", help="how others call this member (default: the host's name)")
    agent.add_argument("--bind", metavar="HOST:PORT", help="UDP (default 127.0.0.1:7847)")
    agent.add_argument(
        "--join", metavar="HOST:PORT", action="extend", nargs="+", help="members to call first"
    )
    agent.add_argument("--secret-file", metavar="FILE", help="what `coterie keygen` printed")
    agent.add_argument("--data-dir", metavar="DIR", help="where state outlives the process")
    agent.add_argument("--http", metavar="HOST:PORT", help="TCP (default 127.0.0.1:7848)")
    agent.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", type=pair, help="a fact that others see"
    )
    agent.add_argument(
        "--expected", metavar="N|NAME,…", help="of whom a majority is counted (default: all met)"
    )
    agent.add_argument("--profile", help="timings for lan (default), wan, or local: one machine")
    agent.add_argument(
        "--fault-injection", action="store_true", default=None, help="allow PUT /v1/faults"
    )
    agent.add_argument(
        "--dev",
        action="store_true",
        help="a throw-away member: any free UDP port, an own secret, local timings",
    )
    agent.set_defaults(run=run_agent)


def run_demo(args: argparse.Namespace) -> int:
    """The main job; see `node.demo`."""
    from node.demo import run

    return run(keep=args.keep)


def run_keygen(_: argparse.Namespace) -> int:
    """Print 32 random bytes as text."""
    print(base64.b64encode(secrets.token_bytes(KEYGEN_BYTES)).decode())
    return 0


def run_agent(args: argparse.Namespace) -> int:
    """Run the daemon until it has left."""
    from node.agent import log_to_stderr, run
    from node.config import HTTP_PORT, Config, parse_expected

    throw_away: dict[str, Any] = {}
    if args.dev:
        throw_away = {"bind": "127.0.0.1:0", "profile": "local", "secret": secrets.token_hex()}
    given = {
        key: getattr(args, key)
        for key in ("name", "bind", "join", "secret_file", "data_dir", "http", "profile")
        if getattr(args, key) is not None
    }
    if "secret_file" in given:
        throw_away.pop("secret", None)
    if args.expected is not None:
        given["expected"] = parse_expected(args.expected)
    tags = None if args.tag is None else dict(args.tag)
    config = Config.load(
        args.config,
        tags=tags,
        fault_injection=args.fault_injection,
        **(throw_away | given),
    )
    if config.http is None:
        config = replace(config, http=f"127.0.0.1:{HTTP_PORT}")
    log_to_stderr()
    run(config)
    return 0
