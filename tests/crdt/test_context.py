"""A causal context is a set of dots: it must agree with a plain set on everything."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt import CausalContext, Dot, OutOfRange
from crdt.context import MAX_COUNTER, Span

spans = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 30), st.integers(0, 6)).map(
        lambda s: (s[0], s[1], s[1] + s[2])
    ),
    max_size=12,
)
dots = st.tuples(st.sampled_from("abc"), st.integers(0, 40))


def plain(spans: list[Span]) -> set[Dot]:
    return {(replica, n) for replica, low, high in spans for n in range(low, high + 1)}


@given(spans, dots)
def test_it_holds_what_was_added(added: list[Span], dot: Dot) -> None:
    context, expected = CausalContext(), set[Dot]()
    for span in added:
        news = plain([span])
        assert context.add_span(*span) == bool(news - expected)
        expected |= news
        context.check()
    assert (dot in context) is (dot in expected)
    assert all(d in context for d in expected)
    assert plain(list(context.spans())) == expected
    assert bool(context) is bool(expected)
    assert context == CausalContext(reversed(added))
    assert context.last("a") == max((n for r, n in expected if r == "a"), default=0)


@given(spans)
def test_its_form_is_the_shortest_and_in_order(added: list[Span]) -> None:
    listed = list(CausalContext(added).spans())
    assert listed == sorted(listed)
    for (one, _, high), (two, low, _) in pairwise(listed):
        assert one != two or low > high + 1


@given(spans, spans)
def test_union_and_difference(one: list[Span], two: list[Span]) -> None:
    context, other = CausalContext(one), CausalContext(two)
    beyond = list(context.beyond(other))
    assert plain(beyond) == plain(one) - plain(two)
    assert list(CausalContext(beyond).spans()) == beyond
    assert context.covers(other) is (plain(two) <= plain(one))
    union = context.copy()
    assert union.merge(other) == bool(plain(two) - plain(one))
    union.check()
    assert plain(list(union.spans())) == plain(one) | plain(two)
    assert plain([*context.common(other).spans()]) == plain(one) & plain(two)
    context.common(other).check()
    assert context == CausalContext(one)


@given(spans, st.sampled_from("ab"))
def test_a_new_event_comes_after_the_last(added: list[Span], replica: str) -> None:
    context = CausalContext(added)
    counter = context.last(replica) + 1
    assert context.advance(replica) == counter
    context.check()
    assert plain([*context.spans()]) == plain(added) | {(replica, counter)}


@given(st.permutations(range(1, 12)))
def test_gaps_close_in_whatever_order_events_come(order: list[int]) -> None:
    context = CausalContext()
    for counter in order:
        assert context.add(("a", counter))
        assert not context.add(("a", counter))
    assert list(context.spans()) == [("a", 1, 11)]


@given(spans, spans)
def test_a_copy_goes_its_own_way(one: list[Span], two: list[Span]) -> None:
    context = CausalContext(one)
    twin = context.copy()
    twin.merge(CausalContext(two))
    assert context == CausalContext(one)
    context.merge(CausalContext(two))
    assert context == twin


def test_the_greatest_counters() -> None:
    context = CausalContext([("a", 1, MAX_COUNTER)])
    assert ("a", MAX_COUNTER) in context
    assert ("a", MAX_COUNTER + 1) not in context
    assert not context.add_span("a", 5, MAX_COUNTER)
    with pytest.raises(OutOfRange, match="no event of 'a' is left"):
        context.advance("a")
    with pytest.raises(OutOfRange):
        CausalContext([("a", MAX_COUNTER, MAX_COUNTER)]).advance("a")
    assert list(context.beyond(CausalContext([("a", 2, 3)]))) == [
        ("a", 1, 1),
        ("a", 4, MAX_COUNTER),
    ]


def test_it_prints_and_is_not_hashed() -> None:
    context = CausalContext([("b", 1, 2), ("a", 4, 4)])
    assert repr(context) == "CausalContext(a:4-4, b:1-2)"
    assert context != {("a", 4)}
    with pytest.raises(TypeError):
        hash(context)
