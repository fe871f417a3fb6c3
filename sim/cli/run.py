"""`coterie sim run`: a cluster left to itself for a while, and what became of it.

It ends with 0 when every invariant held, with 1 when one was broken, with 2 for what cannot be
meant.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from sim.canaries import CANARIES, DETERMINISTIC, canary, planted
from sim.crash import nothing_raises
from sim.determinism import differences
from sim.errors import InvariantViolation, SimError
from sim.faults import Faults
from sim.plan import Plan, PlanError
from sim.runner import Outcome, play
from sim.seeds import load
from sim.simulation import Simulation
from sim.workload import Workload

NODES, SECONDS = 5, 60.0
"""What a run is, if nothing else is said."""

SLICE = 0.1
"""Virtual seconds between two looks at the progress. Splitting a run changes nothing in it."""

REFRESH = 0.2
"""Real seconds between two lines of progress."""

UNITS = {
    **dict.fromkeys(("delay", "jitter", "tail", "slow_delay"), "S"),
    **dict.fromkeys(("mtu", "queue"), "BYTES"),
    "bandwidth": "BYTES/S",
    "burst_length": "N",
}
"""What a fault is measured in, when it is no probability."""

TOLD = {
    "loss": "it never arrives",
    "duplicate": "it arrives twice",
    "reorder": "it is held back, so that later ones overtake it",
    "corrupt": "it arrives cut short, or with one to eight bits flipped",
    "delay": "how long every one is on its way (default 0.0005)",
    "burst": "a burst of losses begins with it",
    "burst_length": "how many datagrams a burst takes, on average (default 10)",
    "flip": "it arrives with one to eight bits flipped",
    "truncate": "it arrives cut short",
    "crosswire": "it arrives with the bytes of another one",
    "jitter": "what it takes longer at most, evenly spread",
    "tail": "what it takes longer on average, spread exponentially",
    "slow": "it goes the slow way",
    "slow_delay": "what the slow way takes longer (default 1)",
    "mtu": "what is larger is dropped (default: nothing is)",
    "bandwidth": "what gets through from one to another (default: everything)",
    "queue": "what waits for its turn at most, with --bandwidth (default 65536)",
    "send_error": "it cannot be sent",
    "rebind": "a NAT gives its sender another address, from this one on",
    "silent": "a refusal of it, because no process is there, is held back by a firewall",
}
"""Every fault of a network, as the help tells it."""

Say = Callable[[str], None]


def add(verbs: Any) -> None:
    """Add the verb."""
    run_parser = verbs.add_parser("run", help="let a cluster run for a while")
    run_parser.add_argument("--nodes", type=int, help=f"how many members (default {NODES})")
    run_parser.add_argument("--seconds", type=float, help=f"virtual seconds (default {SECONDS:g})")
    run_parser.add_argument("--seed", type=int, help="all of its chance (default 0, or the file's)")
    run_parser.add_argument(
        "--scenario", metavar="FILE", help="a plan in TOML or JSON, instead of the other options"
    )
    run_parser.add_argument(
        "--workload", action="store_true", help="change data at random nodes all the while"
    )
    run_parser.add_argument(
        "--canary",
        default="",
        metavar="NAME|list",
        help="plant a defect that has to make it fail, or list them",
    )
    network = run_parser.add_argument_group(
        "the network", "P is the probability for each datagram, S a time in seconds; 0 is off"
    )
    for name, words in TOLD.items():
        metavar = UNITS.get(name, "P")
        network.add_argument(*flags(name), type=float, metavar=metavar, help=words)
    run_parser.add_argument("-o", dest="output", default="table", choices=["table", "json"])
    run_parser.set_defaults(run=run)


def flags(name: str) -> list[str]:
    """How the option of a fault is written: by its name in `Faults`, or as options usually are."""
    return [*dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}"))]


def run(args: argparse.Namespace) -> int:
    """Run the cluster that was asked for and print what became of it."""
    started = perf_counter()
    tell = say() if sys.stderr.isatty() else None
    if args.canary == "list":
        list_canaries(args.output)
        return 0
    try:
        with planted(args.canary):
            core: Sequence[str] = ()
            if args.scenario is None:
                sim = built(args)
                violations = played(sim, seconds(args), tell, partial(begun, args))
            else:
                result = acted(args, tell)
                sim, violations, core = result.simulation, [*result.violations], result.core
        violations += leaked(args, sim)
    except PlanError as error:
        print(f"coterie: {error}; try: one of examples/scenarios", file=sys.stderr)
        return 2
    except SimError as error:
        print(f"coterie: {error}; try: coterie sim run --help", file=sys.stderr)
        return 2
    show = show_json if args.output == "json" else show_table
    show(outcome(sim, violations, perf_counter() - started, core))
    return 1 if violations else 0


def built(args: argparse.Namespace) -> Simulation:
    """The cluster before its start, with the command that brings it back."""
    given = {field.name: getattr(args, field.name) for field in fields(Faults)}
    faults = Faults(**{name: value for name, value in given.items() if value is not None})
    nodes = NODES if args.nodes is None else args.nodes
    sim = Simulation(nodes=nodes, seed=args.seed or 0, faults=faults, boot=False)
    words = [sim.command(seconds(args)), *["--workload"] * args.workload]
    words += [f"--canary {args.canary}"] * bool(args.canary)
    sim.replay = " ".join(words)
    return sim


def begun(args: argparse.Namespace, sim: Simulation) -> None:
    """Start it, with what is to happen to it."""
    sim.boot()
    bird = canary(args.canary) if args.canary else None
    if args.workload or (bird is not None and bird.workload):
        Workload(sim)
    if bird is not None:
        bird.prepare(sim)


def list_canaries(output: str) -> None:
    """Print every canary, with what is wrong with it and the invariant that it breaks."""
    if output == "json":
        birds = [(name, bird.words, bird.invariant) for name, bird in CANARIES.items()]
        told = [{"name": n, "defect": words, "invariant": i} for n, words, i in birds]
        print(json.dumps({"canaries": told}))
        return
    width = max(map(len, CANARIES))
    for name, bird in CANARIES.items():
        print(f"{name:{width}}  {bird.words} ({bird.invariant})")


def leaked(args: argparse.Namespace, sim: Simulation) -> list[InvariantViolation]:
    """What a canary that breaks the determinism of a run shows: in other processes, not in one."""
    if not args.canary or not canary(args.canary).leak:
        return []
    found = differences([Plan(nodes=len(sim.nodes), seconds=sim.now, seed=sim.seed)], args.canary)
    return [
        InvariantViolation(
            invariant=DETERMINISTIC.name,
            words=DETERMINISTIC.words,
            detail=f"{each.variant} the trace hash is {each.found}, not {each.expected}",
            node="n0",
            time=sim.now,
            seed=sim.seed,
            replay=sim.replay,
        )
        for each in found[:1]
    ]


def seconds(args: argparse.Namespace) -> float:
    """How long it is left to itself."""
    return SECONDS if args.seconds is None else float(args.seconds)


def acted(args: argparse.Namespace, tell: Say | None) -> Outcome:
    """What a scenario came to. Its file says everything but, if it is given, the seed."""
    for name in ("nodes", "seconds", "workload", *(field.name for field in fields(Faults))):
        if getattr(args, name) not in {None, False}:
            raise SimError(f"--{name} and --scenario: the file says that; change it there")
    plan = load(Path(args.scenario)).plan
    plan = plan if args.seed is None else replace(plan, seed=args.seed)
    command = f"coterie sim run --scenario {args.scenario} --seed {plan.seed}"
    command += f" --canary {args.canary}" if args.canary else ""
    result = play(plan, None if tell is None else Teller(plan.seconds, tell))
    if tell is not None:
        tell("")
    result.simulation.replay = command
    return result


class Teller:
    """Tells now and then how far a run is."""

    def __init__(self, total: float, tell: Say) -> None:
        self._total = total
        self._tell = tell
        self._started = self._shown = perf_counter()

    def __call__(self, now: float) -> None:
        """The virtual time is `now`."""
        if perf_counter() - self._shown > REFRESH:
            self._shown = perf_counter()
            speed = now / (self._shown - self._started)
            self._tell(f"{now:.1f} of {self._total:g} virtual seconds, {speed:,.1f} x real time")


def played(
    sim: Simulation,
    seconds: float,
    say: Say | None,
    begin: Callable[[Simulation], object] = Simulation.boot,
) -> list[InvariantViolation]:
    """Let it run, with a line of progress now and then, and check every invariant at the end."""
    teller = None if say is None else Teller(seconds, say)
    try:
        with nothing_raises(sim):
            begin(sim)
            while teller is not None and sim.now + SLICE < seconds:
                sim.run(SLICE)
                teller(sim.now)
            sim.run(seconds - sim.now)
            return sim.violations()
    except InvariantViolation as violation:
        return [violation]
    finally:
        if say is not None:
            say("")


def say() -> Say:
    """Something that writes over the last line of a terminal."""
    return lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def outcome(
    sim: Simulation, violations: list[InvariantViolation], wall: float, core: Sequence[str]
) -> dict[str, Any]:
    """Everything there is to say, as JSON knows it."""
    crashed = any(violation.__cause__ for violation in violations)  # then nothing can be asked
    return {
        "trace_hash": sim.trace_hash,
        "violations": [
            {
                "invariant": violation.invariant,
                "words": violation.words,
                "detail": violation.detail,
                "node": violation.node,
                "time": violation.time,
            }
            for violation in violations
        ],
        "messages": sim.messages,
        "virtual_seconds": sim.now,
        "wall_seconds": round(wall, 3),
        "speed_up": round(sim.now / wall, 1),
        "nodes": len(sim.nodes),
        "seed": sim.seed,
        "converged": not crashed and sim.converged(),
        "core": [*core],
        "events": len(sim.events),
        "replay": sim.replay,
    }


def show_json(result: dict[str, Any]) -> None:
    """One object on one line."""
    print(json.dumps(result))


def show_table(result: dict[str, Any]) -> None:
    """The same for eyes."""
    agreed = "all members see each other and hold the same data"
    if 0 < len(result["core"]) < result["nodes"]:
        converged = f"yes: {', '.join(result['core'])} do, and the others were cut off for good"
    else:
        converged = f"yes: {agreed}" if result["converged"] else f"no: not {agreed}"
    rows = [
        ("members", f"{result['nodes']:,}"),
        ("converged", converged),
        ("events", f"{result['events']:,} membership events at all members together"),
        ("datagrams", f"{result['messages']:,}"),
        ("virtual time", f"{result['virtual_seconds']:g} s"),
        ("wall time", f"{result['wall_seconds']:g} s, {result['speed_up']:,} x real time"),
        ("trace hash", result["trace_hash"]),
        ("violations", str(len(result["violations"]) or "none")),
    ]
    for violation in result["violations"]:
        rows.append((f"  {violation['time']:.3f} s", f"{violation['node']}: {violation['words']}"))
        rows.append(("", f"seen: {violation['detail']}"))
    if result["violations"]:
        rows.append(("replay", result["replay"]))
    for label, text in rows:
        print(f"{label:14}{text}".rstrip())
