"""The client, against small servers that behave in odd ways."""

import socket
import threading
from itertools import islice
from pathlib import Path

import pytest

from node.client import AgentProblemError, AgentUnreachableError, Client


def serve_once(listener: socket.socket, answer: bytes) -> threading.Thread:
    """Answer one connection's one request with these bytes, and close it."""

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            while b"\r\n\r\n" not in connection.recv(65536):
                pass
            connection.sendall(answer)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def answer(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b"\xff"])
def test_an_answer_that_is_no_object_is_no_agent(body: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = serve_once(listener, answer(body))
        with Client(url(listener)) as client, pytest.raises(AgentUnreachableError, match="no cot"):
            client.get("v1", "status")
        thread.join()


@pytest.mark.parametrize("garbage", [b"", b"SSH-2.0\r\n", answer(b"{}")[:20]])
def test_an_answer_that_is_no_http_is_no_agent(garbage: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = serve_once(listener, garbage)
        with Client(url(listener)) as client:
            with pytest.raises(AgentUnreachableError) as caught:
                client.get("v1", "status")
            assert "\n" not in str(caught.value)
            thread.join()
            thread = serve_once(listener, answer(b'{"digest": "00"}'))
            assert client.get("v1", "digest") == {"digest": "00"}  # one bad answer is forgotten
        thread.join()


@pytest.mark.parametrize("rest", [b"", b"5\r\ndat", b"5\r\ndata:\r\n"])
def test_a_stream_that_breaks_off_is_no_end(rest: bytes) -> None:
    """An agent that was killed is not one that left."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [b": here\n\nda", b"ta: 1\n", b"\ndata: 2\n\n"]
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    with socket.create_server(("127.0.0.1", 0)) as listener, Client(url(listener)) as client:
        thread = serve_once(listener, head + body + b"0\r\n\r\n")
        assert list[object](client.stream("v1", "events")) == [1, 2]
        thread.join()
        thread = serve_once(listener, head + body + rest)
        stream = client.stream("v1", "events")
        assert list[object](islice(stream, 2)) == [1, 2]
        with pytest.raises(AgentUnreachableError, match="broke off"):
            next(stream)
        thread.join()


def test_a_problem_is_an_error_with_its_detail() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        body = b'{"title": "Conflict", "status": 409, "detail": "has another type"}'
        thread = serve_once(listener, answer(body, "409 Conflict"))
        with Client(url(listener)) as client, pytest.raises(AgentProblemError) as caught:
            client.get("v1", "counters", "x")
        assert caught.value.status == 409
        assert str(caught.value) == "has another type"
        thread.join()


def test_a_connection_that_was_closed_is_opened_anew() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, Client(url(listener)) as client:
        for number in 1, 2:
            thread = serve_once(listener, answer(b'{"value": %d}' % number))
            assert client.get("v1", "counters", "x") == {"value": number}
            thread.join()


def test_an_agent_behind_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "agent.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = serve_once(listener, answer(b'{"digest": "00"}'))
        with Client(f"unix:{path}") as client:
            assert client.get("v1", "digest") == {"digest": "00"}
        thread.join()


@pytest.mark.parametrize(
    "agent", ["", "127.0.0.1:7848", "https://127.0.0.1", "http://", "http://a/b", "http://a:b"]
)
def test_what_is_no_address_of_an_agent(agent: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Client(agent)
