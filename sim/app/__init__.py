"""Your own code under partitions: real `Node`s and your trio program, in virtual time.

`sim.Simulation` drives bare state machines and is the faster by far. Here whole nodes run, with
their tasks, their cancellation and their clean-up, and your own code beside them, on trio itself:
only the clock, the network, the disks and all chance are made of the seed.

    import trio
    from sim import Faults
    from sim.app import SimulatedCluster, run

    async def main() -> None:
        async with SimulatedCluster(nodes=3, faults=Faults(loss=0.05)) as cluster:
            cluster.partition({"n0"}, {"n1", "n2"})
            cluster["n0"].set("cart").add("milk")  # a real node.Node
            await trio.sleep(10)  # ten virtual seconds, at once
            cluster.heal()
            await cluster.converged(timeout=30)
            assert "milk" in cluster["n2"].set("cart")

    print(run(main, seed=7).trace_hash)

Equal hashes mean that two runs were the same, step of task by step of task. The same seed gives the
same run in any process, under any `PYTHONHASHSEED`, as long as nothing from outside comes in:

* Threads (`trio.to_thread`, `trio.from_thread`) race the virtual clock. A file, a database or a
  resolver that is asked in one is outside.
* Real sockets, processes and signals. `trio.socket` is refused here, the others are not seen.
* Real time and real chance: `time.time()`, `uuid4`, `os.urandom`, `secrets`. Use
  `trio.current_time()`, and the module `random`, which is seeded for the run.
* The order of sets of text and bytes, `sorted(key=id)`, `hash(text)`: sort what you walk through.
* `__del__`, callbacks of `weakref`, and generators that are left unfinished in a cycle: they run
  when memory is collected. The collector rests during a run, for that reason.
* State that one run leaves behind for the next in the same process: caches, class attributes.

Two switches of trio are turned while it runs, and turned back: `_ALLOW_DETERMINISTIC_SCHEDULING`,
and the seed of its own chance. `import hypothesis`, or pytest-trio, turns the first on for the
whole process, so a test may seem to need neither: it needs both. Virtual time is trio's float of
seconds: after some twenty virtual days it no longer tells nanoseconds apart, and two events may
change places.
"""

from sim.app.cluster import SimulatedCluster
from sim.app.machine import CrashedError
from sim.app.running import Outcome, run

__all__ = ["CrashedError", "Outcome", "SimulatedCluster", "run"]
