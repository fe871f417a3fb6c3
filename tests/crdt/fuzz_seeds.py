"""What the fuzzer begins with, encodings that our own writers made, and changes of their parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgpack

from crdt import Delta, HybridClock, Store
from crdt.schema import TYPES

SEEDS = 40
"""How many histories the seeds are taken from, of every type."""


def clock() -> HybridClock:
    """A clock that stands still, so that a crash can be repeated."""
    return HybridClock(lambda: 1000)


def seeds() -> Iterator[bytes]:
    """Encodings as our own writers make them."""
    for number in range(SEEDS):
        random = Random(number)
        for kind in TYPES.values():
            values = [kind(name, clock=clock()) for name in ("a", "b")]
            for _ in range(random.randrange(1, 8)):
                changed, other = random.sample(values, 2)
                change = CHANGES[kind.NAME](changed, random)
                yield change.to_bytes()
                if random.random() < 0.5:
                    other.merge(change)
            yield from (value.to_bytes() for value in values)
        yield from _messages(random)


def _messages(random: Random) -> Iterator[bytes]:
    store = Store("a", clock())
    for kind in TYPES.values():
        CHANGES[kind.NAME](store.open(kind.NAME, kind), random)
    writer = store.writer()
    for key, spans in store.missing(Store("b", clock()).context).keys.items():
        writer.add(key, *store.leaf(key, spans))
        yield writer.finish()


Changes = Callable[[Any, Random], Delta]


def _counted(value: Any, random: Random) -> Delta:
    amount = random.randrange(9)
    if random.random() < 0.5 or not hasattr(value, "decrement") or hasattr(value, "rights"):
        return value.increment(amount)  # type: ignore[no-any-return]
    return value.reset() if random.random() < 0.3 else value.decrement(amount)  # type: ignore[no-any-return]


def _set(value: Any, random: Random) -> Delta:
    element = random.choice([1, "x", b"y", (1, 2)])
    return value.add(element) if random.random() < 0.7 else value.discard(element)  # type: ignore[no-any-return]


def _put(value: Any, random: Random) -> Delta:
    key = random.choice(["k", "l", b"k"])
    if key in value and random.random() < 0.3:
        return value.delete(key)  # type: ignore[no-any-return]
    return value.put(key, random.choice([None, "v", [1, {"a": 2.5}]]))  # type: ignore[no-any-return]


def _within(value: Any, random: Random) -> Delta:
    if len(value) and random.random() < 0.2:
        return value.delete(next(iter(value)))  # type: ignore[no-any-return]
    inner = value.map("m") if random.random() < 0.3 else value
    accessor, change = random.choice(list(WITHIN.items()))
    return change(getattr(inner, accessor)(accessor), random)


def _flag(value: Any, random: Random) -> Delta:
    return value.enable() if random.random() < 0.7 else value.disable()  # type: ignore[no-any-return]


def _register(value: Any, random: Random) -> Delta:
    return value.set(random.choice([1, "x", [b"y"]]))  # type: ignore[no-any-return]


def _bounded(value: Any, random: Random) -> Delta:
    rights = value.rights
    if not rights or random.random() < 0.5:
        return value.increment(random.randrange(9))  # type: ignore[no-any-return]
    spend = random.randrange(rights + 1)
    return value.transfer(spend, "b") if random.random() < 0.5 else value.decrement(spend)  # type: ignore[no-any-return]


WITHIN: dict[str, Changes] = {
    "counter": _counted,
    "flag": _flag,
    "register": _register,
    "mvregister": _register,
    "set": _set,
}
BY_KIND: dict[int, Changes] = {
    1: _counted, 2: _counted, 3: _bounded, 4: _flag, 5: _register, 6: _register, 7: _set, 8: _put,
    9: _within,
}  # fmt: skip
CHANGES: dict[str, Changes] = {kind.NAME: BY_KIND[number] for number, kind in TYPES.items()}


# Changes of parts: most changes of bytes are no msgpack, and go no deeper than that.


NUMBERS = [-1, 0, 1, 2, 127, 128, 2**31, 2**62, 2**63 - 1, 2**64 - 1]
PLAIN: list[Any] = [
    None,
    True,
    1.5,
    "",
    "a",
    b"",
    b"\x01k",
    b"\xff" * 129,
    [],
    {},
    msgpack.ExtType(0, b""),
]


def restructured(data: bytes, random: Random) -> bytes:
    """Some parts of what is encoded are replaced, repeated, left out or exchanged."""
    try:
        body = msgpack.unpackb(data[1:], strict_map_key=False)
    except Exception:  # noqa: BLE001  # it may be anything: then it stays as it is
        return data
    for _ in range(random.randrange(1, 4)):
        body = _changed(body, random)
    packed: bytes = msgpack.packb(body)
    return data[:1] + packed


def _changed(part: Any, random: Random) -> Any:
    if type(part) is list and part and random.random() < 0.9:
        at = random.randrange(len(part))
        kind = random.randrange(12)
        if kind == 0:
            return part[:at] + part[at + 1 :]
        if kind == 1:
            return part[:at] + [part[at]] * random.randrange(2, 5) + part[at + 1 :]
        if kind == 2:
            other = random.randrange(len(part))
            swapped = list(part)
            swapped[at], swapped[other] = part[other], part[at]
            return swapped
        return [*part[:at], _changed(part[at], random), *part[at + 1 :]]
    if type(part) is int and random.random() < 0.8:
        return max(-(2**63), min(part + random.choice([-2, -1, 1, 2]), 2**64 - 1))
    if type(part) in (bytes, str) and random.random() < 0.6:
        at = random.randrange(len(part) + 1)
        return part[:at] + random.choice([part[:3], part[at + 1 :], part[at : at + 1] * 2])
    return random.choice([*NUMBERS, *PLAIN])
