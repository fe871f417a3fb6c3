"""``coterie demo``: a real cluster on this machine, put through what clusters go through.

`story` tells it, over the processes of `cluster`, with the data of `workload`, on a `screen`.
"""

from node.demo.story import run

__all__ = ["run"]
