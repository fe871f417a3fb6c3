"""The examples in the docstrings of the types do what they say."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import crdt
from crdt.schema import TYPES

MODULES = [f"crdt.{module.name}" for module in pkgutil.iter_modules(crdt.__path__)]


@pytest.mark.parametrize("name", ["crdt", *MODULES])
def test_the_examples_of_a_module(name: str) -> None:
    assert doctest.testmod(import_module(name)).failed == 0


def test_every_type_has_an_example() -> None:
    finder = doctest.DocTestFinder(recurse=False)
    for kind in TYPES.values():
        (example,) = finder.find(kind)
        assert example.examples, f"{kind.__name__} shows no example"
