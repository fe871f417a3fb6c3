"""Config: what is accepted, what is refused, and whose word counts."""

from pathlib import Path
from typing import Any

import pytest

from node import Config, ConfigError, NodeError


def test_the_defaults_are_a_loopback_node_with_the_documented_port() -> None:
    config = Config(name="n0")
    assert str(config.bind_address) == "127.0.0.1:7847"
    assert config.secret_bytes == b""
    assert config.http_address is None
    assert Config().name  # the host's


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("localhost:9", "127.0.0.1:9"),
        ("[::1]:9", "[::1]:9"),
        ("::1", "[::1]:7847"),
        ("127.0.0.1", "127.0.0.1:7847"),
    ],
)
def test_bind_takes_the_usual_forms(text: str, shown: str) -> None:
    assert str(Config(bind=text).bind_address) == shown


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 65),
        ("name", "two\nlines"),
        ("name", 7),
        ("bind", "127.0.0.1:65536"),
        ("bind", "127.0.0.1:"),
        ("bind", ":7847"),
        ("bind", "example.org:7847"),
        ("bind", "[127.0.0.1:7847"),
        ("bind", "1:2:3:4"),
        ("bind", None),
        ("join", "127.0.0.1:7847"),
        ("join", ["127.0.0.1:x"]),
        ("join", ["127.0.0.1:0"]),
        ("join", ["a:b:c"]),
        ("join", ["[::1:7847"]),
        ("join", [""]),
        ("join", ["a:1"] * 1025),
        ("secret", ""),
        ("secret", b""),
        ("secret", 3),
        ("data_dir", 3),
        ("tags", ["role"]),
        ("tags", {"role": 1}),
        ("tags", {"": "x"}),
        ("tags", {"note": "x" * 4096}),
        ("http", "0.0.0.0:7848"),
        ("http", "localhost:seven"),
        ("profile", "fast"),
        ("fault_injection", "yes"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{field}: ") as caught:
        Config(**{field: value})
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, NodeError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bind", ["0.0.0.0:7847", "192.0.2.1:7847", "[::]:7847"])
def test_beyond_loopback_a_secret_is_asked_for(bind: str) -> None:
    with pytest.raises(ConfigError, match=r"^secret: .*keygen"):
        Config(bind=bind)
    assert Config(bind=bind, secret="s").secret_bytes == b"s"


def test_the_secret_is_not_shown() -> None:
    assert "hunter2" not in repr(Config(secret="hunter2"))


def test_join_and_tags_are_detached_from_what_was_handed_in() -> None:
    join, tags = ["a.example"], {"role": "web"}
    config = Config(join=join, tags=tags)
    join.append("b.example")
    tags["role"] = "db"
    assert config.join == ("a.example",)
    assert config.tags == {"role": "web"}


def test_flags_override_the_environment_and_the_environment_the_file(tmp_path: Path) -> None:
    file = tmp_path / "coterie.toml"
    file.write_text('name = "file"\nbind = "127.0.0.1:1"\nhttp = "127.0.0.1:2"\n[tags]\na = "b"\n')
    environ = {"COTERIE_NAME": "environment", "COTERIE_BIND": "127.0.0.1:3", "COTERIE_AGENT": "x"}
    config = Config.load(file, environ, name="flag", join=None)
    assert (config.name, config.bind, config.http) == ("flag", "127.0.0.1:3", "127.0.0.1:2")
    assert config.tags == {"a": "b"}
    assert config.join == ()


def test_join_in_the_environment_is_separated_by_commas() -> None:
    config = Config.load(environ={"COTERIE_JOIN": "a:1, b:2,"})
    assert config.join == ("a:1", "b:2")


def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    file = tmp_path / "coterie.toml"
    file.write_text('bnid = "127.0.0.1:1"\n')
    with pytest.raises(ConfigError, match=r"^bnid: .*coterie\.toml.*try: bind$"):
        Config.load(file, {})


@pytest.mark.parametrize(
    "content", [b"name = ", b"\xff\xfe", b"[tags\n", b'name = "a"\nname = "b"']
)
def test_a_broken_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "coterie.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^config: .*is not TOML") as caught:
        Config.load(file, {})
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*No such file"):
        Config.load(tmp_path / "absent.toml", {})


def test_the_secret_file_is_read_and_stripped(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("  hunter2\n")
    assert Config.load(environ={"COTERIE_SECRET_FILE": str(file)}).secret_bytes == b"hunter2"
    assert Config.load(environ={}, secret_file=file).secret_bytes == b"hunter2"


def test_a_later_secret_replaces_an_earlier_secret_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file")
    environ = {"COTERIE_SECRET_FILE": str(file)}
    assert Config.load(environ=environ, secret="flag").secret_bytes == b"flag"


def test_two_secrets_of_one_source_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("a")
    with pytest.raises(ConfigError, match=r"^secret_file: "):
        Config.load(environ={"COTERIE_SECRET": "b", "COTERIE_SECRET_FILE": str(file)})


def test_an_unreadable_or_empty_secret_file_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^secret_file: .*absent.*No such file"):
        Config.load(environ={}, secret_file=tmp_path / "absent")
    with pytest.raises(ConfigError, match=r"^secret_file: .*directory"):
        Config.load(environ={}, secret_file=tmp_path)
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(ConfigError, match=r"^secret_file: .*is empty"):
        Config.load(environ={}, secret_file=empty)
