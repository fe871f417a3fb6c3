"""A node that was kept from running hears what arrived meanwhile before it looks at its timers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
import trio

from gossip import Address
from node import Config, Node
from node import node as module
from node.company import clock

MANY = 250
"""Datagrams that wait: few enough for the smallest receive buffer of a Linux."""


class Spy:
    """Notes what is asked of the peer of a node, in order."""

    def __init__(self, node: Node) -> None:
        assert node._peer is not None
        self.peer = node._peer
        self.calls: list[str] = []
        self.times: list[int] = []
        self._receive, self._wake = self.peer.receive, self.peer.wake
        self.peer.receive = self.receive  # type: ignore[method-assign]
        self.peer.wake = self.wake  # type: ignore[method-assign]

    def receive(self, datagram: bytes, source: Address, now: int) -> None:
        self.calls.append("receive")
        self.times.append(now)
        self._receive(datagram, source, now)

    def wake(self, now: int) -> None:
        self.calls.append("wake")
        self.times.append(now)
        self._wake(now)

    def before_the_first_wake(self) -> int:
        """How many datagrams it was given until then."""
        return self.calls.index("wake")


def settings(**more: Any) -> Config:
    return Config(name="late", bind="127.0.0.1:0", secret="s", profile="local", **more)


@pytest.fixture(params=[7, 256])
def drain(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is taken at a time must not matter."""
    monkeypatch.setattr(module, "DRAIN", request.param)
    monkeypatch.setattr(module, "DRAINS_MAX", 100)


@pytest.mark.usefixtures("drain")
async def test_a_blocked_loop_drains_the_socket_before_it_looks_at_timers() -> None:
    async with Node(settings()) as node:
        spy = Spy(node)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(5):  # either task may come first
                await trio.sleep(0.02)
                spy.peer._timers.set("test", clock() + 10_000_000, lambda _: None)
                node._perform()
                await trio.sleep(0.001)  # the timer task sleeps until then
                spy.calls.clear()
                spy.times.clear()
                for _ in range(MANY):
                    sock.sendto(b"x", node.address)
                time.sleep(0.05)  # noqa: ASYNC251  # this is the application that blocks the loop
                with trio.fail_after(5):
                    while "wake" not in spy.calls or len(spy.calls) < MANY:  # noqa: ASYNC110
                        await trio.sleep(0.001)
                assert spy.before_the_first_wake() == MANY
                assert spy.times == sorted(spy.times), "time went backwards"


@pytest.mark.usefixtures("drain")
async def test_sync_after_a_block_hears_first_too() -> None:
    async with Node(settings()) as node:
        spy = Spy(node)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(MANY):
                sock.sendto(b"x", node.address)
        await node.sync(acks=1, timeout=1.0)
        assert spy.before_the_first_wake() == MANY


async def test_the_timer_task_wakes_up_for_what_is_due_and_for_nothing_else() -> None:
    async with Node(settings()) as node:
        spy = Spy(node)
        timers, fired = spy.peer._timers, trio.Event()

        def plan(after: float) -> None:
            timers.set("test", clock() + round(after * 1e9), lambda _: fired.set())
            node._perform()

        timers.clear()
        plan(0.02)
        await trio.lowlevel.checkpoint()
        timers.stop("test")
        node._perform()
        spy.calls.clear()
        await trio.sleep(0.05)
        assert spy.calls == []
        for after in (60.0, 30.0, 0.01):  # sooner and sooner
            plan(after)
            await trio.lowlevel.checkpoint()
        with trio.fail_after(5):
            await fired.wait()
        assert spy.calls == ["wake"]


async def test_a_flood_delays_the_timers_and_does_not_stop_them() -> None:
    drained: list[int] = []

    class Flooded:
        def _drain(self) -> bool:
            drained.append(clock())
            return False

    now = await Node._catch_up(Flooded())  # type: ignore[arg-type]
    assert len(drained) == module.DRAINS_MAX
    assert now >= drained[-1]


async def test_a_drain_that_was_interrupted_is_done_again() -> None:
    """The process may be stopped in the middle of one, and datagrams come meanwhile."""
    naps = [0.03, 0.03, 0.0, 0.03]

    class Interrupted:
        def _drain(self) -> bool:
            time.sleep(naps.pop(0))
            return True

    before = clock()
    now = await Node._catch_up(Interrupted())  # type: ignore[arg-type]
    assert naps == [0.03]
    assert before + 60_000_000 <= now <= clock()


CHILD = """
import trio
from node import Node
from tests.node.test_late import MANY, Spy, settings

async def main():
    async with Node(settings()) as node:
        await trio.sleep(0.05)
        spy = Spy(node)
        print(node.address.port, flush=True)
        while spy.calls.count("receive") < MANY or spy.calls[-1] != "wake":
            await trio.sleep(0.001)
        first = spy.calls.index("receive")
        print(spy.calls[first:].index("wake"), flush=True)

trio.run(main)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be stopped here")
def test_a_stopped_process_hears_what_came_meanwhile_before_it_looks_at_timers() -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGSTOP)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for _ in range(MANY):
                sock.sendto(b"x", ("127.0.0.1", port))
        time.sleep(0.5)  # longer than any timer of the profile
        os.kill(child.pid, signal.SIGCONT)
        assert int(child.stdout.readline()) == MANY
        assert child.wait(timeout=20) == 0
    finally:
        child.kill()
        child.communicate()
