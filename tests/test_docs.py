"""What the documents show is run: a reader who types it gets what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from node.command import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    """Every code block of a language, as (where, text)."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            line = text[: match.start()].count("\n") + 1
            found.append((f"{page.name}:{line}", match[1]))
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(("where", "source"), blocks("python"))
def test_a_python_block_runs(where: str, source: str, tmp_path: Path) -> None:
    # A fixed port may be in use on this machine; any free one shows the same.
    free = source.replace("127.0.0.1:7847", "127.0.0.1:0")
    script = tmp_path / "block.py"
    with friend(tmp_path) if "127.0.0.1:7857" in source else nullcontext("") as address:
        script.write_text(free.replace("127.0.0.1:7857", address), "utf-8")
        done = run(sys.executable, str(script))
    assert done.returncode == 0, f"{where}: {done.stderr}"


@contextmanager
def friend(directory: Path) -> Iterator[str]:
    """The member that the README's example joins; gives its address."""
    (directory / "secret").write_text("our cluster's secret", "utf-8")
    options = "--name friend --bind 127.0.0.1:0 --http 127.0.0.1:0 --secret-file secret".split()
    command = [sys.executable, "-m", "node.command", "agent", *options]
    with subprocess.Popen(command, cwd=directory, stderr=subprocess.PIPE, text=True) as agent:
        assert agent.stderr is not None
        ready = next(line for line in agent.stderr if "ready:" in line)
        try:
            yield ready.split("gossip=")[1].split()[0]
        finally:
            agent.terminate()
            agent.stderr.read()


def test_the_pages_have_python_blocks() -> None:
    assert len(blocks("python")) >= 3


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_an_example_runs(example: Path) -> None:
    done = run(sys.executable, str(example))
    assert done.returncode == 0, done.stderr
    assert "web-3 is alive" in done.stdout


def test_every_verb_and_flag_that_the_pages_name_exists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    named: set[tuple[str, str]] = set()
    for _, text in blocks("console"):
        for line in re.findall(r"\$ (coterie .*)", text):
            words = line.split()
            verb = " ".join(words[1:3] if words[1] == "sim" else words[1:2])
            named.update((verb, flag) for flag in ["", *re.findall(r"--[a-z-]+", line)])
    assert len(named) > 10
    for verb in sorted({verb for verb, _ in named}):
        with pytest.raises(SystemExit, match="0"):
            main([*verb.split(), "--help"])
        shown = capsys.readouterr().out
        missing = [flag for owner, flag in named if owner == verb and flag not in shown]
        assert not missing, f"coterie {verb} has no {missing}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} points to {target}"


def test_the_tree_in_the_architecture_is_the_tree() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"\b([a-z_]+\.py)\b", text))
    for modules in ("crdt/*.py", "gossip/**/*.py", "node/*.py", "sim/*.py"):
        files = {file.name for file in ROOT.glob(modules)} - {"__init__.py"}
        assert files <= named, f"{modules}: {sorted(files - named)} not on the map"
    there = {file.name for file in ROOT.rglob("*.py") if ".venv" not in file.parts}
    assert named <= there, f"{sorted(named - there)} on the map and not there"
