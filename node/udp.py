"""The UDP socket of a node, and the addresses around it."""

from __future__ import annotations

import errno
import ipaddress
import socket

import trio

from gossip import Address
from node.errors import StartError

RECEIVE_BUFFER = 1 << 20
"""Bytes asked of the kernel, so that a burst survives while this process is busy; it may give
fewer.
"""


def bind(address: Address) -> socket.socket:
    """A non-blocking UDP socket at this address; `StartError` when it is not to be had."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)  # noqa: FBT003
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    try:
        sock.bind(tuple(address))
    except OSError as error:
        sock.close()
        taken = error.errno == errno.EADDRINUSE
        raise StartError(
            f"cannot listen on udp {address}",
            why="the port is taken" if taken else (error.strerror or str(error)),
            remedy="another --bind, or port 0 for any free one" if taken else "another --bind",
        ) from None
    return sock


def advertised(bound: Address) -> str:
    """The host that others are told to reach this node at.

    When bound to all interfaces it is the one that the route to the outside has. No datagram is
    sent to find out.
    """
    if not is_everywhere(bound):
        return bound.host
    family, outside = (
        (socket.AF_INET6, "2001:db8::1") if ":" in bound.host else (socket.AF_INET, "192.0.2.1")
    )
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((outside, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if ":" in bound.host else "127.0.0.1"


def is_number(host: str) -> bool:
    """Whether a host is given as an IP address, and not by a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_everywhere(bound: Address) -> bool:
    """Whether a socket that is bound here listens at every address of its machine."""
    return ipaddress.ip_address(bound.host).is_unspecified


def is_local(host: str) -> bool:
    """Whether this address is one of this machine. Nothing is sent to find out."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


async def resolve(host: str, port: int) -> list[Address]:
    """Every address behind a host, in order; `OSError` when it cannot be resolved."""
    try:
        answers = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except UnicodeError:  # what cannot even be asked for: two dots in a row, or a label too long
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is no host name") from None
    return list(dict.fromkeys(Address(str(at[0]), int(at[1])) for *_, at in answers))
