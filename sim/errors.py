"""What a simulation raises. Everything is a `SimError`, so that one `except` covers the package."""

from __future__ import annotations


class SimError(Exception):
    """What was asked for is impossible. Your call is at fault, and nothing has changed."""


class SimTimeout(SimError, TimeoutError):  # noqa: N818  # the contract names it
    """`run_until` ran out of virtual time. The simulation stands where it stopped and can go on."""


class InvariantViolation(SimError, AssertionError):  # noqa: N818  # as above
    """A promise of the protocols was broken: a bug of ours. The message tells how to see it again.

    `invariant` is its name, `node` the node that broke it, `time` the virtual second, `detail` what
    was seen there, and `replay` the command that brings it back.
    """

    def __init__(
        self,
        *,
        invariant: str,
        words: str,
        detail: str,
        node: str,
        time: float,
        seed: int,
        replay: str,
    ) -> None:
        super().__init__(
            f"{invariant} is broken at {node}, {time:.9f} s, seed {seed}: {words}; "
            f"seen: {detail}; replay: {replay}"
        )
        self.invariant = invariant
        self.words = words
        self.detail = detail
        self.node = node
        self.time = time
        self.seed = seed
        self.replay = replay
