"""The demo's data, and what has to come out of it.

Every write is also done on plain Python values: `Expected` knows nothing of replication. So the
writes are chosen such that their outcome is certain, however the agents' messages interleave: an
element is removed where it was added or after everyone has it, and where the two sides of a cut
write the same key, one of them does so later.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from node.client import Client
from node.demo.cluster import DemoError

BATCH = 25
"""Entries of a map in one request."""

SESSIONS = 30
"""Elements that each agent adds to the set; it removes every third of them again."""


@dataclass(slots=True)
class Expected:
    """The final data, computed beside the cluster; several threads write to it at once."""

    packages: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    increments: list[tuple[str, int]] = field(default_factory=list)

    def counters(self) -> Counter[str]:
        """The totals. Threads append, which cannot lose anything; adding up could."""
        totals: Counter[str] = Counter()
        for name, n in self.increments:
            totals[name] += n
        return totals


def installed_packages() -> dict[str, Any]:
    """The packages of this machine or, where dpkg is not, of this Python environment."""
    if (query := shutil.which("dpkg-query")) is not None:
        form = "${Package}:${Architecture}\\t${Version}\\t${Installed-Size}\\n"
        listing = subprocess.run([query, "-W", "-f", form], capture_output=True, check=False)
        lines = listing.stdout.decode(errors="replace").splitlines()
        rows = [line.split("\t") for line in lines]
        found = {name: {"version": version, "kib": int(kib or 0)} for name, version, kib in rows}
        if found:
            return found
    return {
        distribution.name: {"version": distribution.version}
        for distribution in importlib.metadata.distributions()
    }


def readme_words() -> list[str]:
    """The words of coterie's README: of the checkout, else of the installed distribution."""
    for directory in Path(__file__).parents[2], Path.cwd():
        readme = directory / "README.md"
        if readme.is_file():
            return words(readme.read_text(encoding="utf-8", errors="replace"))
    return words(str(importlib.metadata.metadata("coterie")["Description"]))


def words(text: str) -> list[str]:
    """The words of a text in lower case, in its order."""
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def put_packages(client: Client, share: dict[str, Any], expected: Expected) -> None:
    """Put one agent's share of the packages into the map."""
    items = list(share.items())
    for start in range(0, len(items), BATCH):
        body = json.dumps(dict(items[start : start + BATCH]))
        client.request("PUT", "v1", "maps", "packages", body=body)
    expected.packages.update(share)


def count_words(client: Client, share: list[str], expected: Expected) -> None:
    """Count one agent's share of the words: one counter for each word."""
    for word, times in Counter(share).items():
        increment(client, f"word:{word}", times, expected)


def increment(client: Client, name: str, n: int, expected: Expected) -> None:
    """Add n to a counter."""
    client.request("POST", "v1", "counters", name, body=json.dumps({"increment": n}))
    expected.increments.append((name, n))


def come_and_go(client: Client, name: str, expected: Expected) -> None:
    """Add elements to the set and remove some of them again, while the other agents do so too."""
    for number in range(SESSIONS):
        add(client, f"{name}/{number}", expected)
        if number % 3 == 2:
            remove(client, f"{name}/{number - 1}", expected)


def add(client: Client, element: str, expected: Expected) -> None:
    """Add an element to the set."""
    client.request("PUT", "v1", "sets", "online", element)
    expected.online.add(element)


def remove(client: Client, element: str, expected: Expected) -> None:
    """Remove an element from the set."""
    client.request("DELETE", "v1", "sets", "online", element)
    expected.online.discard(element)


def put(client: Client, key: str, value: Any, expected: Expected) -> None:
    """Put a key of the map of settings."""
    client.request("PUT", "v1", "maps", "settings", key, body=json.dumps(value))
    expected.settings[key] = value


def delete(client: Client, key: str, expected: Expected) -> None:
    """Delete a key of the map of settings."""
    client.request("DELETE", "v1", "maps", "settings", key)
    del expected.settings[key]


def check(client: Client, name: str, expected: Expected) -> None:
    """Compare everything that an agent holds with what it has to hold."""
    compare(name, "packages", client.get("v1", "maps", "packages")["value"], expected.packages)
    compare(name, "settings", client.get("v1", "maps", "settings")["value"], expected.settings)
    online = client.get("v1", "sets", "online")["value"]
    compare(name, "online", sorted(online), sorted(expected.online))
    totals = expected.counters()
    names = client.get("v1", "names")["names"]
    counters = [key for key, kind in names.items() if kind == "counter"]
    compare(name, "list of counters", sorted(counters), sorted(totals))
    for counter, total in totals.items():
        compare(name, counter, client.get("v1", "counters", counter)["value"], total)


def compare(name: str, what: str, found: Any, wanted: Any) -> None:
    """`DemoError` with the first difference."""
    if found == wanted:
        return
    if isinstance(found, dict):
        key = next(k for k in sorted(found | wanted) if found.get(k) != wanted.get(k))
        found, wanted = {key: found.get(key)}, {key: wanted.get(key)}
    elif isinstance(found, list):
        found, wanted = (sorted(set(a) - set(b))[:5] for a, b in ((found, wanted), (wanted, found)))
    raise DemoError(f"{name} has another {what}", why=f"{found!r} instead of {wanted!r}")
