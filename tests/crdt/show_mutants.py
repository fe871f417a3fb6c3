"""Every mutant with the check that catches it; `make mutants`. Ends with 1 when one survives."""

from __future__ import annotations

import sys
from time import perf_counter

import tests.crdt.conftest  # noqa: F401  # the same examples as in the suite
from tests.crdt.mutants import MUTANTS


def main() -> int:
    """Print the table as it comes."""
    width = max(len(repr(mutant)) for mutant in MUTANTS)
    print(f"{'mutant':{width}}  seconds  caught by")
    survivors = 0
    for mutant in MUTANTS:
        started = perf_counter()
        caught = mutant.is_caught()
        survivors += not caught
        check = mutant.check if caught else f"NOTHING: it survives {mutant.check}"
        print(f"{mutant!r:{width}}  {perf_counter() - started:7.2f}  {check}", flush=True)
    print(f"{len(MUTANTS)} mutants, {survivors} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
