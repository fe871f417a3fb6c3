"""What the tags of members are, also where a claim has no room for them.

Few and short tags ride in the claim that they belong to. Others do not: the claim, and so the
subject's signature, has their hash, and they are fetched from whoever has them (`tags.py`). Until
they are here, a member has the tags that it had before.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import msgpack

from gossip.member import TAGS_HASH_BYTES, Claim, TagPairs, tags_ride


@dataclass(slots=True)
class Lacked:
    """Tags that are not here yet."""

    hash: bytes
    due: int = 0
    """When to ask for them (again)."""
    tries: int = 0


class KnownTags:
    """The tags of those whose claims name them by hash only."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[bytes, TagPairs]] = {}
        self.lacking: dict[str, Lacked] = {}
        """By member, what has to be asked for."""

    def of(self, claim: Claim) -> TagPairs:
        """The tags of a member, as far as they are known."""
        return self._held.get(claim.name, (b"", ()))[1] if claim.tags_hash else claim.tags

    def held(self, name: str, hash_: bytes) -> TagPairs | None:
        """The tags of a member that have this hash, if they are here."""
        of, tags = self._held.get(name, (b"", ()))
        return tags if of == hash_ else None

    def believed(self, known: Claim | None, claim: Claim) -> None:
        """This claim is believed from now on, in place of what was known."""
        name = claim.name
        if known is not None and known.key != claim.key and known.tags_hash != claim.tags_hash:
            self.forget(name)  # these were the tags of another who had this name
            known = None
        if not claim.tags_hash:
            self.forget(name)
        elif self._held.get(name, (b"",))[0] == claim.tags_hash or not claim.state.running:
            self.lacking.pop(name, None)
        elif name not in self.lacking or self.lacking[name].hash != claim.tags_hash:
            if known is not None and not known.tags_hash:
                self._held[name] = (b"", known.tags)
            self.lacking[name] = Lacked(claim.tags_hash)

    def learn(self, name: str, tags: TagPairs) -> bool:
        """Tags of a member came; whether they are those that are lacking."""
        lacked = self.lacking.get(name)
        if lacked is None or lacked.hash != hash_of(tags):
            return False
        self._held[name] = (lacked.hash, tags)
        del self.lacking[name]
        return True

    def forget(self, name: str) -> None:
        """A member has all its tags in its claim, or is remembered no more."""
        self._held.pop(name, None)
        self.lacking.pop(name, None)

    def carried(self, name: str, tags: TagPairs) -> tuple[TagPairs, bytes]:
        """How our own claim says that these are our tags: by themselves, or by their hash."""
        if tags_ride(tags):
            self.forget(name)
            return tags, b""
        hash_ = hash_of(tags)
        self._held[name] = (hash_, tags)
        return (), hash_


def hash_of(tags: TagPairs) -> bytes:
    """The hash by which a claim names tags."""
    packed: bytes = msgpack.packb(tags)
    return blake2b(packed, digest_size=TAGS_HASH_BYTES, person=b"coterie tags").digest()
