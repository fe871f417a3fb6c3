"""What a node needs to know before it starts, checked at construction.

Sources in rising precedence: the defaults, a TOML file, the environment (``COTERIE_*``), flags.
A `Config` that exists is legal, so nothing behind it checks again.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import socket
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gossip import Address
from gossip.member import MAX_NAME_BYTES, is_name
from gossip.members.membership import MAX_MEMBERS
from node.errors import ConfigError
from node.tags import checked as checked_tags

GOSSIP_PORT = 7847
HTTP_PORT = 7848
PROFILES = ("lan", "wan", "local")

SECRET_FILE_BYTES_MAX = 65536

JOIN_MAX = 1024
"""How many addresses can be given to join at a time (our choice): all are called at once."""

ADDRESS = re.compile(
    r"""(?: \[ (?P<bracketed>[0-9a-fA-F:.]+) \] | (?P<host>[^\s:\[\]]+) )
        (?: : (?P<port>[0-9]{1,5}) )?
      | (?P<v6>[0-9a-fA-F:.]+)""",
    re.VERBOSE,
)

NUMBER = re.compile(r"[-+]?[0-9.]+(e[0-9]+)?")

ENVIRONMENT = {
    "COTERIE_NAME": "name",
    "COTERIE_BIND": "bind",
    "COTERIE_JOIN": "join",
    "COTERIE_SECRET": "secret",
    "COTERIE_SECRET_FILE": "secret_file",
    "COTERIE_DATA_DIR": "data_dir",
    "COTERIE_HTTP": "http",
    "COTERIE_PROFILE": "profile",
    "COTERIE_EXPECTED": "expected",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """The settings of one node. Construction raises `ConfigError`, which names the field."""

    name: str = field(default_factory=socket.gethostname)
    """How other members call this one: 1 to 64 printable bytes, unique in the cluster."""

    bind: str = f"127.0.0.1:{GOSSIP_PORT}"
    """``host:port`` of the UDP socket; an IP address or ``localhost``, port 0 for any free one."""

    join: Sequence[str] = ()
    """``host:port`` of members to call first; host names are allowed, the port may be left out."""

    secret: str | bytes | None = field(default=None, repr=False)
    """What all members share and outsiders do not have. None only where bind is loopback."""

    data_dir: str | Path | None = None
    """Where the state outlives the process; None keeps it in memory."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """Short facts that other members see beside the name; 256 of them, 4,096 bytes in all."""

    expected: int | Sequence[str] | None = None
    """Of whom `Node.quorum` counts a majority: so many members, or those of these names; None: all
    that were met and did not leave."""

    http: str | None = None
    """``host:port`` of the agent's HTTP server (loopback only); an embedded node has none."""

    profile: str = "lan"
    """Which timings fit the network: ``lan``, ``wan``, or ``local`` for one machine."""

    fault_injection: bool = False
    """Let users cut this node off from others on purpose, for demos and tests."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        bind = parse_bind("bind", self.bind)
        object.__setattr__(self, "join", checked_join(self.join))
        object.__setattr__(self, "tags", MappingProxyType(checked_tags(self.tags)))
        object.__setattr__(self, "expected", _checked_expected(self.expected))
        _check_secret(self.secret, bind)
        if self.data_dir is not None and not isinstance(self.data_dir, str | Path):
            raise ConfigError("data_dir", f"{self.data_dir!r} is not a path")
        if self.http is not None:
            _check_http(self.http)
        if self.profile not in PROFILES:
            raise ConfigError("profile", f"{self.profile!r} is none of {', '.join(PROFILES)}")
        if not isinstance(self.fault_injection, bool):
            raise ConfigError("fault_injection", "is neither true nor false")

    @property
    def bind_address(self) -> Address:
        """Where the UDP socket is to be bound."""
        return parse_bind("bind", self.bind)

    @property
    def http_address(self) -> Address | None:
        """Where the HTTP server is to listen, if there is one."""
        return None if self.http is None else parse_bind("http", self.http)

    @property
    def secret_bytes(self) -> bytes:
        """The cluster secret as bytes, empty when there is none."""
        if isinstance(self.secret, str):
            return self.secret.encode()
        return self.secret or b""

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        environ: Mapping[str, str] = os.environ,
        **flags: Any,
    ) -> Config:
        """Read file, environment and flags, the later over the earlier; a None flag is absent."""
        settings = _with_secret_read(_file_settings(path)) if path is not None else {}
        settings |= _with_secret_read(_environment_settings(environ))
        settings |= _with_secret_read({key: v for key, v in flags.items() if v is not None})
        for key in settings:
            _check_known(key, "the flags")
        return cls(**settings)


def split_address(setting: str, text: object, default_port: int) -> tuple[str, int]:
    """``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address as ``(host, port)``."""
    found = ADDRESS.fullmatch(text.strip()) if isinstance(text, str) else None
    port = int(found["port"] or default_port) if found else -1
    literal = found and (found["bracketed"] or found["v6"])
    if found is None or port > 65535 or (literal and not _is_ipv6(literal)):
        raise ConfigError(setting, f"{text!r} is not host:port", remedy=f"127.0.0.1:{default_port}")
    return literal or found["host"], port


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def parse_bind(setting: str, text: object) -> Address:
    """An address of this machine: literal, because a name may mean several."""
    host, port = split_address(setting, text, HTTP_PORT if setting == "http" else GOSSIP_PORT)
    host = "127.0.0.1" if host == "localhost" else host
    try:
        return Address(str(ipaddress.ip_address(host)), port)
    except ValueError:
        why = "an address to bind is given as a number, because a name may have several"
        raise ConfigError(setting, f"{host!r} is not an IP address", why=why) from None


def is_loopback(address: Address) -> bool:
    """Whether only this machine can reach the address."""
    return ipaddress.ip_address(address.host).is_loopback


def _check_name(name: object) -> None:
    if not is_name(name):
        form = f"1 to {MAX_NAME_BYTES} printable bytes of text without spaces at its ends"
        raise ConfigError("name", f"{name!r} is not {form}")


def checked_join(join: object) -> tuple[str, ...]:
    """Addresses that can be called; `ConfigError` for others."""
    if isinstance(join, str | bytes) or not isinstance(join, Sequence):
        raise ConfigError("join", f"{join!r} is not a list of addresses")
    if len(join) > JOIN_MAX:
        few = "a few: whoever answers knows the others"
        raise ConfigError("join", f"there are more than {JOIN_MAX:,} addresses", remedy=few)
    for address in join:
        _, port = split_address("join", address, GOSSIP_PORT)
        if port == 0:
            raise ConfigError("join", f"{address!r} has port 0, where nobody can be called")
    return tuple(join)


def _checked_expected(expected: Any) -> int | tuple[str, ...] | None:
    if expected is None or (type(expected) is int and 1 <= expected <= MAX_MEMBERS):
        return expected
    listed = isinstance(expected, Sequence) and not isinstance(expected, str | bytes)
    if listed and 0 < len(expected) <= MAX_MEMBERS and all(map(is_name, expected)):
        return tuple(dict.fromkeys(expected))
    form = f"a number from 1 to {MAX_MEMBERS:,}, or a list of names of members"
    raise ConfigError("expected", f"{expected!r} is not {form}")


def parse_expected(text: str) -> int | str | list[str]:
    """``5`` or ``web-1,web-2,web-3``; checked in `Config`."""
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text)
    if NUMBER.fullmatch(text):  # not the name of a member: `Config` says what is wrong with it
        return text
    return [part.strip() for part in text.split(",")]


def _check_secret(secret: object, bind: Address) -> None:
    if secret is None:
        if not is_loopback(bind):
            raise ConfigError(
                "secret",
                f"none given, and bind {bind} is not loopback",
                why="whoever reaches the port could join and read everything",
                remedy="coterie keygen > secret, then --secret-file secret",
            )
    elif not isinstance(secret, str | bytes) or not secret:
        raise ConfigError("secret", "is empty or neither text nor bytes")


def _check_http(text: object) -> None:
    if not is_loopback(parse_bind("http", text)):
        raise ConfigError(
            "http",
            f"{text!r} is not loopback",
            why="other machines need bearer tokens, which this version does not have",
            remedy=f"127.0.0.1:{HTTP_PORT} and a tunnel",
        )


def _check_known(key: str, source: str) -> None:
    known = [entry.name for entry in fields(Config)]
    if key not in known:
        near = difflib.get_close_matches(key, [*known, "secret_file"], 1)
        raise ConfigError(key, f"no such setting in {source}", remedy=near[0] if near else "")


def _file_settings(path: str | Path) -> dict[str, Any]:
    try:
        settings = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError("config", f"cannot read {str(path)!r}", why=why) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("config", f"{str(path)!r} is not TOML", why=str(error)) from None
    for key in settings:
        if key != "secret_file":
            _check_known(key, repr(str(path)))
    return settings


def _environment_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        key: environ[variable] for variable, key in ENVIRONMENT.items() if environ.get(variable)
    }
    if "join" in settings:
        settings["join"] = [part.strip() for part in settings["join"].split(",") if part.strip()]
    if "expected" in settings:
        settings["expected"] = parse_expected(settings["expected"])
    return settings


def _with_secret_read(settings: dict[str, Any]) -> dict[str, Any]:
    """Replace ``secret_file`` by the ``secret`` it holds, so that a later source overrides both."""
    if "secret_file" not in settings:
        return settings
    if "secret" in settings:
        raise ConfigError("secret_file", "secret is given as well", remedy="one of the two")
    rest = {key: value for key, value in settings.items() if key != "secret_file"}
    return rest | {"secret": read_secret(settings["secret_file"])}


def read_secret(path: object) -> bytes:
    """The secret in a file, without the white space around it."""
    if not isinstance(path, str | Path):
        raise ConfigError("secret_file", f"{path!r} is not a path")
    try:
        with Path(path).open("rb") as file:
            secret = file.read(SECRET_FILE_BYTES_MAX + 1).strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError("secret_file", f"cannot read {str(path)!r}", why=why) from None
    if not secret:
        remedy = "coterie keygen > FILE"
        raise ConfigError("secret_file", f"{str(path)!r} is empty", remedy=remedy)
    if len(secret) > SECRET_FILE_BYTES_MAX:
        raise ConfigError("secret_file", f"{str(path)!r} is no secret", why="it is too large")
    return secret
