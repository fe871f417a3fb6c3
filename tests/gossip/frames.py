"""The frame of any message."""

from __future__ import annotations

from gossip.wire.claims import encode_claim
from gossip.wire.messages import (
    Claims,
    Join,
    Message,
    Position,
    Table,
    encode,
    encode_claims,
    encode_join,
    encode_position,
    encode_table,
)


def frame(message: Message) -> bytes:
    """The frame of any message, also of those that hold claims."""
    match message:
        case Claims():
            return encode_claims([encode_claim(claim) for claim in message.claims])
        case Table():
            return encode_table([encode_claim(claim) for claim in message.claims], message.call)
        case Join():
            return encode_join(encode_claim(message.claim), message.call)
        case Position():
            return encode_position(message.coordinate)
        case _:
            return encode(message)
