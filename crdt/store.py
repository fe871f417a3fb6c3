"""Everything that a node holds: named values in one kernel, with a log that says what a peer
misses.

Under one causal context, a key is a path: the name of a value, its type, and the leaf within it.
The **log** remembers for every event which key it was about, so what a peer lacks is read off
directly: its context against ours gives the events, the log gives their keys, and each key is sent
as it is now. No scan, no tree of hashes.

The rules that keep this correct under loss, duplication and reordering are in `kernel.py` (the
join) and here: an event enters a context only together with its key, and a key is always sent
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from sortedcontainers import SortedDict

from .clock import HybridClock
from .codec import FragmentWriter, PayloadCheck, decode
from .context import CausalContext, Dot, Span
from .errors import CrdtError
from .kernel import NOTHING, Entry, Fragment, Kernel, Leaf, Payload
from .keys import after_prefix, close, decode_key, encode_key, split
from .replicated import TYPES, Replicated
from .values import pack

T = TypeVar("T", bound=Replicated)

STORE = 0
"""The kind of a fragment of a store, beside the kinds of the types."""

MISSING_KEYS = 512
"""How many keys one look at the log gathers; chosen by us: a few datagram windows."""

MISSING_EVENTS = 2**16
"""How many events one look at the log gathers: a counter may have been raised a million times."""

FRAGMENT_EVENTS_MAX = 2**20
"""How many events a message may close; chosen by us: each is an entry of the receiver's log, and a
few bytes could name more than there is memory for.
"""

_CONTEXT, _LEAF, _SLOT = b"c", b"k", b"s"

Record = tuple[bytes, bytes | None]
"""A durable record: key and value; None deletes."""


class Missing(NamedTuple):
    """What a peer lacks."""

    keys: dict[bytes, tuple[Span, ...]]
    """Each key with those of its events that the peer has not seen."""
    more: bool
    """Whether there is more than that."""


class Store(Kernel):
    """The replicated state of one node."""

    def __init__(self, replica: str, clock: HybridClock) -> None:
        super().__init__(replica, clock)
        self.log: dict[str, SortedDict[int, bytes]] = {}
        self.on_write: Callable[[], None] = lambda: None
        self.on_change: Callable[[bytes], None] = lambda _: None
        self._unsent: dict[bytes, CausalContext] = {}
        self._unsaved: dict[bytes, CausalContext] = {}
        self.version = 0
        self._hashes: dict[bytes, int] = {}
        self._hash = 0
        self._unhashed: dict[bytes, None] = {}
        self._joining = False
        self.frozen = False

    # Named values.

    def open(self, name: str, kind: type[T]) -> T:
        """The value called `name`, live. `CrdtError` when that name holds another type here."""
        if type(name) is not str:
            raise TypeError(f"a name is a str, not {type(name).__name__}")
        prefix = close(encode_key(name)) + bytes([kind.KIND])
        self._check_type(prefix)
        return kind.over(self, prefix)

    def write(self, key: bytes, payload: Payload) -> Leaf:
        """A local write. `CrdtError` when the name got another type since it was opened."""
        if key not in self.entries:
            self._check_type(parse_key(key)[2])
        return super().write(key, payload)

    def _check_type(self, section: bytes) -> None:
        """One name has one type, unless it was made with two at once, at two replicas."""
        if not self.count(section) and self.count(section[:-1]):
            name, kind, _ = parse_key(section)
            found = " and a ".join(there.NAME for title, there in self.types(name) if title == name)
            raise CrdtError(f"{name!r} is a {found}, not a {kind.NAME}")

    def types(self, prefix: str = "") -> Iterator[tuple[str, type[Replicated]]]:
        """The names in use that start with `prefix`, in order, each with its type.

        A name that was made concurrently with two types comes twice.
        """
        wanted = close(encode_key(prefix))[:-1]
        start: bytes | None = wanted
        while start is not None:
            key = next(self.entries.irange(start), None)
            if key is None or not key.startswith(wanted):
                break
            name, kind, section = parse_key(key)
            yield name, kind
            start = after_prefix(section)

    def _next_dot(self) -> Dot:
        if self.frozen:
            raise CrdtError("this member has left the cluster: nobody would hear of the change")
        return super()._next_dot()

    # What happened, for whoever sends and saves it.

    def _closed(self, key: bytes, slots: tuple[Span, ...]) -> None:
        self.version += 1
        self._unhashed[key] = None
        for replica, low, high in slots:
            log = self.log.setdefault(replica, SortedDict())
            for counter in range(low, high + 1):
                log[counter] = key
        _add(self._unsaved, key, slots)
        self.on_change(key)
        if not self._joining:
            _add(self._unsent, key, slots)
            self.on_write()

    def join(self, fragment: Fragment) -> bool:
        """Join what came from elsewhere."""
        self._joining = True
        try:
            changed = super().join(fragment)
        finally:
            self._joining = False
        for key, leaf in fragment.leaves.items():
            self.clock.observe(parse_key(key)[1].stamps(leaf.entry))
        return changed

    def _forget_extra(self, key: bytes) -> bool:
        forgotten = super()._forget_extra(key)
        if forgotten and key not in self.entries:  # nothing is left of it, also on disk
            _add(self._unsaved, key, ())
        return forgotten

    def take_unsent(self) -> dict[bytes, tuple[Span, ...]]:
        """The local events since the last call, by key."""
        unsent, self._unsent = self._unsent, {}
        return {key: tuple(events.spans()) for key, events in unsent.items()}

    @property
    def has_unsent(self) -> bool:
        """Whether local events wait for `take_unsent`."""
        return bool(self._unsent)

    # What a peer misses.

    def missing(self, theirs: CausalContext) -> Missing:
        """What a peer that has seen `theirs` lacks: at most `MISSING_KEYS` keys and
        `MISSING_EVENTS` of their events.
        """
        keys: dict[bytes, CausalContext] = {}
        more, room = False, MISSING_EVENTS
        for replica, low, high in self.context.beyond(theirs):
            log = self.log[replica]
            for counter in range(low, high + 1):
                key = log[counter]
                if not room or (key not in keys and len(keys) == MISSING_KEYS):
                    more = True
                    break
                room -= 1
                keys.setdefault(key, CausalContext()).add((replica, counter))
        return Missing({key: tuple(slots.spans()) for key, slots in keys.items()}, more)

    def leaf(self, key: bytes, slots: tuple[Span, ...]) -> Leaf:
        """A key as it is now, closing these events and every write that lives in it.

        It carries the whole effect of each of them. A write that went along unclosed would be held
        by some and, if its replica is lost, be missed by nobody.
        """
        entry = self.entries.get(key, {})
        open_writes = [
            (*dot, dot[1]) for dot in entry if dot in self.context and not _closes(slots, dot)
        ]
        if open_writes:
            slots = tuple(CausalContext((*slots, *open_writes)).spans())
        return Leaf(entry, self.extra.get(key, NOTHING), slots)

    def writer(self) -> FragmentWriter:
        """A message to be filled with leaves, each known up to this replica's whole context."""
        return FragmentWriter(STORE, self.context)

    # Whole-state figures.

    def digest(self) -> str:
        """A hash of all that lives and all that was seen, hex: equal exactly when these are equal.

        What is known per leaf ahead of the context does not count: of a replica that was lost with
        its last events, some hold such knowledge and others never will. It costs what changed
        since the last call: leaves are hashed one by one, and the hashes added by exclusive or.
        """
        for key in self._unhashed:
            entry = self.entries.get(key)
            fresh = _leaf_hash(key, entry) if entry else 0
            self._hash ^= self._hashes.pop(key, 0) ^ fresh
            if entry:
                self._hashes[key] = fresh
        self._unhashed.clear()
        seen = pack([*self.context.spans()])
        return blake2b(self._hash.to_bytes(16, "big") + seen, digest_size=16).hexdigest()

    # Durability.

    def take_records(self) -> list[Record]:
        """What changed since the last call, as records that `load` understands; to be saved all
        together or not at all.
        """
        if not self._unsaved:
            return []
        records: list[Record] = [(_CONTEXT, FragmentWriter(STORE, self.context).finish())]
        for key, slots in self._unsaved.items():
            leaf = Leaf(self.entries.get(key, {}), self.extra.get(key, NOTHING), ())
            writer = FragmentWriter(STORE, NOTHING)
            writer.add(key, leaf)
            records.append((_LEAF + key, writer.finish() if leaf.entry or leaf.extra else None))
            for replica, low, high in slots.spans():
                records.extend(
                    (_slot_record(replica, counter), key) for counter in range(low, high + 1)
                )
        self._unsaved = {}
        return records

    def discard_records(self) -> None:
        """Forget what `take_records` would give: there is no disk."""
        self._unsaved = {}

    def load(self, records: Mapping[bytes, bytes]) -> None:
        """Take up the state that an earlier run saved. `CrdtError`, with nothing changed, when the
        records are malformed.
        """
        context, logged = CausalContext(), CausalContext()
        leaves: dict[bytes, Leaf] = {}
        log: dict[str, SortedDict[int, bytes]] = {}
        for record, data in records.items():
            if record == _CONTEXT:
                context.merge(decode_fragment(data).known)
            elif record.startswith(_LEAF):
                leaves.update(decode_fragment(data).leaves)
            elif record.startswith(_SLOT):
                replica, counter = _parse_slot(record)
                parse_key(data)
                log.setdefault(replica, SortedDict())[counter] = data
                logged.add((replica, counter))
        if not logged.covers(context):
            raise CrdtError("malformed records: an event whose key is not recorded")
        self.context.merge(context)
        self.log.update(log)
        self.entries.update({key: leaf.entry for key, leaf in leaves.items() if leaf.entry})
        self.extra.update({key: leaf.extra for key, leaf in leaves.items() if leaf.extra})
        self.prune()
        self.version += 1
        self._unhashed.update(dict.fromkeys(leaves))


def _closes(slots: tuple[Span, ...], dot: Dot) -> bool:
    return any(replica == dot[0] and low <= dot[1] <= high for replica, low, high in slots)


def _leaf_hash(key: bytes, entry: Entry) -> int:
    writes = [(replica, counter, entry[replica, counter]) for replica, counter in sorted(entry)]
    return int.from_bytes(blake2b(pack([key, writes]), digest_size=16).digest(), "big")


def _add(events: dict[bytes, CausalContext], key: bytes, slots: tuple[Span, ...]) -> None:
    seen = events.setdefault(key, CausalContext())
    for span in slots:
        seen.add_span(*span)


def _slot_record(replica: str, counter: int) -> bytes:
    return _SLOT + close(replica.encode()) + counter.to_bytes(8, "big")


def _parse_slot(record: bytes) -> Dot:
    replica, counter = split(record[1:])
    try:
        name = replica.decode()
    except UnicodeDecodeError:
        name = ""
    if not name or len(counter) != 8:
        raise CrdtError("malformed record of an event")
    return name, int.from_bytes(counter, "big")


def parse_key(key: bytes) -> tuple[str, type[Replicated], bytes]:
    """The name and type that a store's key is about, and its section; `CrdtError` when it is
    malformed.
    """
    component, rest = split(key)
    name = decode_key(component)
    if not isinstance(name, str) or not rest or rest[0] not in TYPES:
        raise CrdtError("malformed key of a store")
    return name, TYPES[rest[0]], key[: len(key) - len(rest) + 1]


def _check_leaf(key: bytes) -> PayloadCheck:
    _, kind, section = parse_key(key)
    return kind.check_leaf(key[len(section) :])


def decode_fragment(data: bytes) -> Fragment:
    """A message of a store from a stranger; `CrdtError` when it is malformed."""
    fragment = decode(data, {STORE: _check_leaf})[1]
    spans = (span for leaf in fragment.leaves.values() for span in leaf.slots)
    if sum(high - low + 1 for _, low, high in spans) > FRAGMENT_EVENTS_MAX:
        raise CrdtError("a message that closes more events than a replica could log")
    return fragment
