"""The values of a store by name and type, for whoever holds one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

from .bounded import BoundedCounter
from .counter import PNCounter
from .flag import EWFlag
from .lwwmap import LWWMap
from .ormap import ORMap
from .orset import ORSet
from .registers import LWWRegister, MVRegister
from .replicated import Replicated

T = TypeVar("T", bound=Replicated)


class NamedValues(ABC):
    """Values that are made when they are first changed. One name has one type: asking for another
    is a `CrdtError`.
    """

    @abstractmethod
    def open_value(self, name: str, kind: type[T]) -> T:
        """The value called `name`, live."""

    def counter(self, name: str) -> PNCounter:
        """The counter called `name`, live."""
        return self.open_value(name, PNCounter)

    def bounded(self, name: str) -> BoundedCounter:
        """The bounded counter called `name`, live."""
        return self.open_value(name, BoundedCounter)

    def set(self, name: str) -> ORSet:
        """The set called `name`, live."""
        return self.open_value(name, ORSet)

    def map(self, name: str) -> LWWMap:
        """The map of plain values called `name`, live."""
        return self.open_value(name, LWWMap)

    def ormap(self, name: str) -> ORMap:
        """The map of replicated values called `name`, live."""
        return self.open_value(name, ORMap)

    def register(self, name: str) -> LWWRegister:
        """The register called `name`, live."""
        return self.open_value(name, LWWRegister)

    def mvregister(self, name: str) -> MVRegister:
        """The multi-value register called `name`, live."""
        return self.open_value(name, MVRegister)

    def flag(self, name: str) -> EWFlag:
        """The flag called `name`, live."""
        return self.open_value(name, EWFlag)
