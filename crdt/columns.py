"""Columns of many values, as msgpack carries them in few bytes and C reads them at once.

    counters   [index, low, length - 1, …]     runs of consecutive events, as in a context
    keys       [prefix, lengths, blob]         what all begin with, once; the rest back to back
    stamps     [first, difference, …]          [] when all are 0
    payloads   [values]                        one by one, in general
               [lengths, blob]                 when all are str, or all are bytes
               []                              when all are None

`lengths` is one number when all are equal and more than nothing, otherwise one number each. What a
reader allocates is bounded by the bytes it was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain, pairwise
from operator import sub
from typing import Any

from .errors import CrdtError
from .fragment import Payload

PREFIX_BYTES_MAX = 128
"""How much of what all keys begin with is said once; chosen by us: it also bounds how much larger
keys can be in memory than in the bytes that they came in.
"""

Text = Any
"""str or bytes: what can be laid back to back."""


def malformed() -> CrdtError:
    """What is wrong with bytes that no writer of ours makes."""
    return CrdtError("malformed bytes: not a replicated state")


def require(condition: bool) -> None:
    """Go on only if the bytes are as a writer of ours would have made them."""
    if not condition:
        raise malformed()


def require_ints(numbers: Any) -> list[int]:
    """A list of integers (no bools)."""
    require(type(numbers) is list and set(map(type, numbers)) <= {int})
    return numbers  # type: ignore[no-any-return]


# Strings laid back to back.


def _pack_lengths(texts: Sequence[Text]) -> Any:
    lengths = list(map(len, texts))
    first = lengths[0]
    return first if first and lengths.count(first) == len(lengths) else lengths


def _unpack_lengths(lengths: Any, blob: Text) -> list[Text]:
    if type(lengths) is int:
        require(lengths > 0 and len(blob) % lengths == 0)
        return [blob[at : at + lengths] for at in range(0, len(blob), lengths)]
    require_ints(lengths)
    require(not lengths or min(lengths) >= 0)
    ends = list(accumulate(lengths, initial=0))
    require(ends[-1] == len(blob))
    return [blob[start:end] for start, end in pairwise(ends)]


# Keys.


def pack_keys(keys: Sequence[bytes]) -> list[Any]:
    """Some keys, as one column."""
    if not keys:
        return []
    first, last = min(keys), max(keys)
    cut = 0
    for mine, other in zip(first[:PREFIX_BYTES_MAX], last, strict=False):
        if mine != other:
            break
        cut += 1
    rest = [key[cut:] for key in keys] if cut else keys
    return [first[:cut], _pack_lengths(rest), b"".join(rest)]


def unpack_keys(column: Any) -> list[bytes]:
    """The keys of a column of unknown origin; `CrdtError` when it is malformed."""
    require(type(column) is list)
    if not column:
        return []
    require(len(column) == 3)
    prefix, lengths, blob = column
    require(type(prefix) is bytes and type(blob) is bytes)
    require(len(prefix) <= PREFIX_BYTES_MAX)
    rest = _unpack_lengths(lengths, blob)
    return [prefix + key for key in rest] if prefix else rest


# Stamps.


def pack_stamps(stamps: Sequence[int]) -> list[int]:
    """Time stamps by their differences: those of one replica lie close together."""
    return list(map(sub, stamps, chain((0,), stamps))) if any(stamps) else []


def unpack_stamps(column: Any, count: int) -> list[int]:
    """`count` time stamps; `CrdtError` when there are not that many."""
    if column == []:
        return [0] * count
    stamps = list(accumulate(require_ints(column)))
    require(len(stamps) == count)
    return stamps


# Payloads.


def pack_payloads(payloads: Sequence[Payload]) -> list[Any]:
    """Some payloads, as one column."""
    if len(payloads) == 1 and type(payloads[0]) in {str, bytes}:
        return [len(payloads[0]) or [0], payloads[0]]
    kinds = set(map(type, payloads))
    if kinds == {str}:
        return [_pack_lengths(payloads), "".join(payloads)]
    if kinds == {bytes}:
        return [_pack_lengths(payloads), b"".join(payloads)]
    return [payloads] if kinds - {type(None)} else []


def unpack_payloads(column: Any, count: int) -> list[Payload]:
    """`count` payloads, each still to be validated; `CrdtError` when there are not that many."""
    require(type(column) is list and len(column) <= 2)
    if not column:
        return [None] * count
    if len(column) == 1:
        payloads = column[0]
        require(type(payloads) is list)
    else:
        require(type(column[1]) in {str, bytes})
        payloads = _unpack_lengths(*column)
    require(len(payloads) == count)
    return payloads  # type: ignore[no-any-return]


# Runs of dots.


def runs(dots: Iterable[tuple[int, int]]) -> Iterator[int]:
    """(index, counter) in order, as index, low, length - 1, …"""
    at = low = high = -1
    for index, counter in dots:
        if index == at and counter == high + 1:
            high = counter
            continue
        if at >= 0:
            yield from (at, low, high - low)
        at, low, high = index, counter, counter
    if at >= 0:
        yield from (at, low, high - low)
