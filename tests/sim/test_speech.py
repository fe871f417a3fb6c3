"""What users ask each other and operators do, in simulated clusters; and what liars say."""

from __future__ import annotations

from typing import Any

import pytest

from sim import InvariantViolation, SimError, Simulation
from sim.actions import ACTIONS
from sim.liar import LIES
from sim.plan import Plan, Step
from sim.runner import play

CORE_OF_ALL = 2
"""With this seed the core of three nodes is all of them."""


def others(sim: Simulation, name: str) -> list[Any]:
    return [host for host in sim._world.hosts if host.name != name]


def settled(nodes: int = 4, seed: int = 1) -> Simulation:
    sim = Simulation(nodes=nodes, seed=seed)
    sim.run(5.0)
    return sim


def test_everybody_who_is_meant_answers_what_he_was_asked() -> None:
    sim = settled()
    number = sim["n1"].query("weather", timeout=1.0, only=["n1", "n3"])
    sim.run(0.1)
    assert sim["n1"].answers(number) == {name: [name, number, "weather"] for name in ("n1", "n3")}
    sim.check()


def test_who_thinks_for_too_long_is_not_heard_and_who_declines_has_nothing_to_say() -> None:
    sim = settled()
    late = sim["n1"].query("weather", timeout=1.0, think=2.0)
    declined = sim["n2"].query("weather", timeout=1.0, decline=True)
    sim.run(5.0)
    assert sim["n1"].answers(late) == sim["n2"].answers(declined) == {}
    sim.check()


def test_too_many_open_queries_are_refused_and_a_paused_process_asks_nothing() -> None:
    sim = settled()
    for _ in range(48):
        sim["n0"].query("weather", timeout=60.0, think=100.0)
    with pytest.raises(SimError, match="more than 48 events"):
        sim["n0"].query("weather", timeout=60.0)
    sim["n1"].pause()
    with pytest.raises(SimError, match="paused"):
        sim["n1"].query("weather", timeout=1.0)


def test_tags_are_seen_by_all_and_nothing_happens_when_they_are_the_same() -> None:
    sim = settled()
    assert sim["n2"].set_tags({"zone": "a"})
    assert not sim["n2"].set_tags({"zone": "a"})
    sim.run(1.0)
    for host in sim._world.hosts:
        assert host.peer is not None
        assert {m.name: dict(m.tags) for m in host.peer.members()}["n2"] == {"zone": "a"}
    sim.check()


def test_large_tags_that_nobody_has_are_no_record_of_a_member() -> None:
    """A claim names them by their hash, so that is compared."""
    sim = settled()
    sim["n2"].set_tags({"zone": "a" * 2000})
    sim.run(1.0)
    sim.check()
    table = sim._world.hosts[0].peer._membership  # type: ignore[union-attr]
    known = table.get("n2")
    assert known is not None
    assert known.tags_hash
    table._store(known._replace(tags_hash=bytes(16)))
    sim.run(0.5)
    with pytest.raises(InvariantViolation, match="own-record"):
        sim.check()


def test_a_liar_retags_who_has_large_tags() -> None:
    sim = settled()
    sim["n2"].set_tags({"zone": "a" * 2000})
    sim.run(1.0)
    assert sim["n1"].lie("retag", "n2", "n1")
    sim.run(1.0)
    assert all(host.peer.statistics().dropped == {"forged": 1} for host in others(sim, "n1"))
    sim.check()


def test_who_is_missed_can_be_made_to_leave_and_nobody_else() -> None:
    sim = settled()
    made = ACTIONS["force_leave"].perform
    assert not made(sim, node="n0", who="n3")
    sim["n3"].crash()
    sim.run(15.0)
    assert made(sim, node="n0", who="n3")
    sim.run(2.0)
    assert {sim[name].members()["n3"] for name in ("n0", "n1", "n2")} == {"left"}
    sim["n3"].restart()
    sim.run_until(lambda s: s.converged(), timeout=20.0)
    sim.check()


@pytest.mark.parametrize("what", LIES)
@pytest.mark.parametrize("accuser", ["n0", "n2"])
def test_a_lie_about_who_is_there_does_no_harm(what: str, accuser: str) -> None:
    sim = settled(nodes=5)
    assert sim["n0"].lie(what, "n1", accuser)
    sim.run(30.0)
    assert sim.converged()
    assert not any("Failed" in type(event).__name__ for _, _, event in sim.events)
    sim.check()


def test_who_comes_back_after_a_goodbye_disturbs_nobody() -> None:
    sim = settled()
    sim["n2"].leave()
    sim.run(5.0)
    sim["n2"].restart()
    sim.run(30.0)
    assert sim._world.calm
    assert sim.converged()
    sim.check()


def test_a_core_that_agrees_has_told_each_other_everything() -> None:
    """Said while nobody could hear it, and repaired when that is over."""
    steps = (
        Step(5.0, "sever", {"name": "c", "shape": "isolate", "nodes": ["n1", "n0", "n2"]}),
        Step(6.0, "broadcast", {"node": "n1", "topic": "t", "payload": "what is lost?"}),
        Step(6.0, "set_tags", {"node": "n1", "tags": {"zone": "b"}}),
    )
    outcome = play(Plan(nodes=3, seconds=30.0, seed=CORE_OF_ALL, settle=60.0, steps=steps))
    assert outcome.violations == ()
    assert outcome.simulation.unheard() == []
