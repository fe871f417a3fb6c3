"""Join names: looked up for ever, all addresses of all of them, and no name is fatal."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
import trio

from gossip import Address
from node import Config, Node, SyncTimeout, seeds
from node.seeds import Seeds
from node.udp import is_local, is_number


class Resolver(trio.abc.HostnameResolver):
    """Answers what the test wrote into `names`; an exception is raised, None is never answered."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.asked: list[str] = []

    async def getaddrinfo(self, host: bytes | None, port: Any, *_: Any, **__: Any) -> list[Any]:
        await trio.lowlevel.checkpoint()
        name = (host or b"").decode()
        self.asked.append(name)
        answer = self.names.get(name, socket.gaierror(socket.EAI_NONAME, f"no {name}"))
        if answer is None:
            await trio.sleep_forever()
        if isinstance(answer, Exception):
            raise answer
        families = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(families[":" in ip], socket.SOCK_DGRAM, 17, "", (ip, port)) for ip in answer]

    async def getnameinfo(self, *_: object) -> tuple[str, str]:
        raise AssertionError("nobody asks for names")


@pytest.fixture
async def resolver() -> Resolver:
    resolver = Resolver()
    trio.socket.set_custom_hostname_resolver(resolver)
    return resolver


def anybody(_: Address) -> bool:
    return True


def at(*hosts: str, port: int = 7847) -> list[Address]:
    return [Address(host, port) for host in hosts]


async def test_every_address_of_every_name_is_found(resolver: Resolver) -> None:
    resolver.names = {"a.test": ["10.0.0.1", "fd00::1", "10.0.0.2"], "b.test": ["10.0.0.2"]}
    places = Seeds(["a.test", "10.0.0.9:1", "b.test", "b.test:2"], anybody)
    found = await places.look_up()
    assert found.gone == []
    assert found.addresses == [
        *at("10.0.0.1", "fd00::1", "10.0.0.2"), *at("10.0.0.9", port=1), *at("10.0.0.2", port=2),
    ]  # fmt: skip
    assert places.named
    assert not places.unheard


async def test_what_a_name_no_longer_has_is_gone_unless_another_has_it(resolver: Resolver) -> None:
    resolver.names = {"a.test": ["10.0.0.1", "10.0.0.2", "10.0.0.3"], "b.test": ["10.0.0.2"]}
    places = Seeds(["a.test", "b.test", "10.0.0.3"], anybody)
    await places.look_up()
    resolver.names["a.test"] = ["10.0.0.4"]
    found = await places.look_up()
    assert found.addresses == at("10.0.0.4", "10.0.0.2", "10.0.0.3")
    assert found.gone == at("10.0.0.1")


@pytest.mark.parametrize(
    "trouble",
    [
        socket.gaierror(socket.EAI_NONAME, "no such host"),
        socket.gaierror(socket.EAI_AGAIN, "try again"),
        OSError("no network"),
        UnicodeError("a label is too long"),
    ],
    ids=repr,
)
async def test_a_failing_name_is_logged_once_keeps_what_it_had_and_is_not_fatal(
    resolver: Resolver, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    places = Seeds(["bad.test", "good.test"], anybody)
    resolver.names = {"bad.test": trouble, "good.test": ["10.0.0.1"]}
    for _ in range(5):
        assert (await places.look_up()).addresses == at("10.0.0.1")
    assert places.unheard
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "bad.test cannot be resolved and is tried again" in caplog.text
    resolver.names["bad.test"] = ["10.0.0.2"]
    assert (await places.look_up()).addresses == at("10.0.0.2", "10.0.0.1")
    assert not places.unheard
    resolver.names["bad.test"] = trouble
    for _ in range(5):
        assert await places.look_up() == (at("10.0.0.2", "10.0.0.1"), [])
    assert len(caplog.records) == 2


async def test_a_resolver_that_does_not_answer_holds_up_nobody(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(seeds, "PATIENCE", 0.05)
    resolver.names = {"mute.test": None, "mute2.test": None, "good.test": ["10.0.0.1"]}
    with trio.fail_after(2):
        found = await Seeds(["mute.test", "mute2.test", "good.test"], anybody).look_up()
    assert found.addresses == at("10.0.0.1")
    assert "no answer within" in caplog.text


async def test_one_name_has_a_bounded_number_of_addresses(resolver: Resolver) -> None:
    resolver.names = {"all.test": [f"10.0.{i >> 8}.{i & 255}" for i in range(1000)]}
    found = await Seeds(["all.test"], anybody).look_up()
    assert len(found.addresses) == seeds.ADDRESSES_MAX


async def test_without_names_nothing_is_looked_up_again() -> None:
    places = Seeds(["10.0.0.1", "[fd00::1]:5"], anybody)
    assert not places.named
    with trio.fail_after(1):
        await places.look_on(lambda: True, lambda _: None)


def test_local_addresses_and_numbers_are_told_from_others() -> None:
    assert is_local("127.0.0.1")
    assert not is_local("192.0.2.77")
    assert is_number("10.0.0.1")
    assert is_number("fd00::1")
    assert not is_number("a.test")


# In a node.


def config(name: str, **settings: Any) -> Config:
    defaults = {"bind": "127.0.0.1:0", "secret": "between us", "profile": "local"}
    return Config(name=name, **(defaults | settings))


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    with trio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110  # what real sockets bring has no event to wait for
            await trio.sleep(0.005)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "LOOK_UP_ALONE", 0.02)
    monkeypatch.setattr(seeds, "LOOK_UP", 0.02)


@pytest.mark.usefixtures("eager")
async def test_a_name_that_moves_is_followed_for_ever(resolver: Resolver) -> None:
    async with Node(config("there")) as there:
        port = there.address.port
        join = [f"moving.test:{port}"]
        async with Node(config("here", join=join)) as here:
            assert not here.converged(), "there may be a whole cluster behind that name"
            with pytest.raises(SyncTimeout):
                await here.sync(acks="majority", timeout=0.05)
            resolver.names["moving.test"] = ["127.0.0.2", "127.0.0.3"]
            await until(lambda: at_joins(here) == at("127.0.0.2", "127.0.0.3", port=port))
            assert len(here.members()) == 1
            resolver.names["moving.test"] = ["127.0.0.3", "127.0.0.1"]
            await until(lambda: len(here.members()) == 2)
            assert at_joins(here) == at("127.0.0.3", "127.0.0.1", port=port)
            asked = len(resolver.asked)
            await until(lambda: len(resolver.asked) > asked + 3)  # also in company


def at_joins(node: Node) -> list[Address]:
    assert node._peer is not None
    return [*node._peer._reconnect._joins]


async def test_a_node_does_not_call_itself(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = 47847
    hosts = ["127.0.0.1", "127.0.0.5", "192.0.2.77", "fd00::77"]
    resolver.names["all.test"] = hosts
    everywhere = config("everywhere", bind=f"0.0.0.0:{port}", join=[f"all.test:{port}"])
    async with Node(everywhere) as node:
        assert at_joins(node) == at("192.0.2.77", port=port)
    one = config("one", bind=f"127.0.0.1:{port}", join=[f"all.test:{port}", "all.test:1"])
    async with Node(one) as node:
        assert at_joins(node) == [
            *at("127.0.0.5", "192.0.2.77", port=port), *at(*hosts[:3], port=1),
        ]  # fmt: skip


async def test_a_look_up_that_ends_after_the_goodbye_calls_nobody(resolver: Resolver) -> None:
    async with Node(config("gone", join=["a.test"])) as node:
        await node.leave()
        node._looked_up(seeds.Found(at("127.0.0.1"), []))
        assert at_joins(node) == []
