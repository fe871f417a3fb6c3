"""A failure in words: the sentence, the members concerned, and what their datagrams held."""

from __future__ import annotations

from sim.agenda import SECOND
from sim.errors import InvariantViolation
from sim.plan import Plan, Step
from sim.runner import play
from sim.story import Reader, concerned, concerning, failure, told
from sim.trace import NOBODY, Kind, Record


def violation(node: str = "n3", detail: str = "n4 failed", time: float = 12.0345) -> (
    InvariantViolation
):  # fmt: skip
    return InvariantViolation(
        invariant="accurate",
        words="nobody is reported failed",
        detail=detail,
        node=node,
        time=time,
        seed=7,
        replay="",
    )


def test_a_failure_is_one_line_with_everything_in_it() -> None:
    assert failure(violation(), "coterie sim replay --seed 7") == (
        "accurate is broken at n3, 12.034 s: nobody is reported failed; seen: n4 failed; "
        "replay: coterie sim replay --seed 7"
    )


def test_the_members_concerned_are_the_node_and_those_that_are_named() -> None:
    assert concerned(violation(node="n3", detail="n12 at 5, n4 not; begin9")) == {3, 12, 4}


def record(at: int, kind: Kind, node: int = NOBODY, peer: int = NOBODY) -> Record:
    return Record(at, kind, node, peer, b"", -1)


def test_a_story_is_of_those_concerned_up_to_the_failure() -> None:
    log = [
        record(1, Kind.WAKE, 3),
        record(2, Kind.DELIVER, 3, 4),
        record(3, Kind.DELIVER, 3, 1),
        record(4, Kind.PARTITION),
        record(5, Kind.CRASH, 1),
        record(6, Kind.CRASH, 4),
        record(7, Kind.CRASH, 3),
    ]
    assert [each.at for each in concerning(log, {3, 4}, 6)] == [2, 4, 6]
    assert [each.at for each in concerning(log, {3}, 6)] == [2, 3, 4]  # alone: with everybody


def test_datagrams_and_events_become_sentences() -> None:
    plan = Plan(
        nodes=3,
        seconds=30.0,
        seed=4,
        steps=(
            Step(9.0, "put", {"node": "n1", "name": "m", "key": "k", "value": 1}),
            Step(10.0, "crash", {"node": "n2", "power": True}),
            Step(12.0, "partition", {"groups": [["n0"], ["n1"]]}),
            Step(13.0, "put", {"node": "n1", "name": "m", "key": "k", "value": 2}),
            Step(20.0, "heal"),
        ),
    )
    reader = Reader(plan.seed)
    said = [reader.sentence(each) for each in play(plan, keep=True).simulation.log]
    words = "\n".join(said)
    assert "10.000 s n2: crashed (power)" in said
    assert "12.000 s the network: partition ([[0], [1]], False)" in said
    for part in [
        "n0 ← n1 join of n1", "n1 ← n0 probe of n1", "ack", "table (", "delta", "pull",
        "n0: MemberSuspected n2 suspect", "n2 ← n0 probe of n2 (vanished at the host)",
        ", lost", "n1: its user writes",
    ]:  # fmt: skip
        assert part in words
    assert "do not open" not in words


def test_a_datagram_of_another_run_does_not_open() -> None:
    log = play(Plan(nodes=2, seconds=3.0, seed=1), keep=True).simulation.log
    datagram = next(each.payload for each in log if each.kind is Kind.DELIVER)
    assert "do not open (unopened)" in Reader(2).holds(datagram)
    assert "do not open" not in Reader(1).holds(datagram)


def test_every_kind_can_be_told() -> None:
    for kind in Kind:
        said = Reader(0).sentence(Record(2 * SECOND, kind, 1, NOBODY, b"5", -1))
        assert said.startswith("2.000 s ")


def test_a_story_has_as_many_lines_as_asked_for() -> None:
    outcome = play(Plan(nodes=3, seconds=20.0), keep=True)
    whole = told(outcome.simulation.log, 0, violation("n1", "", 15.0), 0)
    assert told(outcome.simulation.log, 0, violation("n1", "", 15.0), 5) == whole[-5:]
    assert len(whole) > 20
    assert all("n1" in line for line in whole)
