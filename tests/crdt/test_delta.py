"""A delta is a small state: lazy where that saves work, and the same whoever asks first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CrdtError, Delta, HybridClock, LWWMap, ORSet, PNCounter
from crdt.codec import encode
from crdt.delta import PARTS
from tests.crdt.histories import World, histories
from tests.crdt.laws import SUBJECTS, Subject

every_type = pytest.mark.parametrize("subject", SUBJECTS, ids=repr)


@every_type
@given(st.data())
def test_bytes_are_those_of_its_fragment(subject: Subject, data: st.DataObject) -> None:
    """One write goes straight to bytes, without a fragment: they must be the same bytes."""
    for delta, _ in World(subject).play(data.draw(histories(subject))).deltas:
        straight = delta.to_bytes()
        assert straight == encode(delta.kind, delta.fragment())
        assert straight == delta.to_bytes()


def test_it_says_the_same_however_late_it_is_asked() -> None:
    a, asked = ORSet("a"), list[bytes]()
    early = [a.add(number) for number in range(5)]
    early.append(a.remove(3))
    b = a.fork("b")
    late = [b.add(number) for number in range(5)]
    asked = [delta.to_bytes() for delta in late]
    b.merge(a.add(9))
    b.clear()
    assert [delta.to_bytes() for delta in late] == asked
    again = ORSet("a")
    expected = [again.add(number).to_bytes() for number in range(5)] + [again.remove(3).to_bytes()]
    assert [delta.to_bytes() for delta in early] == expected


@pytest.mark.parametrize("count", [2, PARTS, PARTS + 1, 3 * PARTS + 1])
def test_many_joined_are_one(count: int) -> None:
    counter, together = PNCounter("a"), None
    deltas = [counter.increment() for _ in range(count)]
    for delta in deltas:
        together = delta if together is None else together.join(delta)
        assert len(together.parts) <= PARTS  # they are put in order before they are too many
    assert together is not None
    backwards = deltas[-1]
    for delta in reversed(deltas):
        backwards = backwards.join(delta)
    assert backwards == together
    assert len(together.to_bytes()) < 2 * len(deltas[-1].to_bytes())
    reader = PNCounter("b")
    reader.merge(together)
    assert reader.value == count
    assert reader == counter


def test_a_join_changes_neither() -> None:
    a = ORSet("a")
    one, two = a.add(1), a.add(2)
    before = one.to_bytes(), two.to_bytes()
    one.join(two).fragment()
    assert (one.to_bytes(), two.to_bytes()) == before


def test_work_on_many_joins_of_many_keys_grows_with_their_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Normal form is made when the parts have doubled, so each is gone through a few times."""
    leaves, real = [0], Delta.fragment.__globals__["join_fragments"]

    def counted(fragments: Any) -> Any:
        fragments = list(fragments)
        leaves[0] += sum(len(fragment.entries) for fragment in fragments)
        return real(fragments)

    monkeypatch.setattr("crdt.delta.join_fragments", counted)
    mapping, many = LWWMap("a", clock=HybridClock(lambda: 1)), 4000
    together = mapping.put("0", 0)
    for number in range(1, many):
        together = together.join(mapping.put(str(number), number))
    assert len(together.fragment().entries) == many
    assert leaves[0] < 6 * many


def test_a_delta_of_another_type_or_none_is_refused() -> None:
    one = ORSet("a").add(1)
    for other in (PNCounter("a").increment(), None, b"", ORSet("a")):
        with pytest.raises(CrdtError, match="delta of set"):
            one.join(other)  # type: ignore[arg-type]


def test_it_prints_its_type_and_size_and_is_not_hashed() -> None:
    a = LWWMap("a")
    delta = a.update({"k": 1, "l": 2})
    assert repr(delta) == "<Delta of map, 2 leaves>"
    assert delta != delta.to_bytes()
    with pytest.raises(TypeError):
        hash(delta)
