"""Any bytes give a sound value or `CrdtError`, and nothing else; `make fuzz` looks for others.

The seeds are real encodings: states and deltas of every type, and messages of stores. The fuzzer
changes them guided by which lines of `crdt` they reach. Without atheris (it is no dependency, see
the Makefile) the module says so and ends.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from crdt import CrdtError, Delta, Replicated, Store
from crdt.codec import encode
from crdt.schema import TYPES
from crdt.store import STORE, decode_fragment
from tests.crdt.fuzz_seeds import clock, restructured, seeds

MEMORY_MAX = 2 * 1024**3
"""What a few kilobytes must never come near; the fuzzer itself needs a tenth of it."""

INPUT_BYTES_MAX = 4096


def state(kind: type[Replicated], data: bytes) -> None:
    """A whole state: sound, one form, and merged with itself no news."""
    try:
        value = kind.from_bytes(data, "x", clock=clock())
    except CrdtError:
        return
    _sound(value)
    again = kind.from_bytes(value.to_bytes(), "y", clock=clock())
    assert again.to_bytes() == value.to_bytes()
    again.merge(value)
    assert not again.merge(value)


def delta(data: bytes) -> None:
    """A delta of any type: the same, and merged twice no news."""
    try:
        change = Delta.from_bytes(data)
    except CrdtError:
        return
    assert Delta.from_bytes(change.to_bytes()) == change
    value: Any = TYPES[change.kind]("x", clock=clock())
    value.merge(change)
    assert not value.merge(change)
    assert not value.merge(change.join(change))
    _sound(value)


def message(data: bytes) -> None:
    """A message of a store: joined twice no news, and what it closes can be told to others."""
    try:
        fragment = decode_fragment(data)
    except CrdtError:
        return
    assert decode_fragment(encode(STORE, fragment))[:3] == fragment[:3]
    if fragment.complete:
        return
    store = Store("x", clock())
    store.join(fragment)
    assert not store.join(fragment)
    store.check()
    _told_to_others(store)
    for name, kind in [*store.types()]:
        _sound(store.open(name, kind))


def _told_to_others(store: Store) -> None:
    other, more = Store("y", clock()), True
    while more:
        keys, more = store.missing(other.context)
        writer = store.writer()
        for key, spans in keys.items():
            writer.add(key, *store.leaf(key, spans))
        other.join(decode_fragment(writer.finish()))
    assert {*other.entries} <= {*store.entries}


def _sound(value: Replicated) -> None:
    value._kernel.check()
    assert value.value is not ...
    assert value.residue >= 0


def check(data: bytes) -> None:
    """All three readers get the same bytes; the type of a state is told by its own first bytes."""
    delta(data)
    message(data)
    kind = TYPES.get(data[2]) if len(data) > 2 else None  # format, array, kind
    if kind is not None:
        state(kind, data)


def fuzz(corpus: str, seconds: str) -> None:
    """Never returns: the fuzzer ends the process when the time is over, or with what it found."""
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    atheris.instrument_all()
    options = [f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=5"]
    options += ["-print_final_stats=1", "-rss_limit_mb=1024"]

    def mutate(data: bytes, size_max: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.2:
            return atheris.Mutate(data, len(data))  # type: ignore[no-any-return]
        return restructured(data, random)[:size_max]

    atheris.Setup([sys.argv[0], *options, corpus], check, custom_mutator=mutate)
    atheris.Fuzz()


def main(seconds: str = "60") -> int:
    """Fuzz for so many seconds, in a process of its own because that ends abruptly; what is found
    is left in the working directory.
    """
    if find_spec("atheris") is None:
        print("atheris is not installed here: `make fuzz` installs it where there is a wheel")
        return 1
    with TemporaryDirectory() as corpus:
        for number, data in enumerate(dict.fromkeys(seeds())):
            (Path(corpus) / f"{number:05}").write_bytes(data)
        command = [sys.executable, "-m", "tests.crdt.fuzz", "fuzz", corpus, seconds]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    if sys.argv[1:2] == ["fuzz"]:
        fuzz(*sys.argv[2:])
    sys.exit(main(*sys.argv[1:]))
