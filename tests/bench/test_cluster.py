"""The figures of real agents in short: a few of them, one trial each, and bounds that a busy
machine keeps too. `coterie bench cluster` takes the figures themselves.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

import pytest

from bench import cluster as measured
from bench.agents import Agents
from bench.cluster import heard, kill_one, leave_one, start_at_once, stop_half, tell_all
from bench.idle import Idle, watched

SIZE = 7


@pytest.fixture(scope="module")
def cluster() -> Iterator[Agents]:
    with pytest.MonkeyPatch.context() as patch, Agents(SIZE) as agents:
        patch.setattr(measured, "QUIET", 0.5)
        yield agents


@pytest.mark.slow
def test_an_idle_agent_wakes_up_for_what_it_does_and_no_more(cluster: Agents) -> None:
    cluster.wait_until_together(1.0)
    idle: list[Idle] = watched(cluster.running, 4.0)
    for agent in idle:
        assert 2 <= agent.wake_ups < 6  # its question, the answer, and the question of another
        assert agent.share < 1.0


@pytest.mark.slow
def test_all_know_of_a_crash_before_a_suspicion_can_run_out(cluster: Agents) -> None:
    took = []
    for _ in range(2):
        seen = kill_one(cluster)
        assert len(seen) == SIZE - 1
        assert min(seen) >= 0
        took.append(max(seen))
        cluster.add(1)
    # Its host refuses what comes for it, so nobody waits for it to refute, which takes 2.3 s.
    assert min(took) < 2.3
    assert max(took) < 4.0


@pytest.mark.slow
def test_all_know_of_a_leave_at_once(cluster: Agents) -> None:
    took = leave_one(cluster)
    assert len(took) == SIZE - 1
    assert max(took) < 1.0
    cluster.add(1)


@pytest.mark.slow
def test_no_event_is_missed_and_most_arrive_at_once(cluster: Agents) -> None:
    arrived = tell_all(cluster, 30)
    assert [len(each) for each in arrived] == [SIZE] * 30
    assert median(max(each) for each in arrived) < 0.2


@pytest.mark.slow
def test_agents_that_were_stopped_agree_with_the_others_when_they_go_on(cluster: Agents) -> None:
    stopped = {agent.name for agent in cluster.running[-(SIZE // 2) :]}
    before = time.time()
    assert stop_half(cluster, 6.0) < 4.0
    failed = {
        noticed.name
        for agent in cluster.running
        for noticed in agent.journal.noticed
        if noticed.state == "failed" and noticed.at > before
    }
    assert failed
    assert failed <= stopped


@pytest.mark.slow
def test_agents_that_start_at_once_see_each_other_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measured, "QUIET", 0.5)
    forked, bound, together = start_at_once(SIZE)
    assert forked < bound
    assert together - bound < 3.0


def test_an_event_that_somebody_missed_is_counted_and_not_timed() -> None:
    everybody = [[0.01 * number, 0.002] for number in range(1, 101)]
    middle, nearly_all, missed = heard([*everybody, [9.0], []], 2)
    assert middle.value == pytest.approx(0.505)
    assert middle.high == 1.0
    assert nearly_all.value == pytest.approx(0.99)
    assert missed.value == 3


def test_a_case_that_is_not_there_is_said_to_be_missing() -> None:
    said: list[str] = []
    assert list(measured.measure(said.append, only="nonsense")) == []
    assert "crash of 5, crash of 16" in said[0]
