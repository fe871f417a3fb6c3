"""The command ``coterie``: its parser, its errors and its exit codes.

0 done; 1 the thing asked about is false, absent or failed; 2 bad usage; 3 agent not reachable.
Data goes to stdout, everything else to stderr, an error in one line. Verbs of other packages are
found through the entry-point group ``coterie.verbs`` and loaded only when they are asked for.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points, version
from typing import NoReturn

from node import verbs
from node.asking import UsageError
from node.client import AgentProblemError, AgentUnreachableError
from node.errors import NodeError

DONE, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3

WELCOME = """\
coterie: shared state and membership for processes, without a server

Three commands to try first:
  coterie demo                       five agents on this machine: kill one, cut the cluster, heal
  coterie agent                      run a member here; stop it with Ctrl-C
  coterie counter increment visits   in another terminal: write to it, then
                                     `coterie counter get visits`, `coterie members`

`coterie --help` lists all verbs, `coterie VERB --help` explains one.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if not arguments:
        print(WELCOME, end="")
        return DONE
    try:
        args = parser(arguments).parse_args(arguments)
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read our output has seen enough
        drop_output()
        return DONE
    except OSError as error:
        drop_output()
        where = f" {error.filename}" if error.filename else ""
        print(f"coterie: the system refuses{where} ({error.strerror or error})", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130
    except UnicodeError as error:
        why = getattr(error, "reason", str(error))
        print(f"coterie: there is text that cannot be encoded ({why}); try: UTF-8", file=sys.stderr)
        return USAGE
    except NodeError as error:
        print(f"coterie: {error}", file=sys.stderr)
        return exit_code(error)
    except ModuleNotFoundError as error:
        return missing(error)


def drop_output() -> None:
    """Point stdout at nothing, so that the interpreter's own flush at its end does not fail too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_code(error: NodeError) -> int:
    """The contract's exit code for an error."""
    if isinstance(error, AgentUnreachableError):
        return UNREACHABLE
    if isinstance(error, UsageError):
        return USAGE
    if isinstance(error, AgentProblemError) and error.status == 400:
        return USAGE
    return FAILED


def missing(error: ModuleNotFoundError) -> int:
    """A verb whose extra is not installed. Our own modules are never missing: that is a bug."""
    if error.name is None or error.name.partition(".")[0] in ("crdt", "gossip", "node"):
        raise error
    if error.name.partition(".")[0] == "bench":
        print("coterie: the benchmarks come with the repository; try: make bench", file=sys.stderr)
        return FAILED
    why, remedy = f"{error.name} is not installed", "pip install 'coterie[all]'"
    print(f"coterie: this verb needs an extra ({why}); try: {remedy}", file=sys.stderr)
    return FAILED


class Parser(argparse.ArgumentParser):
    """argparse with errors of one line, and with options anywhere between arguments."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read more."""
        self.exit(USAGE, f"coterie: {message}; try: {self.prog} --help\n")

    def _match_arguments_partial(
        self, actions: Sequence[argparse.Action], arg_strings_pattern: str
    ) -> list[int]:
        """How many of the next words each argument takes. One that may be left out is not left out
        already because an option comes first: `coterie event deploy --json 7`. So does argparse
        itself from Python 3.13 on.
        """
        counts = super()._match_arguments_partial(actions, arg_strings_pattern)
        if arg_strings_pattern[sum(counts) :].startswith("O"):
            while counts and not counts[-1]:
                counts.pop()
        return counts


def parser(arguments: Sequence[str]) -> Parser:
    """The parser for these arguments: of the foreign verbs it has the ones that they need."""
    top = Parser(prog="coterie", description=WELCOME.partition("\n")[0], allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"coterie {version('coterie')}")
    subparsers = top.add_subparsers(metavar="VERB", required=True)
    verbs.add(subparsers)
    asked = arguments[0]
    if asked in subparsers.choices:
        return top
    for entry_point in sorted(entry_points(group="coterie.verbs"), key=lambda entry: entry.name):
        if asked == entry_point.name:
            entry_point.load()(subparsers)
        else:
            announce(subparsers, entry_point)
    return top


def announce(subparsers: argparse._SubParsersAction[Parser], entry_point: EntryPoint) -> None:
    """Name a foreign verb in the list of verbs, without loading its package."""
    subparsers.add_parser(entry_point.name, help=f"see `coterie {entry_point.name} --help`")


if __name__ == "__main__":
    sys.exit(main())
