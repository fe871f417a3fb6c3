"""A member on a real machine: the trio driver of `gossip.Peer`, the agent and the command line."""

from node.config import Config
from node.errors import ConfigError, NodeClosed, NodeError, StartError, SyncTimeout

__all__ = ["Config", "ConfigError", "NodeClosed", "NodeError", "StartError", "SyncTimeout"]
