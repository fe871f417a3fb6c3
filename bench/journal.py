"""The log of an agent as a record of what it noticed, and when.

To ask a hundred agents ten times a second who is there would starve the machine that they run on,
and find out late. Each of them says it by itself, with the time: reading that disturbs nobody, and
what is measured is when an agent knew, not when it was asked.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from gossip import Address

LINE = re.compile(r"(\S+) INFO (\w+): (.*)")
READY = re.compile(r"name=\S+ gossip=(\S+) http=(\S+)")

STATES = {
    "MemberJoined": "alive",
    "MemberRecovered": "alive",
    "MemberSuspected": "suspect",
    "MemberFailed": "failed",
    "MemberLeft": "left",
}


class Noticed(NamedTuple):
    """A member has another state, as an agent saw it."""

    at: float
    """Seconds since 1970, to the millisecond."""
    name: str
    state: str


class Journal:
    """What an agent has said so far; `read` takes in what is new."""

    def __init__(self, path: Path) -> None:
        self._file = path.open(encoding="utf-8")
        self._rest = ""
        self.listening: float | None = None
        """When it had its socket."""
        self.gossip: Address | None = None
        self.http = ""
        """Where it is called; known once it is ready."""
        self.noticed: list[Noticed] = []
        self.others: dict[str, str] = {}
        """The states of the others, as it sees them."""

    def read(self) -> None:
        """Take in the lines that were written since."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            if match := LINE.match(line):
                self._take(datetime.fromisoformat(match[1]).timestamp(), match[2], match[3])

    def close(self) -> None:
        """Read no more."""
        self._file.close()

    def _take(self, at: float, word: str, text: str) -> None:
        if word in STATES:
            name = text.partition(" ")[0]
            self.noticed.append(Noticed(at, name, STATES[word]))
            self.others[name] = STATES[word]
        elif word == "listening":
            self.listening = at
        elif word == "ready" and (match := READY.match(text)):
            self.gossip, self.http = Address.parse(match[1]), match[2]

    @property
    def alive(self) -> int:
        """How many it takes to be there, itself included."""
        return 1 + sum(state == "alive" for state in self.others.values())

    @property
    def latest(self) -> float:
        """When it noticed something last."""
        return self.noticed[-1].at if self.noticed else 0.0

    def first(self, name: str, state: str) -> float | None:
        """When it saw a member in that state first; None if it never did."""
        return next((n.at for n in self.noticed if (n.name, n.state) == (name, state)), None)
