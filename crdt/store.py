"""Everything that a node holds: named values in one kernel, with a log that says what a peer
misses.

Under one causal context, a key is a path: the name of a value, its type, and the leaf within it.
The **log** remembers for every event which key it was about, so what a peer lacks is read off
directly: its context against ours gives the events, the log gives their keys, and each key is sent
as it is now. No scan, no tree of hashes.

The rules that keep this correct under loss, duplication and reordering are in `kernel.py` (the
join) and here: an event enters a context only together with its key, and a key is always sent
whole.

**A removal goes along with its key.** Who hears of a key takes what the sender saw die for dead. If
the event that killed it did not come along, the same events would have been seen here as elsewhere,
with another outcome, and nobody would ever miss anything. So the removals that are the last word
on a key are kept beside its writes, live and die like these, and travel with them. They go when the
log is shortened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from .clock import HybridClock
from .codec import decode, encode
from .context import CausalContext, Dot, Span
from .errors import CrdtError
from .fragment import NOTHING, Entry, Event, Fragment, Mark, Payload, dots
from .kernel import Kernel
from .keys import close, decode_key, encode_key, escape, split
from .paths import check, claim, kinds, leaf_type, names, section, walk
from .replicated import Replicated, stamps
from .schema import TYPES, Kind
from .values import REMOVED, pack
from .writer import FragmentWriter

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


CHECKED = 1024
"""How many keys from strangers are known to be sound: what is written often comes often. A key has
some 16 KiB at most, so this is bounded too.
"""


class Missing(NamedTuple):
    """What a peer lacks."""

    keys: dict[bytes, tuple[Span, ...]]
    """Each key with those of its events that the peer has not seen."""
    more: bool
    """Whether there is more than that."""


class Names:
    """What the keys of a store mean: a path, of which the first step is a name of any type."""

    INSIDE = TYPES

    @staticmethod
    def leaf_type(key: bytes) -> Kind:
        """The type of the leaf under a sound key."""
        return leaf_type(key, TYPES)

    @staticmethod
    @lru_cache(CHECKED)
    def check_key(key: bytes) -> Kind:
        """The type of the leaf under a key from a stranger; `CrdtError` when there is none."""
        parse_key(key)
        return check(key, TYPES)

    @classmethod
    def checked(
        cls, keys: Sequence[bytes], stamps: Sequence[int], payloads: Sequence[Payload]
    ) -> Sequence[Payload]:
        """The payloads of many writes from a stranger; `CrdtError` when anything is malformed."""
        normal = []
        for key, stamp, payload in zip(keys, stamps, payloads, strict=True):
            leaf = cls.check_key(key)
            if payload is not REMOVED or stamp:
                leaf.check_stamp(stamp)
                normal.append(leaf.check_payload(payload))
            else:
                normal.append(payload)
        return normal


class Store(Kernel):
    """The replicated state of one node."""

    def __init__(self, replica: str, clock: HybridClock) -> None:
        super().__init__(replica, clock, Names)
        self.log: dict[str, dict[int, bytes]] = {}
        self.removals: dict[bytes, Entry] = {}
        self.on_write: Callable[[], None] = lambda: None
        self.on_change: Callable[[bytes], None] = lambda _: None
        self.unsent: dict[bytes, list[Span]] = {}
        """What `take_unsent` would give; a driver looks here whether there is anything."""
        self.unsaved: dict[bytes, list[Span]] = {}
        """What `take_records` would give, likewise."""
        self.version = 0
        self._summary = (-1, b"")
        self._hashes: dict[bytes, int] = {}
        self._hash = 0
        self._unhashed: dict[bytes, None] = {}
        self.frozen = False

    # Named values.

    def open(self, name: str, kind: type[T]) -> T:
        """The value called `name`, live. `CrdtError` when that name holds another type here."""
        if type(name) is not str:
            raise TypeError(f"a name is a str, not {type(name).__name__}")
        prefix = section(b"", name, kind)
        claim(self.order, prefix, TYPES)
        return kind.over(self, prefix, (kind.KIND, len(prefix)))

    def types(self, prefix: str = "") -> Iterator[tuple[str, type[Replicated]]]:
        """The names in use that start with `prefix`, in order, each with its type.

        A name that was made concurrently with two types comes twice.
        """
        for name, named in names(self.order, b"", escape(encode_key(prefix))):
            for kind in kinds(self.order, named):
                yield str(decode_key(name)), TYPES[kind.KIND]

    # What happens here, for whoever sends and saves it.

    def write(self, key: bytes, payload: Payload, stamp: int = 0) -> Event:
        """A local write."""
        self._check_open()
        event = super().write(key, payload, stamp)
        self.removals.pop(key, None)
        self._happened(key, event[1])
        return event

    def change(
        self, writes: Sequence[tuple[bytes, Payload, int]], removals: Sequence[bytes]
    ) -> tuple[dict[bytes, Entry], dict[bytes, Mark]]:
        """Local writes and removals, all at once."""
        self._check_open()
        written, removed = super().change(writes, removals)
        for key, ((_, _, counter, _),) in written.items():
            self.removals.pop(key, None)
            self._happened(key, counter)
        for key, (((_, counter, _),), _) in removed.items():
            self.removals[key] = ((0, self.replica, counter, REMOVED),)
            self._happened(key, counter)
        return written, removed

    def _held(self, key: bytes) -> Entry:
        removals = self.removals.get(key)
        entry = self.entries.get(key, ())
        return tuple(sorted(entry + removals, reverse=True)) if removals else entry

    def _hold(self, key: bytes, entry: Entry) -> None:
        removals = tuple(write for write in entry if write[3] is REMOVED)
        if removals:
            self.removals[key] = removals
            entry = tuple(write for write in entry if write[3] is not REMOVED)
        else:
            self.removals.pop(key, None)
        super()._hold(key, entry)

    def _check_open(self) -> None:
        if self.frozen:
            raise CrdtError("this member has left the cluster: nobody would hear of the change")

    def _happened(self, key: bytes, counter: int) -> None:
        spans = [(self.replica, counter, counter)]
        self._closed(key, spans)
        _add(self.unsent, key, spans)
        self.on_write()

    def _closed(self, key: bytes, spans: list[Span]) -> None:
        self.version += 1
        self._unhashed[key] = None
        for replica, low, high in spans:
            log = self.log.setdefault(replica, {})
            for counter in range(low, high + 1):
                log[counter] = key
        _add(self.unsaved, key, spans)
        self.on_change(key)

    def join(self, fragment: Fragment) -> bool:
        """Join what came from elsewhere: messages, which are never complete."""
        assert not fragment.complete
        changed = super().join(fragment)
        self.clock.observe(stamps(fragment))
        return changed

    def _forget(self, key: bytes) -> None:
        super()._forget(key)
        if key not in self.entries:  # nothing is left of it, or just the removal, also on disk
            _add(self.unsaved, key, [])

    def take_unsent(self) -> dict[bytes, tuple[Span, ...]]:
        """The local events since the last call, by key."""
        unsent, self.unsent = self.unsent, {}
        return {key: tuple(spans) for key, spans in unsent.items()}

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

    def leaf(self, key: bytes, spans: tuple[Span, ...]) -> tuple[Entry, Mark]:
        """A key as it is now, to be told with these of its events."""
        entry = self._held(key)
        slots = tuple(CausalContext(spans).beyond(dots(entry)))
        return entry, Mark(slots, self.extra.get(key, NOTHING).ahead_of(self.context))

    def writer(self) -> FragmentWriter:
        """A message to be filled with leaves, each known up to this replica's whole context."""
        return FragmentWriter(STORE, self.context, len(self.summary()))

    def summary(self) -> bytes:
        """A message without leaves: what this replica has seen."""
        if self._summary[0] != self.version:
            self._summary = self.version, encode(STORE, Fragment({}, self.context))
        return self._summary[1]

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
        if not self.unsaved:
            return []
        records: list[Record] = [(_CONTEXT, self.summary())]
        for key, slots in self.unsaved.items():
            records.append((_LEAF + key, self._leaf_record(key)))
            for replica, low, high in slots:
                records.extend(
                    (_slot_record(replica, counter), key) for counter in range(low, high + 1)
                )
        self.unsaved = {}
        return records

    def _leaf_record(self, key: bytes) -> bytes | None:
        entry, (_, ahead) = self.leaf(key, ())
        if not entry and not ahead:
            return None
        marks = {key: Mark(beyond=ahead)} if ahead else {}
        return encode(STORE, Fragment({key: entry} if entry else {}, dots(entry), marks))

    def discard_records(self) -> None:
        """Forget what `take_records` would give: there is no disk."""
        self.unsaved = {}

    def load(self, records: Mapping[bytes, bytes]) -> None:
        """Take up the state that an earlier run saved. `CrdtError`, with nothing changed, when the
        records are malformed.
        """
        context, logged = CausalContext(), CausalContext()
        entries: dict[bytes, Entry] = {}
        extra: dict[bytes, CausalContext] = {}
        log: dict[str, dict[int, bytes]] = {}
        for record, data in records.items():
            if record == _CONTEXT:
                context.merge(decode_fragment(data).known)
            elif record.startswith(_LEAF):
                for key, entry, mark in decode_fragment(data).leaves():
                    entries[key], extra[key] = entry, mark.beyond
            elif record.startswith(_SLOT):
                replica, counter = _parse_slot(record)
                Names.check_key(data)
                log.setdefault(replica, {})[counter] = data
                logged.add((replica, counter))
        if not logged.covers(context):
            raise CrdtError("malformed records: an event whose key is not recorded")
        if not all(context.covers(dots(entry)) for entry in entries.values()):
            raise CrdtError("malformed records: a write that was never seen")
        self.context.merge(context)
        self.log.update(log)
        for key, entry in entries.items():
            self._hold(key, entry)
        self.extra.update({key: ahead for key, ahead in extra.items() if ahead})
        self.order.forget()
        self.prune()
        self.version += 1
        self._unhashed.update(dict.fromkeys(entries))


def _leaf_hash(key: bytes, entry: Entry) -> int:
    return int.from_bytes(blake2b(pack([key, entry]), digest_size=16).digest(), "big")


def _add(events: dict[bytes, list[Span]], key: bytes, spans: list[Span]) -> None:
    held = events.get(key)
    events[key] = [*CausalContext((*held, *spans)).spans()] if held else spans


def _slot_record(replica: str, counter: int) -> bytes:
    return _SLOT + close(replica.encode()) + counter.to_bytes(8, "big")


def _parse_slot(record: bytes) -> Dot:
    replica, end = split(record, 1)
    counter = record[end:]
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
    step = next(walk(key, TYPES), None)
    name = decode_key(step.name) if step else b""
    if step is None or not isinstance(name, str):
        raise CrdtError("malformed key of a store")
    return name, TYPES[step.kind.KIND], key[: step.end]


def decode_fragment(data: bytes) -> Fragment:
    """A message of a store from a stranger; `CrdtError` when it is malformed."""
    fragment = decode(data, {STORE: Names})[1]
    if sum(high - low + 1 for _, spans in fragment.events() for _, low, high in spans) > (
        FRAGMENT_EVENTS_MAX
    ):
        raise CrdtError("a message that closes more events than a replica could log")
    return fragment
