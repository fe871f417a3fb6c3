"""Refusals from real kernels: heard at once, quoted exactly, and never in the way of a datagram."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import perf_counter
from typing import Any

import pytest
import trio

from gossip import Address, Peer, Timing, Transmit
from node import Config, Node, error_queue
from node.udp import bind

pytestmark = pytest.mark.skipif(not error_queue.AVAILABLE, reason="only Linux has error queues")

LOOPBACKS = ["127.0.0.1", "::1"]
HEARD_MAX = 0.05
"""Seconds from sending to a closed port until the peer knows: the bound of the issue."""


@pytest.fixture(params=LOOPBACKS)
def host(request: pytest.FixtureRequest) -> str:
    try:
        bind(Address(request.param, 0)).close()
    except OSError:
        pytest.skip(f"this machine has no {request.param}")
    return str(request.param)


@pytest.fixture
def sock(host: str) -> Iterator[socket.socket]:
    with bind(Address(host, 0)) as sock:
        error_queue.enable(sock)
        yield sock


def address_of(sock: socket.socket) -> Address:
    return Address(*sock.getsockname()[:2])


def closed(host: str) -> Address:
    """An address at which there was somebody a moment ago."""
    with bind(Address(host, 0)) as sock:
        return address_of(sock)


async def read(sock: socket.socket) -> error_queue.Errors:
    with trio.fail_after(5):
        await trio.lowlevel.wait_readable(sock)
    return error_queue.read(sock)


# The socket.


async def test_a_refusal_quotes_what_was_sent(sock: socket.socket, host: str) -> None:
    datagram = os.urandom(300)
    sock.sendto(datagram, closed(host))
    refused, others = await read(sock)
    assert (refused, others) == ([datagram], {})
    assert error_queue.read(sock) == ([], {})


async def test_of_a_large_datagram_it_quotes_the_beginning(sock: socket.socket, host: str) -> None:
    datagram = os.urandom(1200)
    sock.sendto(datagram, closed(host))
    (quoted,), _ = await read(sock)
    assert datagram.startswith(quoted)
    assert len(quoted) >= 520


async def test_reading_the_queue_lets_the_socket_rest(sock: socket.socket, host: str) -> None:
    for number in range(20):
        with suppress(ConnectionRefusedError):
            sock.sendto(bytes([number]) * 50, closed(host))
    assert len((await read(sock)).refused) >= 10
    with trio.move_on_after(0.05) as waiting:
        await trio.lowlevel.wait_readable(sock)
    assert waiting.cancelled_caught, "it would spin"


async def test_a_socket_that_did_not_ask_hears_nothing(host: str) -> None:
    with bind(Address(host, 0)) as plain:
        plain.sendto(b"x" * 50, closed(host))
        await trio.sleep(0.01)
        assert error_queue.read(plain) == ([], {})


def test_other_errors_are_counted_by_name() -> None:
    class Queue:
        def __init__(self) -> None:
            self.left = [
                (errno.EHOSTUNREACH, 2), (errno.EMSGSIZE, 1), (errno.ECONNREFUSED, 1),
                (errno.ECONNREFUSED, 3), (99999, 2),
            ]  # fmt: skip

        def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, None]:
            if not self.left:
                raise BlockingIOError
            number, origin = self.left.pop(0)
            data = error_queue.EXTENDED_ERROR.pack(number, origin, 3, 3, 0, 0)
            cut = (socket.IPPROTO_IP, error_queue.IP_RECVERR, data[:7])
            told = (socket.IPPROTO_IP, error_queue.IP_RECVERR, data)
            return b"quoted", [cut, (socket.SOL_SOCKET, 29, b"a time stamp"), told], 0, None

    refused, others = error_queue.read(Queue())  # type: ignore[arg-type]
    assert refused == [b"quoted"]
    assert others == {"EHOSTUNREACH": 1, "EMSGSIZE": 1, "ECONNREFUSED": 1, "other": 1}


def test_a_closed_socket_has_no_errors(sock: socket.socket) -> None:
    sock.close()
    assert error_queue.read(sock) == ([], {})


# The node.


class Watched:
    """A real socket that notes what is sent, and how often it is read."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.sent: dict[bytes, float] = {}
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
        self.sent[data] = perf_counter()
        return int(self.real.sendto(data, address))

    def recvfrom(self, size: int, /) -> Any:
        self.reads += 1
        return self.real.recvfrom(size)


def config(host: str, **settings: Any) -> Config:
    bound = f"[{host}]:0" if ":" in host else f"{host}:0"
    return Config(name="node", bind=bound, secret="between us", profile="local", **settings)


def watched(node: Node) -> Watched:
    sock = Watched(node._socket)
    node._socket = sock
    return sock


async def ghost(node: Node, host: str) -> None:
    """A member that joins, and whose process then ends without a word."""
    with bind(Address(host, 0)) as sock:
        peer = Peer(
            name="ghost", address=address_of(sock), secret=b"between us", wall=lambda: 10**18,
            random=node._machine.random(), entropy=os.urandom, timing=Timing.local(),
        )  # fmt: skip
        peer.start(0, [node.address])
        with trio.fail_after(10):
            while len(node.members()) < 2 or len(peer.members()) < 2:
                for effect in peer.effects():
                    if isinstance(effect, Transmit):
                        sock.sendto(*effect)
                await trio.sleep(0.001)
                try:
                    datagram, source = sock.recvfrom(65536)
                except BlockingIOError:
                    continue
                peer.receive(datagram, Address(*source[:2]), 1)


async def test_a_probe_to_a_closed_port_is_refused_with_exactly_our_datagram(host: str) -> None:
    async with Node(config(host)) as node:
        await ghost(node, host)
        peer, sock = node._peer, watched(node)
        assert peer is not None
        heard: list[tuple[bytes, float]] = []
        told: list[tuple[int, str]] = []
        refused, on_refused = peer.refused, peer._refusals._on_refused

        def note(quoted: bytes, now: int) -> None:
            heard.append((quoted, perf_counter()))
            refused(quoted, now)

        peer.refused = note  # type: ignore[method-assign]

        def hint(sequence: int, target: str, now: int) -> None:
            told.append((sequence, target))
            on_refused(sequence, target, now)

        peer._refusals._on_refused = hint
        with trio.fail_after(10):
            while not told:  # noqa: ASYNC110  # the kernel has no event for it
                await trio.sleep(0.002)
        assert {target for _, target in told} == {"ghost"}
        for quoted, at in heard:
            took = at - sock.sent[quoted]  # a KeyError: it was not exactly what we sent
            assert took < HEARD_MAX, f"it took {took:.3f} s"


async def test_refusals_make_no_busy_loop(host: str) -> None:
    async with Node(config(host)) as node:
        sock = watched(node)
        nobody = closed(host)
        for number in range(200):
            node._transmit(Transmit(b"%d" % number * 20, nobody))
        await trio.sleep(0.05)
        before = sock.reads
        await trio.sleep(0.3)
        assert sock.reads - before < 30


async def test_no_datagram_is_lost_to_the_refusal_of_another(
    host: str, sock: socket.socket
) -> None:
    nobody = closed(host)
    async with Node(config(host)) as node:
        for number in range(100):
            node._transmit(Transmit(b"lost", nobody))
            node._transmit(Transmit(b"%d" % number, address_of(sock)))
        arrived = [sock.recv(100) for _ in range(100)]
        assert arrived == [b"%d" % number for number in range(100)]
        assert node.statistics().undelivered == {}
        before = node.statistics().datagrams_received
        for number in range(100):
            node._transmit(Transmit(b"lost", nobody))
            sock.sendto(b"%d" % number, node.address)
            if number % 10 == 0:
                await trio.sleep(0.001)
        with trio.fail_after(5):
            while node.statistics().datagrams_received < before + 100:  # noqa: ASYNC110
                await trio.sleep(0.001)


async def test_one_drain_takes_the_errors_and_the_datagrams_behind_them(
    host: str, sock: socket.socket
) -> None:
    async with Node(config(host)) as node:
        nobody, before = closed(host), node.statistics()
        for number in range(10):
            node._transmit(Transmit(b"%d" % number * 50, nobody))
            sock.sendto(b"x", node.address)
        assert node._drain()
        after = node.statistics()
        assert after.datagrams_received == before.datagrams_received + 10
        assert after.dropped["refusal unknown"] == 10


async def test_an_error_that_makes_no_call_fail_is_heard_too(host: str) -> None:
    async with Node(config(host)) as node:
        real: Any = node._socket
        node._transmit(Transmit(b"x" * 50, closed(host)))
        assert real.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED
        assert node._drain()
        assert node.statistics().dropped == {"refusal unknown": 1}


@pytest.mark.parametrize("name", ["ENETUNREACH", "EHOSTUNREACH", "EPERM", "EMSGSIZE", "ENOBUFS"])
async def test_what_cannot_be_sent_is_counted_and_lost(name: str) -> None:
    class Broken(Watched):
        def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
            tries.append(data)
            raise OSError(getattr(errno, name), name)

    tries: list[bytes] = []
    async with Node(config("127.0.0.1")) as node:
        whole = node._socket
        node._socket = Broken(whole)
        node._transmit(Transmit(b"x", closed("127.0.0.1")))
        assert tries == [b"x", b"x"], "the error may have been about another datagram"
        assert node.statistics().undelivered == {name: 1}
        node._socket = whole
        node.counter("visits").increment()
        await node.sync(acks=1, timeout=1.0)


async def test_a_full_send_buffer_is_not_tried_twice() -> None:
    class Full(Watched):
        def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
            tries.append(data)
            raise BlockingIOError(errno.EAGAIN, "full")

    tries: list[bytes] = []
    async with Node(config("127.0.0.1")) as node:
        whole, node._socket = node._socket, Full(node._socket)
        node._transmit(Transmit(b"x", closed("127.0.0.1")))
        node._socket = whole
        assert tries == [b"x"]
        assert node.statistics().undelivered == {"EAGAIN": 1}


async def test_what_a_refusal_led_to_is_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is heard while something else is sent, when the effects of before are being performed."""
    sent: list[Transmit] = []
    async with Node(config("127.0.0.1")) as node:
        peer = node._peer
        assert peer is not None
        more = Transmit(b"more", closed("127.0.0.1"))
        lists: Iterator[list[Any]] = iter([[Transmit(b"first", more.destination)], [more], []])
        transmit: Callable[[Transmit], None] = sent.append
        with monkeypatch.context() as patch:
            patch.setattr(peer, "effects", lambda: next(lists))
            patch.setattr(node, "_transmit", transmit)
            node._perform()
        assert [effect.datagram for effect in sent] == [b"first", b"more"]
