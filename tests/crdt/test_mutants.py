"""What these tests are worth: each way to get it wrong is noticed by the test that guards it."""

from __future__ import annotations

import pytest

from tests.crdt.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=repr)
def test_it_is_caught(mutant: Mutant) -> None:
    assert mutant.is_caught(), f"{mutant!r} survives {mutant.check}"


def test_they_are_different() -> None:
    assert len({repr(mutant) for mutant in MUTANTS}) == len(MUTANTS)
