"""Chance, drawn from one integer.

Every entity draws from a stream of its own, derived from the seed and the entity's name, so that
one draw more or less at one node shifts nothing at another. That is what makes a failing run
shrinkable: take one step away, and the rest of the run still meets the same luck.
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random


def derived(seed: int, *name: str | int, size: int = 32) -> bytes:
    """`size` (at most 64) bytes that depend on nothing but the seed and the name."""
    # A tab joins the parts: none of our names has one, so no two names read the same.
    words = "\t".join(map(str, (seed, *name)))
    return blake2b(words.encode(), digest_size=size, person=b"coterie.sim").digest()


def stream(seed: int, *name: str | int) -> Random:
    """The random stream of one entity; also a source of seeded bytes, through its `randbytes`."""
    return Random(derived(seed, *name))
