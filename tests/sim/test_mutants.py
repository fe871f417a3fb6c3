"""The sweep notices broken rules: a few of them here, all of them in `make mutants`."""

from __future__ import annotations

import pytest

from sim.runner import play
from sim.swarm import draw
from tests.sim.mutants import MUTANTS, Mutant

QUICK = (
    "no_refutation foreign_incarnation suspects_for_ever one_boot_of_nonces never_pulls"
    " does_not_save_data one_replica_for_all_boots decrements_do_not_count discards_nothing"
    " counts_accusers_twice one_refusal_is_a_verdict everybody_is_asked one_answer_is_enough"
    " epochs_are_not_compared"
).split()
"""Noticed with the first seeds: what is slower is left to `make mutants`."""


@pytest.mark.parametrize("mutant", [each for each in MUTANTS if repr(each) in QUICK], ids=repr)
def test_a_mutant_is_caught(mutant: Mutant) -> None:
    assert mutant.caught(seeds=5) is not None


def test_there_are_mutants_enough_and_each_is_named_once() -> None:
    names = [repr(mutant) for mutant in MUTANTS]
    assert len(names) == len({*names}) >= 20
    assert {*QUICK} <= {*names}


def test_a_mutant_that_survives_is_told_from_one_that_is_caught() -> None:
    assert play(draw(0)).violations == ()
    assert Mutant(lambda patch: None).caught(seeds=1) is None
