"""Nobody listens there: what a host says for a process that is gone, and what that is worth.

A host that is up answers a datagram to a port without a process ("port unreachable", RFC 1122
section 4.1.3.1 and RFC 4443), and quotes what came: at least its beginning. A process that crashed
is so known after one round trip. A host that is gone says nothing, nor does one behind a firewall,
and a process that is merely stopped still has its port. So a refusal is a hint that lets us hurry,
and never a verdict.

Anybody can write such an answer, and pretend to be any host. Nobody who has not seen our datagram
can quote it: what does not repeat its nonce and the first of its sealed bytes, and from there on
nothing but that datagram, is dropped. Only probes are remembered. They are what is sent to find
out, so the refusal of anything else would tell no more, and a little later.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

from gossip.wire.channel import NONCE_BYTES, VERSION

HEAD_BYTES = len(VERSION) + NONCE_BYTES + 16
"""How much of a datagram has to be quoted. The nonce alone is a counter, and each of our datagrams
tells where it is; the sixteen sealed bytes after it (our choice) cannot be guessed. Linux quotes
520 bytes over IPv4 and 1184 over IPv6.
"""

MAX_PROBES = 64
"""How many probes are remembered (our choice): a minute of our own, or a burst for others. A
refusal needs a round trip; one that comes too late for this is of no use.
"""


Sent = tuple[bytes, int, str]
"""A probe on its way: its datagram, its number and its target."""


class Refusals:
    """Recognises our own probes in what hosts quote, each once; the others count in `drops`."""

    def __init__(
        self, *, drops: Counter[str], on_refused: Callable[[int, str, int], object]
    ) -> None:
        """`on_refused` is told the sequence of the probe, its target, and now."""
        self._drops = drops
        self._on_refused = on_refused
        self._sent: OrderedDict[bytes, Sent] = OrderedDict()

    def probed(self, datagram: bytes, sequence: int, target: str) -> None:
        """This datagram carries a probe."""
        self._sent[datagram[:HEAD_BYTES]] = (datagram, sequence, target)
        if len(self._sent) > MAX_PROBES:
            self._sent.popitem(last=False)

    def refused(self, quoted: bytes, now: int) -> None:
        """A host quotes what it says to be a datagram of ours, or the beginning of one."""
        sent = self._sent.get(quoted[:HEAD_BYTES]) if len(quoted) >= HEAD_BYTES else None
        if sent is None or not sent[0].startswith(quoted):
            self._drops["refusal unknown"] += 1
            return
        del self._sent[quoted[:HEAD_BYTES]]
        self._on_refused(sent[1], sent[2], now)
