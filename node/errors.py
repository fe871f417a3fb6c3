"""What can go wrong with a node, as a caller sees it.

Every message is one line of the form ``what (why); try: remedy``, so that the command line prints
it as it is. Nothing here is raised for what other machines send: their nonsense is counted and
dropped.
"""

from __future__ import annotations


class NodeError(Exception):
    """The base of all errors of a node; ``what``, ``why`` and ``remedy`` are its three parts."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        because = f" ({why})" if why else ""
        hint = f"; try: {remedy}" if remedy else ""
        super().__init__(f"{what}{because}{hint}")


class ConfigError(NodeError, ValueError):
    """A setting cannot be used: nothing was started. ``field`` is its name in `Config`."""

    def __init__(self, field: str, what: str, *, why: str = "", remedy: str = "") -> None:
        self.field = field
        super().__init__(f"{field}: {what}", why=why, remedy=remedy)


class StartError(NodeError):
    """The machine refused what the node needs (a port, a directory): nothing is left running."""


class DiskError(NodeError):
    """The state cannot be saved any more: the node stops, because it could not keep its word."""


class SyncTimeout(NodeError, TimeoutError):  # noqa: N818  (the contract's name)
    """Too few members held the writes in time. The writes stay and go on replicating.

    ``reached`` of the ``wanted`` members are known to hold them, this one included.
    """

    def __init__(self, reached: int, wanted: int) -> None:
        self.reached = reached
        self.wanted = wanted
        super().__init__(f"held by {reached} of {wanted} members when the time was up")


class NodeClosed(NodeError):  # noqa: N818  (a state, as in trio.ClosedResourceError)
    """The node has left or was never started: nothing was changed."""


class NodeBusy(NodeError):  # noqa: N818  (a state, too)
    """There is a bound to how much may be under way at once: nothing was sent."""
