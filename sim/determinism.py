"""The gate: the same plans in fresh processes that differ in all that must not matter.

A run that repeats itself in one process proves nothing: the order of a set of texts follows the
hash seed of the process, the order of objects by `id` follows the heap, and when the garbage
collector runs follows what was allocated before. So each plan is played in four processes: with the
hash seed 0; with a random one; with another heap and another garbage collector; and under `-O`,
where no assertion runs, with both. Each plays all plans, and the hashes have to be the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from inspect import getsource
from typing import NamedTuple

from sim.canaries import planted
from sim.plan import Plan
from sim.runner import play

PROCESSES_AT_ONCE = 2
PATIENCE = 300.0
"""Real seconds that a process may take for all its plans: a leak can make a run endless."""


class Variant(NamedTuple):
    """What is different about a process."""

    name: str
    hash_seed: str
    perturbed: int = 0
    """How its heap is perturbed; 0: not at all."""
    flags: tuple[str, ...] = ()


VARIANTS = (
    Variant("with hash seed 0", "0"),
    Variant("with a random hash seed", "random"),
    Variant("with another heap", "random", perturbed=1),
    Variant("with another heap, under -O", "random", perturbed=2, flags=("-O",)),
)
"""The processes; the first is what the others are compared with."""


class Difference(NamedTuple):
    """A plan, by its place, of which the run came out differently."""

    plan: int
    variant: str
    expected: str
    found: str


def differences(plans: Sequence[Plan], canary: str = "") -> list[Difference]:
    """Where the runs of these plans are not the same in all processes; with a canary, of the runs
    in which it is planted.
    """
    question = json.dumps([plan.to_data() for plan in plans])
    answers: list[list[str]] = []
    for first in range(0, len(VARIANTS), PROCESSES_AT_ONCE):
        with ExitStack() as stack:
            started = []
            for variant in VARIANTS[first : first + PROCESSES_AT_ONCE]:
                process = stack.enter_context(_started(variant, canary))
                stack.callback(process.kill)  # it is over by then, or nobody waits for it
                started.append(process)
                assert process.stdin is not None
                with suppress(BrokenPipeError), process.stdin as pipe:  # its answer tells why
                    pipe.write(question)
                process.stdin = None
            answers += [_answer(process, len(plans)) for process in started]
    expected = answers[0]
    return [
        Difference(place, variant.name, expected[place], found)
        for variant, hashes in zip(VARIANTS[1:], answers[1:], strict=True)
        for place, found in enumerate(hashes)
        if found != expected[place]
    ]


def perturb(kind: int) -> object:
    """Give this process another heap and another garbage collector; what is returned is to be kept.

    It runs before anything of ours is imported, and its text alone is sent: so it stands alone.
    """
    import gc
    from importlib import import_module
    from random import Random

    random = Random(kind)
    modules = "argparse ast calendar csv decimal difflib email fractions html locale mailbox"
    for name in random.sample(modules.split(), 5):
        import_module(name)
    padding = [bytearray(random.randrange(16, 900)) for _ in range(20_000)]
    objects = [(float(number), [number]) for number in range(20_000)]
    for holed in (padding, objects):  # what is allocated from here on goes into the holes
        del holed[:: random.randrange(2, 5)]
    gc.set_threshold(*random.choice([(50, 3, 3), (97, 5, 2), (1_500, 2, 20)]))
    gc.freeze()
    return padding, objects


def main(canary: str) -> None:
    """In one of the processes: play the plans on standard input, and print their hashes."""
    with planted(canary):
        for data in json.load(sys.stdin):
            print(play(Plan.from_data(data)).trace_hash)


def _started(variant: Variant, canary: str) -> subprocess.Popen[str]:
    perturbing = f"kept = perturb({variant.perturbed})\n" if variant.perturbed else ""
    code = f"{getsource(perturb)}\n{perturbing}from sim.determinism import main\nmain({canary!r})\n"
    return subprocess.Popen(
        [sys.executable, *variant.flags, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": variant.hash_seed},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _answer(process: subprocess.Popen[str], plans: int) -> list[str]:
    """The hashes that a process printed. Fails when it did not print one for each plan."""
    hashes = process.communicate(timeout=PATIENCE)[0].split()
    if process.returncode or len(hashes) != plans:
        raise RuntimeError(f"a process played {len(hashes)} of {plans} plans: see above")
    return hashes
