"""What can go wrong with a replicated value, and whether anything changed: never."""

from __future__ import annotations


class CrdtError(Exception):
    """A replicated value refused something: foreign bytes, another type, a name in use.

    Caused by the caller or by bytes from elsewhere. Nothing was changed.
    """


class InsufficientRights(CrdtError):  # noqa: N818  # the contract names it
    """A bounded counter lacks the local rights for this decrement or transfer. Nothing was
    changed.
    """


class OutOfRange(CrdtError, ValueError):  # noqa: N818  # beside InsufficientRights
    """An amount, total or timestamp beyond what can be carried on the wire. Nothing was changed."""
