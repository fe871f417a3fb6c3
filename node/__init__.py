"""A member on a real machine: the trio driver of `gossip.Peer`, the agent and the command line."""

from gossip import (
    Address,
    Member,
    MemberEvent,
    MemberFailed,
    MemberJoined,
    MemberLeft,
    MemberRecovered,
    MemberSuspected,
    MemberUpdated,
    QuorumView,
)
from node.config import Config
from node.errors import ConfigError, DiskError, NodeClosed, NodeError, StartError, SyncTimeout
from node.node import Node
from node.watching import (
    Change,
    CounterChanged,
    ElementAdded,
    ElementRemoved,
    EntryDeleted,
    EntryPut,
    Lagged,
    Snapshot,
    ValueChanged,
)

__all__ = [
    "Address",
    "Change",
    "Config",
    "ConfigError",
    "CounterChanged",
    "DiskError",
    "ElementAdded",
    "ElementRemoved",
    "EntryDeleted",
    "EntryPut",
    "Lagged",
    "Member",
    "MemberEvent",
    "MemberFailed",
    "MemberJoined",
    "MemberLeft",
    "MemberRecovered",
    "MemberSuspected",
    "MemberUpdated",
    "Node",
    "NodeClosed",
    "NodeError",
    "QuorumView",
    "Snapshot",
    "StartError",
    "SyncTimeout",
    "ValueChanged",
]
