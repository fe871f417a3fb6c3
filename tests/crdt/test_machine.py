"""Everything that may befall the replicas of one value, in any order, against the reference.

Replicas change, hear deltas any number of times or never, merge states, fork, and are lost; others
go on from what they had saved, under new names. After every step the replica that it concerned
shows what the reference says, and at the end all who are left agree to the byte.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crdt import Delta, HybridClock
from tests.crdt.histories import World
from tests.crdt.laws import REPLICAS, SUBJECTS, Subject

STEPS = 40
EXAMPLES = 40
REPLICAS_MAX = 5

choices = st.integers(0, 63)


class Machine(RuleBasedStateMachine):
    """A world whose replicas come and go."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject
        self.world = World(subject)
        self.saved: list[tuple[bytes, frozenset[int]]] = []
        self.born = 0

    def name(self, choice: int) -> str:
        names = list(self.world.values)
        return names[choice % len(names)]

    def new_name(self) -> str:
        self.born += 1
        return f"born{self.born}"

    @property
    def has_room(self) -> bool:
        return len(self.world.values) < REPLICAS_MAX

    @initialize(data=st.data())
    def some_changes_to_begin_with(self, data: st.DataObject) -> None:
        for name in REPLICAS:
            self.change(REPLICAS.index(name), data)

    @rule(who=choices, data=st.data())
    def change(self, who: int, data: st.DataObject) -> None:
        name = self.name(who)
        for what in data.draw(st.lists(self.subject.changes, min_size=1, max_size=4)):
            before, told = self.world.values[name].to_bytes(), len(self.world.deltas)
            self.world.change(name, what)
            refused = len(self.world.deltas) == told
            assert not refused or self.world.values[name].to_bytes() == before
            self.world.check(name)

    @rule(who=choices, other=choices, what=st.data())
    def tell(self, who: int, other: int, what: st.DataObject) -> None:
        """A change is heard at once by just one other."""
        self.change(who, what)
        if self.world.deltas:
            self.deliver(other, len(self.world.deltas) - 1)

    @rule(who=choices, which=choices)
    def deliver(self, who: int, which: int) -> None:
        """Anything that was ever said arrives, perhaps again."""
        if self.world.deltas:
            delta, told = self.world.deltas[which % len(self.world.deltas)]
            name = self.name(who)
            self.world.values[name].merge(Delta.from_bytes(delta.to_bytes()))
            self.world.reference.deliver(name, told)
            self.world.check(name)

    @rule(which=choices, other=choices)
    def travel_together(self, which: int, other: int) -> None:
        """Two deltas become one, which tells what both do."""
        if self.world.deltas:
            count = len(self.world.deltas)
            (one, told), (two, also) = (self.world.deltas[at % count] for at in (which, other))
            self.world.deltas.append((one.join(two), told | also))

    @rule(which=choices)
    def lose(self, which: int) -> None:
        if self.world.deltas:
            self.world.deltas.pop(which % len(self.world.deltas))

    @rule(who=choices, other=choices)
    def merge(self, who: int, other: int) -> None:
        self.world.merge(self.name(who), self.name(other))
        self.world.check(self.name(who))

    @precondition(lambda self: self.has_room)
    @rule(who=choices, with_clock=st.booleans())
    def fork(self, who: int, with_clock: bool) -> None:
        name, clock = self.new_name(), HybridClock(lambda: 1000) if with_clock else None
        fork = self.world.values[self.name(who)].fork(name, clock=clock)
        self.add(name, fork, self.world.reference.state(self.name(who)))

    @rule(who=choices)
    def save(self, who: int) -> None:
        name = self.name(who)
        self.saved.append((self.world.values[name].to_bytes(), self.world.reference.state(name)))

    @precondition(lambda self: self.has_room and self.saved)
    @rule(which=choices)
    def restore(self, which: int) -> None:
        """What was saved goes on as a new replica, beside the one that saved it."""
        (data, told), name = self.saved[which % len(self.saved)], self.new_name()
        clock = HybridClock(lambda: 1000)
        self.add(name, self.subject.type.from_bytes(data, name, clock=clock), told)

    @precondition(lambda self: self.saved)
    @rule(who=choices, which=choices)
    def crash(self, who: int, which: int) -> None:
        """A replica is gone, with all that nobody else has; another goes on from what was saved."""
        del self.world.values[self.name(who)]
        self.restore(which)

    @rule()
    def collect(self) -> None:
        """All meet, also the deltas under way, and then drop what nobody needs any more."""
        first = self.name(0)
        for delta, told in self.world.deltas:
            self.world.values[first].merge(delta)
            self.world.reference.deliver(first, told)
        self.saved.clear()  # of before: it must not come back
        self.world.settle()
        dropped = set()
        for name, value in self.world.values.items():
            residue = value.residue
            dropped.add(value.collect(value.context))
            assert (value.residue, dropped) == (0, {residue})
            self.world.check(name)

    def add(self, name: str, value: Any, told: frozenset[int]) -> None:
        self.world.values[name] = value
        self.world.reference.deliver(name, told)
        self.world.check(name)

    def teardown(self) -> None:
        self.world.settle()
        for name, value in self.world.values.items():
            self.world.check(name)
            assert value == self.world.values[self.name(0)]
            assert value.to_bytes() == self.world.values[self.name(0)].to_bytes()


@pytest.mark.parametrize("subject", SUBJECTS, ids=repr)
def test_replicas_show_what_the_reference_says_whatever_befalls_them(subject: Subject) -> None:
    examples = max(EXAMPLES, settings().max_examples // 2)  # more of them when exploring
    machine: Any = lambda: Machine(subject)  # noqa: E731  # the signature asks for a class
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=STEPS)
    )
