"""Seeds in batches: what becomes of each, here, in other processes, and over a Dask cluster."""

from __future__ import annotations

import multiprocessing
import re
import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from gossip.members.membership import Membership
from sim import sweep
from sim.plan import VERSION, Plan, Step
from sim.runner import play
from sim.swarm import draw
from sim.sweep import UnreachableError, WorkersLostError, batch, batches, here, row, there


def test_a_row_says_what_became_of_a_seed() -> None:
    result, outcome = row(1), play(draw(1))
    assert outcome.violations == ()
    assert {name: result[name] for name in ("version", "seed", "verdict")} == {
        "version": VERSION,
        "seed": 1,
        "verdict": "held",
    }
    assert result["trace_hash"] == outcome.trace_hash
    assert result["messages"] == outcome.simulation.messages
    assert result["virtual_seconds"] == outcome.simulation.now
    assert result["wall_seconds"] > 0
    assert result["marks"]["settled"] == 1


def test_a_row_says_what_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = {"groups": [["n0"]]}
    plan = Plan(nodes=2, seconds=20, settle=1e-9, steps=(Step(5, "partition", cut),))
    monkeypatch.setattr(sweep, "draw", lambda _: plan)
    result = row(3)
    assert (result["verdict"], result["invariant"], result["seed"]) == ("broken", "live", 3)
    assert result["node"] in {"n0", "n1"}
    assert result["time"] >= 20
    assert "bounded time" in result["words"]
    assert result["detail"]


def test_an_exception_is_a_failure_of_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("n7")

    monkeypatch.setattr(sweep, "play", broken)
    result = row(3)
    assert (result["verdict"], result["invariant"], result["seed"]) == ("crashed", "no-crash", 3)
    assert result["detail"].startswith("KeyError: 'n7' (broken, line ")


def test_a_run_that_crashed_is_a_row_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyError("n7")

    monkeypatch.setattr(Membership, "_fail", crash)
    plan = Plan(nodes=2, seconds=20, steps=(Step(5, "crash", {"node": "n1"}),))
    monkeypatch.setattr(sweep, "draw", lambda _: plan)
    result = row(3)
    assert (result["verdict"], result["node"]) == ("crashed", "n0")
    assert result["invariant"].startswith("no-crash (KeyError in gossip.members.membership.")
    assert 5 < result["time"] == result["virtual_seconds"] < 20
    assert result["marks"]["did crash"] == 1


def verdicts(monkeypatch: pytest.MonkeyPatch, broken: set[int]) -> None:
    def fake(seed: int) -> dict[str, Any]:
        return {"seed": seed, "verdict": "broken" if seed in broken else "held"}

    monkeypatch.setattr(sweep, "row", fake)


def seeds(rows: list[dict[str, Any]]) -> list[int]:
    return [each["seed"] for each in rows]


def test_a_batch_ends_at_a_failure_unless_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts(monkeypatch, {4})
    assert seeds(batch(range(3, 8), False, lambda: False)) == [3, 4]
    assert seeds(batch(range(3, 8), True, lambda: False)) == [3, 4, 5, 6, 7]


def test_a_batch_ends_when_the_sweep_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts(monkeypatch, set())
    answers = iter([False, False, True])
    assert seeds(batch(range(9), False, lambda: next(answers))) == [0, 1]


@pytest.mark.parametrize(("count", "jobs", "sizes"), [(1, 2, {1}), (30, 2, {3}), (1000, 2, {25})])
def test_batches_are_small_enough_for_all_to_have_some(
    count: int, jobs: int, sizes: set[int]
) -> None:
    cut = batches(range(count), jobs)
    assert [seed for part in cut for seed in part] == list(range(count))
    assert {len(part) for part in cut} == sizes


def test_other_processes_say_the_same() -> None:
    rows = [each for part in here([[1], [2]], 2, go_on=False) for each in part]
    assert {each["seed"]: each["trace_hash"] for each in rows} == {
        seed: play(draw(seed)).trace_hash for seed in (1, 2)
    }


def test_closing_it_ends_the_workers() -> None:
    source = here([[1], [2, 3] * 500, [2, 3] * 500], 2, go_on=False)
    assert seeds(next(source)) == [1]
    source.close()  # waits for the processes: without the stop, this would take minutes


def test_ctrl_c_gives_what_the_workers_have_and_they_do_not_hear_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(running: set[Any], **_: object) -> Any:
        ((worker,),) = [[each.pid for each in multiprocessing.active_children()]]
        status = Path(f"/proc/{worker}/status").read_text()
        (blocked,) = re.findall(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)
        assert int(blocked, 16) >> signal.SIGINT - 1 & 1
        while not any(each.running() for each in running):
            sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "wait", interrupted)
    source = here([[1, 2] * 500, [3]], 1, go_on=True)
    came = next(source)
    with pytest.raises(KeyboardInterrupt):
        came += [each for part in source for each in part]
    assert len(came) < 1000


def test_a_worker_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> Iterator[Any]:
        raise BrokenProcessPool

    monkeypatch.setattr(sweep, "wait", gone)
    with pytest.raises(WorkersLostError, match="a worker ended by itself"):
        next(here([[1]], 1, go_on=False))


# Dask, where it is installed.


@pytest.fixture
def dask() -> Any:
    return pytest.importorskip("distributed", reason="distributed, of coterie[dask], is missing")


@pytest.mark.filterwarnings("ignore")  # it has its own, at the end of its life
def test_a_cluster_says_the_same(dask: Any) -> None:
    with dask.LocalCluster(1, processes=False, dashboard_address=None) as cluster:
        source = there([[1], [2]], cluster.scheduler_address, 1, go_on=False)
        rows = [each for part in source for each in part]
    assert {each["seed"]: each["trace_hash"] for each in rows} == {
        seed: play(draw(seed)).trace_hash for seed in (1, 2)
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_local_cluster_is_made(dask: Any) -> None:
    rows = [each for part in there([[1], [2]], "local", 2, go_on=False) for each in part]
    assert sorted(seeds(rows)) == [1, 2]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "nobody", ""])
def test_an_address_that_does_not_answer(
    dask: Any, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(sweep, "PATIENCE", 0.5)
    with pytest.raises(UnreachableError, match="no Dask cluster can be used at"):
        next(there([[1]], address, 1, go_on=False))


@pytest.mark.filterwarnings("ignore")
def test_no_client_is_made_of_what_is_no_address(
    dask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError("it would complain again, 20 seconds later, when it is collected")

    monkeypatch.setattr(dask, "Client", made)
    for address in ("nonsense://x", "nobody", ""):
        with pytest.raises(UnreachableError, match="no Dask cluster can be used at"):
            next(there([[1]], address, 1, go_on=False))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_goes_away_is_said(dask: Any) -> None:
    with dask.LocalCluster(1, processes=False, dashboard_address=None) as cluster:
        source = there([[1], [2] * 400], cluster.scheduler_address, 1, go_on=False)
        assert seeds(next(source)) == [1]
        cluster.close()
        with pytest.raises(UnreachableError, match="no Dask cluster can be used at"):
            next(source)
