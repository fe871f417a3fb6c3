"""What an agent logs, read as a record of what it noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.journal import Journal, Noticed
from gossip import Address

START = """\
1970-01-01T00:00:01.000Z INFO listening: gossip=127.0.0.1:7001
1970-01-01T00:00:01.250Z INFO MemberJoined: bench-1 at 127.0.0.1:7002
1970-01-01T00:00:01.500Z INFO ready: name=bench-0 gossip=127.0.0.1:7001 http=http://127.0.0.1:8001
"""
LATER = """\
1970-01-01T00:00:02.000Z INFO MemberSuspected: bench-1 at 127.0.0.1:7002
1970-01-01T00:00:02.000Z WARNING something: else
1970-01-01T00:00:03.000Z INFO MemberFailed: bench-1 at 127.0.0.1:7002
1970-01-01T00:00:04.000Z INFO MemberJoined: bench-2 at 127.0.0.1:7003
1970-01-01T00:00:04.000Z INFO MemberUpdated: bench-2 at 127.0.0.1:7003
1970-01-01T00:00:05.000Z INFO MemberFailed: bench-1 at 127.0.0.1:7002
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "bench-0.log"
    path.touch()
    return path


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    yield journal
    journal.close()


def test_it_knows_what_was_said_so_far(path: Path, journal: Journal) -> None:
    assert (journal.alive, journal.latest, journal.listening, journal.http) == (1, 0.0, None, "")
    path.write_text(START)
    assert journal.http == ""
    journal.read()
    assert (journal.alive, journal.latest, journal.listening) == (2, 1.25, 1.0)
    assert (journal.gossip, journal.http) == (Address("127.0.0.1", 7001), "http://127.0.0.1:8001")


def test_it_is_read_in_pieces_that_end_anywhere(path: Path, journal: Journal) -> None:
    with path.open("a") as log:
        for character in START + LATER:
            log.write(character)
            log.flush()
            journal.read()
    assert journal.noticed == [
        Noticed(1.25, "bench-1", "alive"),
        Noticed(2.0, "bench-1", "suspect"),
        Noticed(3.0, "bench-1", "failed"),
        Noticed(4.0, "bench-2", "alive"),
        Noticed(5.0, "bench-1", "failed"),
    ]
    assert journal.others == {"bench-1": "failed", "bench-2": "alive"}
    assert (journal.alive, journal.latest) == (2, 5.0)
    assert journal.first("bench-1", "failed") == 3.0
    assert journal.first("bench-2", "failed") is None
