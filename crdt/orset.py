"""A set in which adding wins over removing at the same time, and a removed element leaves nothing
behind.

Each element is a leaf; its payload is nothing, for the element is the key. An add puts a new dot
there in place of those it has seen, a remove takes away those it has seen. So an add that a remove
has not seen survives it.

Reference: Bieniusa et al., "An optimized conflict-free replicated set" (2012).
"""

from __future__ import annotations

from collections.abc import Iterator

from .delta import Delta
from .errors import CrdtError
from .fragment import Payload
from .replicated import Replicated
from .schema import Kind
from .values import Value, check_element, element_to_key, key_to_element


class ORSet(Replicated):
    """A set of plain values (no dicts; lists become tuples), compared by type and value.

    >>> a = ORSet("a")
    >>> change = a.add("milk")
    >>> b = a.fork("b")
    >>> change = a.remove("milk")
    >>> change = b.add("milk")  # concurrent: the remove has not seen this add
    >>> a.merge(b), "milk" in a
    (True, True)
    """

    KIND = 7
    NAME = "set"
    __slots__ = ()

    def add(self, element: Value) -> Delta:
        """Put an element in. `TypeError` or `ValueError` for one that cannot be carried."""
        return self._write(self._prefix + element_to_key(element), None)

    def remove(self, element: Value) -> Delta:
        """Take an element out; `KeyError` when it is not there."""
        key = element_to_key(element)
        if self._entry(key) is None:
            raise KeyError(element)
        return self._change([], [key])

    def discard(self, element: Value) -> Delta:
        """Take an element out if it is there."""
        key = element_to_key(element)
        return self._change([], [] if self._entry(key) is None else [key])

    def clear(self) -> Delta:
        """Take out every element seen here."""
        return self._change([], list(self._keys()))

    def __contains__(self, element: Value) -> bool:
        try:
            return self._entry(element_to_key(element)) is not None
        except (TypeError, ValueError):  # what cannot be carried cannot be in it
            return False

    def __len__(self) -> int:
        return self._kernel.count(self._prefix)

    def __iter__(self) -> Iterator[Value]:
        """The elements, in a canonical order."""
        return map(key_to_element, self._keys())

    @property
    def value(self) -> frozenset[Value]:
        """The elements; those that Python holds equal (`1` and `True`) coincide."""
        return frozenset(self)

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """An element, in its canonical bytes."""
        check_element(key)
        return cls

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """Nothing: the element is the key."""
        if payload is not None:
            raise CrdtError("malformed set")
        return None
