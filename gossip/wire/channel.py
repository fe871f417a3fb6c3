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

# What nacl.bindings wraps: its wrappers take 3 us for a small datagram, of which libsodium takes a
# quarter. They check lengths, which are fixed or checked here, and format the texts of six errors.
from nacl._sodium import ffi, lib  # type: ignore[import-not-found]

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


_seal = lib.crypto_aead_xchacha20poly1305_ietf_encrypt
_open = lib.crypto_aead_xchacha20poly1305_ietf_decrypt
_NULL = ffi.NULL


class Channel:
    """Seals what this member sends and opens what members send to it."""

    def __init__(self, secret: bytes, entropy: Callable[[int], bytes]) -> None:
        self._key = blake2b(secret, digest_size=32, person=b"coterie datagram").digest()
        self._boot = entropy(NONCE_BYTES - 8)
        self._count = 0
        self._result = ffi.new("unsigned char[]", MAX_DATAGRAM)
        self._bytes = ffi.buffer(self._result)

    def seal(self, plain: bytes) -> bytes:
        """The datagram that carries `plain`; `ValueError` when it is too long for one."""
        size = len(plain)
        if size > MAX_PLAIN:  # libsodium would write behind the buffer
            raise ValueError(f"{size} bytes do not fit into a datagram of {MAX_DATAGRAM}")
        self._count += 1
        nonce = self._boot + self._count.to_bytes(8, "big")
        _seal(self._result, _NULL, plain, size, VERSION, 1, _NULL, nonce, self._key)
        sealed: bytes = self._bytes[: size + TAG_BYTES]
        return VERSION + nonce + sealed

    def open(self, datagram: bytes) -> bytes:
        """What a member sent; `Dropped` for everything else."""
        size = len(datagram)
        if not OVERHEAD < size <= MAX_DATAGRAM:
            raise Dropped("size")
        if datagram[:1] != VERSION:
            raise Dropped("version")
        nonce, sealed = datagram[1 : 1 + NONCE_BYTES], datagram[1 + NONCE_BYTES :]
        if _open(self._result, _NULL, _NULL, sealed, len(sealed), VERSION, 1, nonce, self._key):
            raise Dropped("unopened")
        plain: bytes = self._bytes[: size - OVERHEAD]
        return plain
