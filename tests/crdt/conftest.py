"""One Hypothesis profile for these tests: the same examples in every run, and none judged by time.

`HYPOTHESIS_PROFILE=explore` draws new ones, and many more, in search of what the fixed ones miss.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "fixed")

_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "fixed",
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    "explore",
    max_examples=5000,
    deadline=None,
    database=None,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.load_profile(PROFILE)
