"""Many members on no machine: a whole cluster in one process, in virtual time, from one integer.

The simulator drives the very `gossip.Peer` that runs in production. It hands it another clock,
another network and another disk, all of them made of nothing but the seed, so a run can be had
again exactly, on any machine, for ever. Virtual time jumps from one event to the next: an idle hour
costs what its few datagrams cost.

A cluster survives a partition:

    from sim import Faults, Simulation

    # Five members, and one datagram in twenty is lost.
    sim = Simulation(nodes=5, seed=7, faults=Faults(loss=0.05))
    sim.run(10.0)  # ten virtual seconds: all have met
    sim.partition({"n0", "n1"}, {"n2", "n3", "n4"})
    sim["n0"].set("cart").add("milk")  # both sides go on writing
    sim["n4"].set("cart").add("eggs")
    sim.run(20.0)  # each side holds the other for failed
    sim.heal()
    took = sim.run_until(lambda s: s.converged(), timeout=60.0)  # SimTimeout: they never agree
    sim.check()  # InvariantViolation: a promise of the protocols broke
    assert sim["n2"].set("cart").value == {"milk", "eggs"}

`sim.trace_hash` is a hash over everything that happened. The same seed, scenario and version give
the same hash; a hash that differs is a leak of the real world's time, chance or memory addresses
into the protocols, and a bug. Looking (`members`, `digest`, `converged`, `check`) leaves no trace,
nor does splitting one `run` into two.

How it is built, from the bottom: `streams` (chance from the seed), `agenda` and `clocks` (virtual
time), `disk`, `network` and `link`, `host` (a process on a machine), `trace`, `invariants`, `world`
(the driver), `handle` and `simulation` (what a scenario holds). On that: `plan` and `actions` (a
run as data), `runner`, `swarm` and `sweep` (many at random), `shrink`, `story` and `report` (what
was found), `command` and `cli` (`coterie sim`). `app` runs whole nodes and your own code.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.errors import InvariantViolation, SimError, SimTimeout
    from sim.handle import Handle
    from sim.network import Faults
    from sim.simulation import Simulation

__all__ = ["Faults", "Handle", "InvariantViolation", "SimError", "SimTimeout", "Simulation"]

HOMES = {"Faults": "network", "Handle": "handle", "Simulation": "simulation"}


def __getattr__(name: str) -> Any:
    """Each name is fetched when it is first asked for: the pytest plugin lives here too, and is
    loaded by every run of pytest where coterie is installed.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"sim.{HOMES.get(name, 'errors')}"), name)
