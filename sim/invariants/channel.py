"""What is on the wire: unreadable, sealed once, and never opened when it was altered."""

from __future__ import annotations

from gossip import Peer
from gossip.wire.channel import NONCE_BYTES
from sim.agenda import SECOND
from sim.host import Host
from sim.invariants.promises import NONCE, QUIET, SEALED, SECRET, Report

MARKERS_MAX = 8
"""How many texts of users are looked for in every datagram: our choice, for speed."""

MARKER_BYTES_MIN = 6
"""Shorter texts would turn up in ciphertext by chance."""

REFUSALS = ("size", "version", "unopened")
"""Why the channel drops a datagram before it looks into it."""

WINDOW = 10 * SECOND
"""Over how long the load of a quiet cluster is measured, and how long it has to be quiet before."""

QUIET_DATAGRAMS = 4
"""How many datagrams a member sends per probe interval at most, on average, when nothing happens: a
probe, an answer, and as much again for calls to those who are not there.
"""


class Channel:
    """Sees every datagram that is sent, and those that were altered where they arrive."""

    __slots__ = (
        "_altered", "_begun", "_drawn", "_handed", "_markers", "_members", "_nonces", "_report",
        "_sent", "busy",
    )  # fmt: skip

    def __init__(self, members: int, report: Report) -> None:
        self._members = members
        self._report = report
        self._markers: dict[bytes, None] = {}
        self._nonces: dict[int, tuple[int, bytes, bytes]] = {}
        """By host: its boot, and the part of its nonces that is drawn then and the last number."""
        self._drawn: dict[bytes, str] = {}
        """By what was drawn: whose it is."""
        self._altered: dict[bytes, None] = {}
        self._handed: dict[tuple[int, int], int] = {}  # altered ones, by host and boot
        self._begun = self._sent = 0
        self.busy = 0
        """When something last happened that explains datagrams."""

    def mark(self, text: object) -> None:
        """Users wrote this: it must not be readable on the wire."""
        data = text.encode() if isinstance(text, str) else text
        if not isinstance(data, bytes) or len(data) < MARKER_BYTES_MIN:
            return
        if len(self._markers) < MARKERS_MAX:
            self._markers[data] = None

    def sent(self, host: Host, datagram: bytes, now: int, *, calm: bool) -> None:
        """A process sends a datagram."""
        for marker in self._markers:
            if marker in datagram:
                self._report(SECRET, host.name, now, f"{marker!r} is readable in a datagram")
        number = datagram[NONCE_BYTES - 7 : NONCE_BYTES + 1]
        boot, drawn, last = self._nonces.get(host.index, (0, b"", b""))
        if boot != host.boots or not datagram.startswith(drawn, 1):
            drawn, last = datagram[1 : NONCE_BYTES - 7], b""
            who = f"{host.name} in boot {host.boots}"
            if self._drawn.setdefault(drawn, who) != who:
                detail = f"nonces of {self._drawn[drawn]} are used again by {who}"
                self._report(NONCE, host.name, now, detail)
        if number <= last:
            self._report(NONCE, host.name, now, f"nonce {number.hex()} is used again")
        self._nonces[host.index] = host.boots, drawn, number
        self._sent += 1
        if now >= self._begun + WINDOW:
            self._load(host, now, calm=calm)

    def _load(self, host: Host, now: int, *, calm: bool) -> None:
        """More datagrams than are explained, in a calm world where nothing happens?"""
        assert host.peer is not None
        interval = host.peer._timing.probe_interval
        most = QUIET_DATAGRAMS * self._members * (1 + (now - self._begun) // interval)
        if calm and self.busy + WINDOW < self._begun and self._sent > most:
            seconds = (now - self._begun) / SECOND
            detail = f"{self._sent} datagrams in {seconds:.1f} s of {self._members} members"
            self._report(QUIET, host.name, now, detail)
        self._begun, self._sent = now, 0

    def altered(self, datagram: bytes) -> None:
        """The network is about to deliver bytes that nobody sent."""
        self._altered[datagram] = None

    def received(self, host: Host, peer: Peer, datagram: bytes, now: int) -> None:
        """A process has taken in a datagram."""
        if datagram not in self._altered:
            return
        process = host.index, host.boots
        handed = self._handed[process] = self._handed.get(process, 0) + 1
        dropped = peer.statistics().dropped
        refused = sum(dropped.get(reason, 0) for reason in REFUSALS)
        if refused < handed:
            detail = f"{handed} altered datagrams came and {refused} were refused"
            self._report(SEALED, host.name, now, detail)
