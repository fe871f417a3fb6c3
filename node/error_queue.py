"""What the kernel learns of datagrams that did not arrive: the error queue of a UDP socket.

Linux tells an unconnected socket that asks for it (IP_RECVERR; ip(7), ipv6(7)) of every ICMP error
about a datagram of its own, and gives what the error quotes. It matches the addresses and ports in
the quotation with the socket; that the bytes are ours as well is for the reader to see.

It has a price. An error is also reported, once, by whatever call on the socket comes next, whoever
it is about: a `recvfrom` that fails has left its datagram where it was, and a `sendto` that fails
has sent nothing, though nothing may be wrong with what it was to send. While the queue holds
anything, the socket counts as readable, so who waits for it without reading the queue spins. And
what is queued takes room from the receive buffer.

Other systems have no such queue; there everything here is empty.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections import Counter
from contextlib import suppress
from struct import Struct
from typing import NamedTuple

AVAILABLE = sys.platform == "linux"

# From linux/in.h, linux/in6.h and linux/errqueue.h: Python has no names for them yet.
IP_RECVERR = 11
IPV6_RECVERR = 25
ORIGIN_ICMP = 2
ORIGIN_ICMP6 = 3
EXTENDED_ERROR = Struct("=IBBBxII")
"""struct sock_extended_err: error, origin, type, code, info, data. An address follows."""

ANCILLARY_BYTES = 512
"""Room for that and the address, and for whatever a later kernel adds."""

QUOTED_BYTES = 2048
"""More than we ever send in a datagram."""

READ_MAX = 1024
"""Errors taken at once (our choice): about as many as our receive buffer can hold."""


class Errors(NamedTuple):
    """What was in the queue."""

    refused: list[bytes]
    """Datagrams that no process took at their host, each as far as it was quoted."""
    others: Counter[str]
    """How many could not be delivered for another reason, by the name of the error."""


def enable(sock: socket.socket) -> None:
    """Ask for errors, where that is possible."""
    if AVAILABLE:
        with suppress(OSError):  # an emulated kernel may not have it
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        if sock.family == socket.AF_INET6:
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)


def read(sock: socket.socket) -> Errors:
    """Take what is in the queue, without waiting."""
    errors = Errors([], Counter())
    if sys.platform == "linux":
        for _ in range(READ_MAX):
            try:
                quoted, told, _, _ = sock.recvmsg(
                    QUOTED_BYTES, ANCILLARY_BYTES, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
                )
            except OSError:  # it is empty, or the socket is closed
                break
            for _, kind, data in told:
                if kind in (IP_RECVERR, IPV6_RECVERR) and len(data) >= EXTENDED_ERROR.size:
                    _sort(quoted, data, errors)
    return errors


def _sort(quoted: bytes, data: bytes, errors: Errors) -> None:
    number, origin, *_ = EXTENDED_ERROR.unpack_from(data)
    if number == errno.ECONNREFUSED and origin in (ORIGIN_ICMP, ORIGIN_ICMP6):
        errors.refused.append(quoted)
    else:
        errors.others[name_of(number)] += 1


def name_of(number: int | None) -> str:
    """The name of an error of the system, to count it by."""
    return errno.errorcode.get(number or 0, "other")
