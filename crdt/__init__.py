"""Values that merge: replicated data types without I/O.

Several replicas change a value independently and exchange *deltas* (what a mutator returns) or
whole states, in any order, any number of times, over any network. Replicas that have seen the same
changes are in the same state:

    >>> from crdt import ORSet
    >>> a, b = ORSet("a"), ORSet("b")
    >>> change = a.add("milk")
    >>> b.merge(change), b.value
    (True, frozenset({'milk'}))

How it works is in `kernel.py` (the one join), `context.py` (which events has a replica seen?),
`fragment.py` and `delta.py` (what replicas tell each other), `replicated.py` (what the types
share); a type is one file of keys and payloads. `store.py` holds many named values for a node.
"""

from .bounded import BoundedCounter
from .clock import HybridClock
from .context import CausalContext, Dot
from .counter import GCounter, PNCounter
from .delta import Delta
from .errors import CrdtError, InsufficientRights, OutOfRange
from .flag import EWFlag
from .lwwmap import LWWMap
from .named import NamedValues
from .ormap import ORMap
from .orset import ORSet
from .registers import LWWRegister, MVRegister
from .replicated import Replicated
from .store import Store

__all__ = [
    "BoundedCounter",
    "CausalContext",
    "CrdtError",
    "Delta",
    "Dot",
    "EWFlag",
    "GCounter",
    "HybridClock",
    "InsufficientRights",
    "LWWMap",
    "LWWRegister",
    "MVRegister",
    "NamedValues",
    "ORMap",
    "ORSet",
    "OutOfRange",
    "PNCounter",
    "Replicated",
    "Store",
]
