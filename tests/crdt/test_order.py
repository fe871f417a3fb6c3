"""The lazy order must show what sorting everything anew, each time, would show."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.order import REBUILD, KeyOrder

Step = tuple[Any, ...]

keys = st.lists(st.sampled_from([b"/", b"a", b"b", b"\xff"]), max_size=5).map(b"".join)
steps = st.one_of(
    st.tuples(st.sampled_from(["show", "show", "show", "hide", "drop", "touch"]), keys),
    st.tuples(st.just("count"), keys),
    st.tuples(st.just("names"), keys),
    st.tuples(st.just("range"), keys, keys | st.none()),
    st.tuples(st.just("first"), keys, keys),
    st.just(("replace",)),
)


def slashes(key: bytes) -> Iterator[tuple[int, int, int]]:
    """Names on the way to a key, each ended by a slash."""
    start = 0
    while (end := key.find(b"/", start)) >= 0:
        yield start, end, end + 1
        start = end + 1


class Watched(Collection[bytes]):
    """All keys; who walks through them is counted."""

    def __init__(self, naive: Naive) -> None:
        self._naive = naive

    def __contains__(self, key: object) -> bool:
        return key in self._naive.held

    def __len__(self) -> int:
        return len(self._naive.held)

    def __iter__(self) -> Iterator[bytes]:
        self._naive.asked += 1
        return iter([*self._naive.held])


class Naive:
    """Keys, each shown or hidden; and the order under test, which is told of every change."""

    def __init__(self) -> None:
        self.held: dict[bytes, bool] = {}
        self.asked = 0
        self.order = KeyOrder(self._is_shown, self._everything, slashes)

    def _is_shown(self, key: bytes) -> bool:
        return self.held.get(key, False)

    def _everything(self) -> Collection[bytes]:
        return Watched(self)

    def shown(self) -> list[bytes]:
        return sorted(key for key, shown in self.held.items() if shown)

    def show(self, key: bytes) -> None:
        self.held[key] = True
        self.order.note(key)

    def hide(self, key: bytes) -> None:
        self.held[key] = False
        self.order.note(key)

    def drop(self, key: bytes) -> None:
        self.held.pop(key, None)
        self.order.note(key)

    def touch(self, key: bytes) -> None:
        self.order.note(key)

    def replace(self) -> None:
        self.held = {key + b"a": not shown for key, shown in self.held.items()}
        self.order.forget()

    def count(self, prefix: bytes) -> None:
        expected = sum(1 for key in self.shown() if key.startswith(prefix))
        assert self.order.count(prefix) == expected

    def names(self, prefix: bytes) -> None:
        """Where a name begins one was ended before, or the key does."""
        if not prefix or prefix.endswith(b"/"):
            expected = {
                key[:end] for key in self.shown() for start, end, _ in slashes(key)
                if key[:start] == prefix
            }  # fmt: skip
            assert self.order.names(prefix) == len(expected)

    def range(self, low: bytes, high: bytes | None) -> None:
        expected = [key for key in self.shown() if low <= key and (high is None or key < high)]
        assert list(self.order.range(low, high)) == expected

    def first(self, low: bytes, prefix: bytes) -> None:
        first = min((key for key in self.shown() if low <= key), default=None)
        expected = first if first is not None and first.startswith(prefix) else None
        assert self.order.first(low, prefix) == expected


def agrees_with_sorting(history: list[Step]) -> None:
    naive = Naive()
    for name, *arguments in history:
        getattr(naive, name)(*arguments)
    naive.range(b"", None)
    naive.count(b"")


@given(st.lists(steps, max_size=60))
def test_it_shows_what_sorting_would_show(history: list[Step]) -> None:
    agrees_with_sorting(history)


def test_nobody_asks_and_nothing_is_sorted() -> None:
    naive = Naive()
    for number in range(1000):
        naive.show(b"%d" % number)
    assert naive.asked == 0
    naive.count(b"1")
    assert naive.asked == 1


@pytest.mark.parametrize("changes", [1, 1000 // REBUILD, 1000 // REBUILD + 1, 999])
def test_few_changes_find_their_places_and_many_are_sorted_anew(changes: int) -> None:
    naive = Naive()
    for number in range(1000):
        naive.show(b"%03d" % number)
    naive.names(b"")
    naive.count(b"")
    for number in range(changes):
        naive.hide(b"%03d" % (number * 7 % 1000))
        naive.show(b"new/%03d" % number)
        naive.hide(b"new/%03d" % number)
    naive.range(b"", None)
    naive.names(b"")
    naive.count(b"new")
    assert naive.asked == (1 if 2 * changes * REBUILD <= 1000 + changes else 2)


def test_a_range_in_use_does_not_notice_what_is_written_meanwhile() -> None:
    naive = Naive()
    for key in [b"a", b"b", b"c"]:
        naive.show(key)
    keys = naive.order.range(b"a", b"c")
    naive.drop(b"b")
    assert list(keys) == [b"a", b"b"]
    naive.range(b"a", b"c")
