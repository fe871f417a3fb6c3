"""The laws that every replicated type keeps, over states and deltas in any mixture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CrdtError, Delta, HybridClock, ORSet, Replicated
from crdt.schema import TYPES
from tests.crdt.histories import World, histories
from tests.crdt.laws import REPLICAS, SUBJECTS, Subject, change

every_type = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


def test_every_type_is_held_to_the_laws() -> None:
    assert {subject.type for subject in SUBJECTS} == set(TYPES.values())


def played(data: st.DataObject, subject: Subject) -> World:
    return World(subject).play(data.draw(histories(subject)))


def joined(start: Any, *parts: Any) -> Any:
    """A copy of `start` with `parts` merged in this order."""
    result = start.fork("observer")
    for part in parts:
        result.merge(part)
    result._kernel.check()
    return result


def same(one: Any, other: Any) -> None:
    assert one == other
    assert one.to_bytes() == other.to_bytes()


@every_type
@given(st.data())
def test_merge_is_commutative_associative_and_idempotent(
    subject: Subject, data: st.DataObject
) -> None:
    world = played(data, subject)
    part = st.sampled_from(world.parts())
    x = data.draw(st.sampled_from([*world.values.values(), subject.new("empty")]))
    p, q, r = data.draw(part), data.draw(part), data.draw(part)
    same(joined(x, p, q, r), joined(x, r, q, p))
    same(joined(x, p, p, q, p), joined(x, p, q))
    if isinstance(p, Replicated):
        same(joined(x, joined(p, q), r), joined(x, p, q, r))
        same(joined(p, x), joined(x, p))


@every_type
@given(st.data())
def test_deltas_joined_are_deltas_merged(subject: Subject, data: st.DataObject) -> None:
    world = played(data, subject)
    if not world.deltas:
        return
    delta = st.sampled_from([delta for delta, _ in world.deltas])
    p, q, r = data.draw(delta), data.draw(delta), data.draw(delta)
    x = data.draw(st.sampled_from([*world.values.values(), subject.new("empty")]))
    same(joined(x, p.join(q)), joined(x, p, q))
    assert p.join(q) == q.join(p)
    assert p.join(q).to_bytes() == q.join(p).to_bytes()
    assert p.join(q).join(r) == p.join(q.join(r))
    assert p.join(p) == p
    assert p.join(q).join(p) == p.join(q)


@every_type
@given(st.data())
def test_merge_tells_whether_it_changed_anything(subject: Subject, data: st.DataObject) -> None:
    world = played(data, subject)
    part = data.draw(st.sampled_from(world.parts()))
    x = data.draw(st.sampled_from(list(world.values.values()))).fork("observer")
    before = x.to_bytes()
    assert x.merge(part) is (x.to_bytes() != before)
    assert x.merge(part) is False
    assert x.merge(x) is False


@every_type
@given(st.data())
def test_a_mutation_is_the_merge_of_its_delta(subject: Subject, data: st.DataObject) -> None:
    x = played(data, subject).values["a"]
    twin = x.fork("observer")
    delta = change(x, data.draw(subject.changes))
    if delta is not None:
        twin.merge(Delta.from_bytes(delta.to_bytes()))
    same(twin, x)


@every_type
@given(st.data())
def test_histories_mean_what_the_reference_says(subject: Subject, data: st.DataObject) -> None:
    world = World(subject)
    world.play(data.draw(histories(subject, size=50)), checked=True)
    world.settle()
    for name in REPLICAS:
        world.check(name)
        same(world.values[name], world.values["a"])


@every_type
@given(st.data())
def test_deltas_alone_in_any_order_reach_the_state_of_all(
    subject: Subject, data: st.DataObject
) -> None:
    world = played(data, subject)
    deltas = [delta for delta, _ in world.deltas]
    world.settle()
    late = subject.new("late")
    for delta in data.draw(st.permutations(deltas)):
        late.merge(delta)
    same(late, world.values["a"])


@every_type
@given(st.data())
def test_whatever_was_lost_a_whole_state_makes_good(subject: Subject, data: st.DataObject) -> None:
    world = played(data, subject)
    late = subject.new("late")
    if world.deltas:
        some = st.lists(st.sampled_from([delta for delta, _ in world.deltas]), max_size=20)
        for delta in data.draw(some):
            late.merge(delta)
    world.settle()
    late.merge(world.values["b"])
    same(late, world.values["a"])


@every_type
@given(st.data())
def test_bytes_go_round_and_the_copy_goes_on(subject: Subject, data: st.DataObject) -> None:
    x = played(data, subject).values["a"]
    clock = HybridClock(lambda: 1000)
    copy = subject.type.from_bytes(x.to_bytes(), "copy", clock=clock)
    same(copy, x)
    assert copy.replica == "copy"
    assert copy.clock is clock
    delta = change(copy, data.draw(subject.changes))
    if delta is not None:
        assert Delta.from_bytes(delta.to_bytes()) == delta
        assert Delta.from_bytes(delta.to_bytes()).to_bytes() == delta.to_bytes()
        x.merge(delta)
    same(copy, x)


@every_type
@given(st.data())
def test_a_fork_is_independent(subject: Subject, data: st.DataObject) -> None:
    x = played(data, subject).values["a"]
    before = x.to_bytes()
    fork = x.fork("fork")
    assert fork.clock is x.clock
    assert fork == x
    change(fork, data.draw(subject.changes))
    assert x.to_bytes() == before
    other = data.draw(subject.changes)
    change(x, other)
    mine, theirs = joined(x, fork), joined(fork, x)
    same(mine, theirs)


def sampled(subject: Subject, value: Any) -> Delta:
    delta = change(value, subject.sample)
    assert delta is not None
    return delta


@pytest.mark.parametrize("mine", SUBJECTS, ids=repr)
@pytest.mark.parametrize("theirs", SUBJECTS, ids=repr)
def test_foreign_types_are_refused(mine: Subject, theirs: Subject) -> None:
    x, y = mine.new("x"), theirs.new("y")
    own, foreign = sampled(mine, x), sampled(theirs, y)
    before = x.to_bytes()
    if mine is theirs:
        assert x.merge(foreign)
        return
    refusals: list[Callable[[], object]] = [
        lambda: x.merge(y),
        lambda: x.merge(foreign),
        lambda: own.join(foreign),
        lambda: mine.type.from_bytes(y.to_bytes(), "z"),
        lambda: x.merge(Delta.from_bytes(foreign.to_bytes())),
    ]
    for refused in refusals:
        with pytest.raises(CrdtError):
            refused()
    assert x.to_bytes() == before
    assert x != y


@every_type
@pytest.mark.parametrize("other", [None, 1, b"", "x", {}, object()])
def test_what_is_no_replicated_value_is_refused(subject: Subject, other: Any) -> None:
    x = subject.new("x")
    with pytest.raises(CrdtError):
        x.merge(other)
    assert x != other


@every_type
def test_states_and_deltas_are_not_mistaken_for_each_other(subject: Subject) -> None:
    x = subject.new("x")
    delta = Delta(subject.type.KIND, ())
    with pytest.raises(CrdtError, match="delta"):
        subject.type.from_bytes(delta.to_bytes(), "y")
    with pytest.raises(CrdtError, match="state"):
        Delta.from_bytes(x.to_bytes())


@every_type
@pytest.mark.parametrize("name", ["", "\ud800", None, 1, b"x"])
def test_a_replica_has_a_name(subject: Subject, name: Any) -> None:
    with pytest.raises(ValueError, match=r"name|surrogates"):
        subject.type(name)


@every_type
def test_values_that_change_are_not_hashed(subject: Subject) -> None:
    with pytest.raises(TypeError):
        hash(subject.new("x"))
    with pytest.raises(TypeError):
        hash(Delta(subject.type.KIND, ()))


@every_type
def test_an_empty_value_and_delta_say_who_they_are(subject: Subject) -> None:
    assert subject.type.__name__ in repr(subject.new("x"))
    assert subject.type.NAME in repr(Delta(subject.type.KIND, ()))


def test_one_name_used_twice_loses_writes_which_is_why_names_are_unique() -> None:
    one, two = ORSet("same"), ORSet("same")
    one.add(1)
    two.add(2)
    one.merge(two)
    assert one.value == frozenset()
