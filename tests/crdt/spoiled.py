"""Bytes as a broken disk, a broken network or a stranger would have them."""

from __future__ import annotations

from hypothesis import strategies as st


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Some bytes changed, cut out or put in."""
    spoiled = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at, kind = draw(st.integers(0, len(spoiled))), draw(st.integers(0, 3))
        if kind == 0:
            spoiled[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif kind == 1:
            del spoiled[at : at + draw(st.integers(1, 4))]
        elif kind == 2:
            spoiled[at:at] = draw(st.binary(min_size=1, max_size=4))
        elif at < len(spoiled):
            spoiled[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(spoiled)
