"""Waiting for real processes: a condition is polled until it holds, never slept for."""

import time
from collections.abc import Callable

import pytest


def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Return when it holds; fail the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"did not hold within {seconds:g} s", pytrace=True)
        time.sleep(0.02)
