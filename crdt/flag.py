"""A flag in which enabling wins over disabling at the same time.

There is one leaf and its payload is nothing: the flag is enabled while a write lives. Enabling puts
a new dot in place of those it has seen, disabling takes those away. It is an OR-set of one element.

Reference: Almeida, Shoker, Baquero, "Delta state replicated data types" (2018), section 7.3.
"""

from __future__ import annotations

from .delta import Delta
from .errors import CrdtError
from .fragment import Payload
from .replicated import Replicated
from .schema import Kind

_ONLY = b""


class EWFlag(Replicated):
    """A flag that every replica can enable and disable.

    >>> a = EWFlag("a")
    >>> change = a.enable()
    >>> b = a.fork("b")
    >>> change = a.disable()
    >>> change = b.enable()  # concurrent: the disabling has not seen it
    >>> a.merge(b), a.value
    (True, True)
    """

    KIND = 4
    NAME = "flag"
    __slots__ = ()

    def enable(self) -> Delta:
        """Set the flag."""
        return self._write(self._prefix + _ONLY, None)

    def disable(self) -> Delta:
        """Take back every enabling that was seen here."""
        return self._change([], [_ONLY] if self.value else [])

    @property
    def value(self) -> bool:
        """Whether it is enabled."""
        return self._entry(_ONLY) is not None

    def __bool__(self) -> bool:
        return self.value

    @classmethod
    def check_key(cls, key: bytes) -> Kind:
        """There is one."""
        if key != _ONLY:
            raise CrdtError("malformed flag")
        return cls

    @classmethod
    def check_payload(cls, payload: Payload) -> Payload:
        """Nothing: a write is all there is to say."""
        if payload is not None:
            raise CrdtError("malformed flag")
        return None
