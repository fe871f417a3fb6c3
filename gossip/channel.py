"""Nobody gets in: datagrams that only holders of the cluster secret can read or make.

    datagram = version (1) | nonce (24) | ciphertext and tag (length + 16)

Sealed with XChaCha20-Poly1305 under a key derived from the cluster secret (personalised BLAKE2b),
with the version as associated data. A nonce is 16 random bytes per boot and a counter: it repeats
neither within a boot nor, in practice, between boots. Whatever does not open is dropped before
anything is parsed or allocated for it.

Without a secret the key is one that everybody knows; the node refuses that on any address but
loopback.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

# Fixed by the format.
VERSION = b"\x01"
NONCE_BYTES = 24
TAG_BYTES = 16
OVERHEAD = len(VERSION) + NONCE_BYTES + TAG_BYTES

# Chosen by us: what passes tunnels and overlays without being cut up.
MAX_DATAGRAM = 1200
MAX_PLAIN = MAX_DATAGRAM - OVERHEAD


class Dropped(Exception):  # noqa: N818  # it is a verdict, not a fault of ours
    """A datagram was not for us; `reason` is one word for the statistics. Nothing was changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Channel:
    """Seals what this member sends and opens what members send to it."""

    def __init__(self, secret: bytes, entropy: Callable[[int], bytes]) -> None:
        self._key = blake2b(secret, digest_size=32, person=b"coterie datagram").digest()
        self._boot = entropy(NONCE_BYTES - 8)
        self._count = 0

    def seal(self, plain: bytes) -> bytes:
        """The datagram that carries `plain`."""
        self._count += 1
        nonce = self._boot + self._count.to_bytes(8, "big")
        sealed: bytes = crypto_aead_xchacha20poly1305_ietf_encrypt(plain, VERSION, nonce, self._key)
        return VERSION + nonce + sealed

    def open(self, datagram: bytes) -> bytes:
        """What a member sent; `Dropped` for everything else."""
        if not OVERHEAD < len(datagram) <= MAX_DATAGRAM:
            raise Dropped("size")
        if datagram[:1] != VERSION:
            raise Dropped("version")
        nonce, sealed = datagram[1 : 1 + NONCE_BYTES], datagram[1 + NONCE_BYTES :]
        try:
            plain: bytes = crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed, VERSION, nonce, self._key
            )
        except CryptoError:
            raise Dropped("unopened") from None
        return plain
