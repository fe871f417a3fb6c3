"""Every mutant with where the simulator noticed it; `make mutants`. Ends with 1 when one survives.

Names as arguments choose some of them.
"""

from __future__ import annotations

import sys

from tests.sim.mutants import MUTANTS, SEEDS


def main(names: list[str]) -> int:
    """Print the table as it comes."""
    width = max(len(repr(mutant)) for mutant in MUTANTS)
    print(f"{'mutant':{width}}  seed  virtual s  wall s  broken")
    chosen = [mutant for mutant in MUTANTS if not names or repr(mutant) in names]
    survivors = 0
    for mutant in chosen:
        caught = mutant.caught()
        if caught is None:
            survivors += 1
            print(f"{mutant!r:{width}}  NOTHING: it survives {SEEDS} seeds", flush=True)
        else:
            where = f"{caught.seed:4}  {caught.time:9.2f}  {caught.wall_seconds:6.2f}"
            print(f"{mutant!r:{width}}  {where}  {caught.invariant}", flush=True)
    print(f"{len(chosen)} mutants of the protocols, {survivors} survive")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
