"""How long the agent's connections last: a stream for ever, what is only half said not."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import AsyncIterator

import pytest
import trio

from gossip import Address
from node import Config, bodies, serving
from node.agent import listen, serve
from node.client import Client

PATIENCE = 0.3


@pytest.fixture
async def url(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """An agent within this process, that has little patience."""
    monkeypatch.setattr(serving, "IDLE_SECONDS", PATIENCE)
    monkeypatch.setattr(bodies, "BODY_SECONDS", PATIENCE)
    config = Config(name="agent", bind="127.0.0.1:0", secret="s", http="127.0.0.1:0")
    with listen(Address("127.0.0.1", 0)) as listener:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, config, listener)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            nursery.cancel_scope.cancel()


async def test_a_stream_outlasts_every_limit_of_connections(url: str) -> None:
    heard: list[object] = []

    def hear() -> None:
        with Client(url) as client:
            for event in client.stream("v1", "broadcasts"):
                heard.append(event["payload"])
                if event["payload"] == "end":
                    return

    def tell(payload: str) -> None:
        with Client(url) as client:
            body = json.dumps({"topic": "t", "payload": payload})
            client.request("POST", "v1", "broadcast", body=body)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, hear)
            while not heard:  # until it is there
                await trio.to_thread.run_sync(tell, "begin")
            await trio.sleep(5 * PATIENCE)
            await trio.to_thread.run_sync(tell, "end")
    assert heard[-1] == "end"


async def test_a_body_that_does_not_come_is_not_waited_for(url: str) -> None:
    def ask() -> tuple[int, str]:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.putrequest("POST", "/v1/broadcast")
        connection.putheader("Content-Length", "10")
        connection.endheaders(b"{")
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    status, text = await trio.to_thread.run_sync(ask)
    assert status == 408
    assert "did not come within 0.3 s" in text


async def test_headers_that_do_not_end_are_not_waited_for(url: str) -> None:
    def ask() -> bytes:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n")
            return connection.recv(1)

    assert await trio.to_thread.run_sync(ask) == b""
