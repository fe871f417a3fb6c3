"""This node's tags as a mapping that can be written to: `node.tags.update(role="web")`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping

from gossip.member import MAX_TAGS, MAX_TAGS_BYTES, tags_fit
from node.errors import ConfigError


class Tags(MutableMapping[str, str]):
    """Short facts that other members see beside the name. `ConfigError`, and nothing is changed,
    for what cannot be carried.

    What is changed without an `await` between goes out as one change. A node that is started again
    has the tags of its configuration.
    """

    def __init__(
        self, read: Callable[[], Mapping[str, str]], write: Callable[[Mapping[str, str]], None]
    ) -> None:
        self._read = read
        self._write = write

    def __getitem__(self, key: str) -> str:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __setitem__(self, key: str, value: str) -> None:
        self._write(checked({**self._read(), key: value}))

    def __delitem__(self, key: str) -> None:
        tags = dict(self._read())
        del tags[key]
        self._write(tags)

    def update(  # type: ignore[override]  # of text alone, where the base class has overloads
        self, other: Mapping[str, str] | Iterable[tuple[str, str]] = (), /, **more: str
    ) -> None:
        """Set some tags, all of them or none."""
        self._write(checked({**self._read(), **dict(other), **more}))

    def clear(self) -> None:
        """Delete all tags."""
        self._write({})

    def __repr__(self) -> str:
        return f"Tags({dict(self._read())!r})"


def checked(tags: object) -> dict[str, str]:
    """A copy of these tags; `ConfigError` when they cannot be carried."""
    if not isinstance(tags, Mapping):
        raise ConfigError("tags", f"{tags!r} is not a table of names and values")
    for key, value in tags.items():
        if not (isinstance(key, str) and key and isinstance(value, str)):
            raise ConfigError("tags", f"{key!r} = {value!r} is not a name and a text")
        try:
            f"{key}{value}".encode()
        except UnicodeEncodeError:
            raise ConfigError("tags", f"{key!r} = {value!r} has half a character") from None
    if not tags_fit(tuple(tags.items())):
        limit = f"{MAX_TAGS} tags, of {MAX_TAGS_BYTES} bytes in all"
        raise ConfigError("tags", f"there are more than {limit}")
    return dict(tags)
