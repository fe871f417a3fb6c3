"""The constants of a plan: a few of them set, in seconds, and nothing that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from gossip import Timing
from sim.agenda import SECOND
from sim.errors import SimError
from sim.plan import Plan
from sim.runner import play
from sim.tuning import COUNTS, COUNTS_FROM_ZERO, FACTORS, tuned


def test_what_is_left_out_is_as_usual() -> None:
    assert tuned({}) == Timing.lan()
    timing = tuned({"probe_interval": 2, "push_delay": 0.5, "gossip_fanout": 1})
    assert (timing.probe_interval, timing.push_delay) == (2 * SECOND, SECOND // 2)
    assert timing.gossip_fanout == 1
    assert timing.pull_delay == Timing.lan().pull_delay


def test_what_is_not_a_time_is_below_any_time() -> None:
    no_times = COUNTS | COUNTS_FROM_ZERO | FACTORS | {"coordinated"}
    for name in Timing.__slots__:
        assert (getattr(Timing.lan(), name) < 1000) == (name in no_times)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"patience": 1}, "timing: unknown constant 'patience'; known are probe_interval"),
        ({"gossip_fanout": 1.5}, "timing: gossip_fanout is a number from 1, not 1.5"),
        ({"gossip_fanout": 0}, "timing: gossip_fanout must be positive"),
        ({"push_delay": -1}, "timing: push_delay is a number of seconds from 0, not -1"),
        ({"push_delay": 0}, "timing: push_delay must be positive"),
        ({"probe_timeout": 3}, "timing: probe_timeout must be shorter than probe_interval"),
    ],
)
def test_what_cannot_be_meant(overrides: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SimError, match=sentence):
        tuned(overrides)
    with pytest.raises(SimError, match=sentence):
        Plan(timing=overrides)


def test_a_plan_runs_with_its_constants() -> None:
    patient = Plan(nodes=3, seconds=30, timing={"probe_interval": 10})
    usual, rare = play(Plan(nodes=3, seconds=30)), play(patient)
    assert rare.simulation.messages < usual.simulation.messages
    assert Plan.from_data(patient.to_data()) == patient
