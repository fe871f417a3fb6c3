"""The house keeps its shape, and the checks that say so are able to say the opposite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import FUNCTION_LINES_MAX, MODULE_LINES_MAX, PACKAGES, read, violations

ROOT = Path(__file__).parent.parent


def test_the_house_keeps_its_shape() -> None:
    modules = read(ROOT)
    assert {module.package for module in modules} == set(PACKAGES)
    assert violations(modules) == []


def judge(root: Path, **sources: str) -> list[str]:
    """The violations of a tree of `package__module=source`."""
    for name, source in sources.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source + "\n", "utf-8")
    return violations(read(root))


@pytest.mark.parametrize(
    ("module", "source", "sentence"),
    [
        ("crdt__kernel", "import gossip.peer", "crdt must not import gossip"),
        ("gossip__peer", "from node import Node", "gossip must not import node"),
        ("gossip__peer", "def f():\n    import sim", "gossip must not import sim"),
        ("node__agent", "import sim", "node must not import sim"),
        ("node__agent", "import bench", "node must not import bench"),
        ("sim__network", "import node", "sim must not import node"),
        ("sim__apparatus", "import node", "sim must not import node"),
        ("bench__command", "import tests.laws", "bench must not import tests"),
        ("gossip__peer", "from .peer import Peer", "import cycle: gossip.peer <- gossip.peer"),
        ("crdt__kernel", "import time", "crdt must not import time"),
        ("crdt__clock", "import time", "crdt must not import time"),
        ("crdt__clock", "from time import sleep", "crdt must not import time"),
        ("gossip__clock", "from time import time_ns", "gossip must not import time"),
        ("gossip__peer", "import os.path", "gossip must not import os"),
        ("gossip__peer", "from socket import socket", "gossip must not import socket"),
        ("gossip__peer", "import trio", "gossip must not import trio"),
        ("gossip__peer", "import uuid", "gossip must not import uuid"),
        ("gossip__peer", "import secrets", "gossip must not import secrets"),
        ("gossip__peer", "import random", "only `from random import Random`"),
        ("gossip__peer", "from random import choice", "only `from random import Random`"),
        ("gossip__peer", "Random()", "Random() without a seed"),
        ("gossip__channel", "import nacl.utils", "nacl.utils draws randomness"),
        ("gossip__channel", "from nacl import utils", "nacl.utils draws randomness"),
        ("gossip__channel", "from nacl.utils import random", "nacl.utils draws randomness"),
        ("gossip__channel", "from nacl.bindings import randombytes", "randombytes draws"),
        ("gossip__channel", "SigningKey.generate()", "generate draws randomness"),
        ("crdt__store", "open('x')", "open() does I/O"),
        ("crdt__store", "print('x')", "print() does I/O"),
        ("crdt__store", "id(x)", "id() differs between processes"),
        ("crdt__store", "hash(x)", "hash() differs between processes"),
        ("crdt__store", "datetime.now()", "datetime reads the wall clock"),
        ("crdt__store", "for x in {1, 2}: pass", "walks through a set"),
        ("crdt__store", "for x in set(y) | z: pass", "walks through a set"),
        ("crdt__store", "[x for x in frozenset(y)]", "walks through a set"),
        ("crdt__store", "list({x for x in y})", "walks through a set"),
        ("crdt__store", "b','.join(set(y))", "walks through a set"),
        ("crdt__store", "f(*set(y))", "walks through a set"),
        ("crdt__store", "set(y).pop()", "walks through a set"),
        ("sim__swarm", "set(y).pop()", "walks through a set"),
        ("node__agent", "def f():\n" + "    x\n" * FUNCTION_LINES_MAX, "f has 61 lines"),
        ("tests__test_x", "x\n" * MODULE_LINES_MAX, "451 lines, 450 at most"),
        ("gossip__wire__fields", "from gossip.members import roster", "wire must not import"),
        ("gossip__users__queries", "import gossip.data.parcels", "users must not import"),
        ("gossip__peer", "import gossip.peer", "import cycle: gossip.peer <- gossip.peer"),
    ],
)
def test_a_violation_is_reported(tmp_path: Path, module: str, source: str, sentence: str) -> None:
    (said,) = judge(tmp_path, **{module: source})
    assert sentence in said


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("crdt__clock", "from time import time_ns"),
        ("gossip__peer", "from random import Random\nfrom crdt import ORSet\nRandom(7)"),
        ("gossip__channel", "from nacl.bindings import crypto_scalarmult"),
        ("gossip__users__queries", "from gossip.members.roster import x\nfrom .repair import y"),
        ("gossip__wire__fields", "from gossip.member import Claim\nfrom crdt import Store"),
        ("sim__app__cluster", "from node import Node"),
        ("node__agent", "import time, random, os\nopen('x')\nfor x in set(y): id(x)"),
        ("crdt__store", "sorted(set(y))\nlen({1})\nx in {1, 2}\nany(z for z in set(y))"),
        ("crdt__store", "{x for x in set(y)}\ny.pop()\nx.now()"),
        ("node__agent", "def f():\n" + "    x\n" * (FUNCTION_LINES_MAX - 1)),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, module: str, source: str) -> None:
    assert judge(tmp_path, **{module: source}) == []


def test_a_cycle_through_three_modules_is_reported(tmp_path: Path) -> None:
    (said,) = judge(
        tmp_path,
        gossip__peer="from . import probe",
        gossip__probe="from gossip.timers import Deadlines",
        gossip__timers="if TYPE_CHECKING:\n    import gossip.peer",
    )
    assert said.startswith("import cycle: ")
    assert {"gossip.peer", "gossip.probe", "gossip.timers"} <= set(said.split())
