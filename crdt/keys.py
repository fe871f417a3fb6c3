"""Keys as bytes whose order is the order of the keys, so that a prefix or a range is a slice.

A key is `str` or `bytes`. Encoded, it is one tag byte (1 for str, 2 for bytes) and its bytes: UTF-8
keeps the order of code points, and all strings come before all bytes. Inside a longer path a
component is *closed*: zero bytes are escaped as 00 FF and it ends with 00 01, so that no component
is a prefix of another and the order still holds (much as in the tuple encoding of FoundationDB).
"""

from __future__ import annotations

from .errors import CrdtError

MAX_KEY_BYTES = 1024
"""The longest key, encoded; chosen by us so that a key always fits a datagram beside its context.
"""

_STR, _BYTES = b"\x01", b"\x02"
_ZERO, _ESCAPED, _END = b"\x00", b"\x00\xff", b"\x00\x01"


def encode_key(key: str | bytes) -> bytes:
    """The order-preserving bytes of a key. `TypeError` for other types, `ValueError` for size or
    lone surrogates.
    """
    if isinstance(key, str):
        data = _STR + key.encode()
    elif isinstance(key, bytes):
        data = _BYTES + key
    else:
        raise TypeError(f"a key is str or bytes, not {type(key).__name__}")
    if len(data) > MAX_KEY_BYTES:
        raise ValueError(f"a key of {len(data)} bytes is longer than {MAX_KEY_BYTES}")
    return data


def decode_key(data: bytes) -> str | bytes:
    """The key behind `encode_key`'s bytes; `CrdtError` when there is none."""
    tag, body = data[:1], data[1:]
    if len(data) <= MAX_KEY_BYTES:
        if tag == _BYTES:
            return body
        if tag == _STR:
            try:
                return body.decode()
            except UnicodeDecodeError:
                pass
    raise CrdtError("malformed key")


def escape(component: bytes) -> bytes:
    """The beginning of a path's component, so that more of it may follow."""
    return component.replace(_ZERO, _ESCAPED)


def close(component: bytes) -> bytes:
    """A component of a path: escaped and ended, so that what follows cannot be mistaken for it."""
    return escape(component) + _END


def split(path: bytes, start: int = 0) -> tuple[bytes, int]:
    """The component that begins at `start`, and where the next one begins; `CrdtError` when it is
    not closed.
    """
    end = path.find(_ZERO, start)
    while path[end : end + 2] == _ESCAPED:
        end = path.find(_ZERO, end + 2)
    if end < 0 or path[end : end + 2] != _END:
        raise CrdtError("malformed path")
    return path[start:end].replace(_ESCAPED, _ZERO), end + 2


def after_prefix(prefix: bytes) -> bytes | None:
    """The least key greater than every key that starts with `prefix`; None when there is none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else None
