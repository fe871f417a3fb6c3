"""That each promise about verdicts, departures, records and queries is noticed when it is broken:
the occasion on which a broken rule matters, played with the rule broken and with it whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim import Simulation
from tests.sim import broken_gossip as gossip
from tests.sim import broken_speech as speech

Occasion = Callable[[Simulation], None]


def lie(what: str, accuser: str) -> Occasion:
    """n0 lies about n1, and a while passes."""

    def occasion(sim: Simulation) -> None:
        sim["n0"].lie(what, "n1", accuser)
        sim.run(5.0)

    return occasion


def sleeps_while_it_suspects(sim: Simulation) -> None:
    sim["n3"].crash(power=True)
    sim.run_until(lambda s: s["n0"].members()["n3"] == "suspect", timeout=10.0)
    sim["n0"].jump(100.0, monotonic=True)
    sim.run(0.001)


def leaves(sim: Simulation) -> None:
    sim["n2"].leave()
    sim.run(10.0)


def crashes(sim: Simulation) -> None:
    for _ in range(5):
        sim.run(60.0)
        sim["n3"].crash()
        sim.run(20.0)
        sim["n3"].restart()


def is_refused_by_one_host(sim: Simulation) -> None:
    for name in ("n1", "n2", "n4", "n5"):
        sim.link("n3", name, silent=1.0)
    sim["n3"].crash()
    sim.run(20.0)


def asks(sim: Simulation) -> None:
    sim["n5"].crash(power=True)  # so the first one lasts until its deadline
    sim["n2"].query("weather", timeout=0.5, relays=2)
    sim["n2"].query("weather", timeout=0.5, think=0.4999, only=["n1"])
    sim.run(5.0)


def others_come_and_go(sim: Simulation) -> None:
    """One is suspected and refutes, one has other tags, one leaves, one fails; then it is quiet."""
    sim["n4"].pause()
    sim.run_until(lambda s: s["n0"].members()["n4"] == "suspect", timeout=20.0)
    sim["n4"].resume()
    sim["n5"].set_tags({"role": "web"})
    sim["n2"].leave()
    sim["n3"].crash(power=True)
    sim.run(40.0)


CASES: list[tuple[Callable[[Any], None], Occasion, str]] = [
    (gossip.believes_any_accuser, lie("condemn", "n2"), "attributed"),
    (gossip.believes_any_record, lie("part", "n0"), "own-record"),
    (gossip.believes_any_record, lie("retag", "n0"), "own-word"),
    (gossip.believes_one_verdict, lie("condemn", "n0"), "patient"),
    (speech.anybody_can_be_made_to_leave, lie("dismiss", "n0"), "dismissed"),
    (gossip.late_verdicts_count, sleeps_while_it_suspects, "awake"),
    (gossip.one_refusal_is_a_verdict, is_refused_by_one_host, "patient"),
    (gossip.nacks_are_ignored, crashes, "soon"),
    (gossip.nacks_are_not_sent, crashes, "soon"),
    (speech.goodbyes_are_not_answered, leaves, "departs"),
    (speech.leaves_without_a_word, leaves, "accurate"),
    (gossip.joining_is_told_twice, others_come_and_go, "told"),
    (gossip.recovery_is_not_told, others_come_and_go, "told"),
    (gossip.leaving_is_told_as_failure, others_come_and_go, "told"),
    (gossip.new_tags_are_not_told, others_come_and_go, "told"),
    (gossip.forgets_the_dead_at_once, others_come_and_go, "listed"),
    (speech.one_answer_is_enough, asks, "over"),
    (speech.answers_count_twice, asks, "answered"),
    (speech.answers_after_the_end, asks, "answered"),
    (speech.everybody_is_asked, asks, "said"),
]


def played(occasion: Occasion) -> set[str]:
    sim = Simulation(nodes=6, seed=4)
    sim.run(5.0)
    occasion(sim)
    return {violation.invariant for violation in sim.violations()}


@pytest.mark.parametrize(("breaks", "occasion", "invariant"), CASES)
def test_a_broken_promise_is_noticed(
    breaks: Callable[[Any], None],
    occasion: Occasion,
    invariant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert played(occasion) == set()
    breaks(monkeypatch)
    assert invariant in played(occasion)
