"""Registers: one value that is replaced whole.

There is one leaf and its payload is the value. A write replaces those it has seen; concurrent ones
live side by side. A `MVRegister` shows all of them, a `LWWRegister` just the one with the greatest
`(timestamp, replica)`. It keeps the others until the next write, too: dropping them at the merge
would make that depend on its order as soon as the register can be removed (from a map) by what a
replica has seen.

References: Shapiro et al., "A comprehensive study of convergent and commutative replicated data
types" (2011), section 3.2; Preguiça et al., "Dotted version vectors" (2012).
"""

from __future__ import annotations

from .delta import Delta
from .errors import CrdtError
from .fragment import Payload
from .replicated import Replicated
from .schema import Kind
from .values import Value, check_value, detached, normalise, pack

_ONLY = b""


class LWWRegister(Replicated):
    """A value of which the last write wins.

    >>> a = LWWRegister("a")
    >>> b = a.fork("b")
    >>> change = a.set("draft")
    >>> change = b.set("final")
    >>> a.merge(b), a.value  # the later write
    (True, 'final')
    """

    KIND = 5
    NAME = "register"
    STAMPED = True
    __slots__ = ()

    def set(self, value: Value) -> Delta:
        """Replace the value. `TypeError` or `ValueError` for what cannot be carried; nothing is
        changed then.
        """
        normal = normalise(value)
        entry = self._entry(_ONLY)
        return self._write(
            self._prefix + _ONLY, normal, self.clock.tick(entry[0][0] if entry else 0)
        )

    @property
    def value(self) -> Value:
        """The value of the latest write; None when there was none."""
        entry = self._entry(_ONLY)
        return detached(entry[0][3]) if entry else None

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """There is one."""
        return _check_only(cls, key)

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """A value."""
        return check_value(payload)


class MVRegister(Replicated):
    """A value of which all concurrent writes are kept.

    >>> a = MVRegister("a")
    >>> b = a.fork("b")
    >>> change = a.set("tea")
    >>> change = b.set("coffee")
    >>> a.merge(b), a.value
    (True, ['tea', 'coffee'])
    >>> change = a.set("both")  # it has seen them
    >>> a.value
    ['both']
    """

    KIND = 6
    NAME = "mvregister"
    __slots__ = ()

    def set(self, value: Value) -> Delta:
        """Replace all the values seen here. `TypeError` or `ValueError` for what cannot be carried;
        nothing is changed then.
        """
        return self._write(self._prefix + _ONLY, normalise(value))

    @property
    def value(self) -> list[Value]:
        """The concurrent values, equal ones once, in order of their encoding."""
        entry = self._entry(_ONLY) or ()
        values = {pack(payload): payload for _, _, _, payload in entry}
        return [detached(values[encoded]) for encoded in sorted(values)]

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """There is one."""
        return _check_only(cls, key)

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """A value."""
        return check_value(payload)


def _check_only(cls: Kind, key: bytes) -> Kind:
    if key != _ONLY:
        raise CrdtError(f"malformed {cls.NAME}")
    return cls
