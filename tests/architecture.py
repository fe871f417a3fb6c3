"""What the shape of the house asks of its source, read off the syntax trees.

Each check yields violations as `path:line: sentence`; none of them imports the code that it judges,
so a broken tree is reported rather than crashed on. Three promises hang on them: the protocol core
can be simulated because it reaches for no clock, no randomness and no machine; the same seed gives
the same run in every process because nothing follows the order of hashes; and a layer can be
replaced because nobody above it is known to it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGES = ("crdt", "gossip", "node", "sim", "bench", "tests")
FUNCTION_LINES_MAX = 60
MODULE_LINES_MAX = 450

MAY_IMPORT = {
    "crdt": frozenset[str](),
    "gossip": frozenset({"crdt"}),
    "node": frozenset({"crdt", "gossip"}),
    "sim": frozenset({"crdt", "gossip"}),
    "bench": frozenset({"crdt", "gossip", "node", "sim"}),
    "tests": frozenset(PACKAGES),
}
# The folders inside `gossip`: which others each may import, beside the modules that are in none.
FOLDERS = {
    "wire": frozenset[str](),
    "members": frozenset({"wire"}),
    "probing": frozenset({"wire", "members"}),
    "data": frozenset({"wire", "members"}),
    "users": frozenset({"wire", "members"}),
}
# Whole nodes on a simulated network: the one place of `sim` that knows `node`.
LAYER_EXCEPTIONS = frozenset({("sim/app/", "node")})

PURE = frozenset({"crdt", "gossip"})
# A list of what is allowed, because a list of what is not would always miss one. Add a module here
# when it reads no clock, no randomness, no environment and no file, and starts nothing.
PURE_MODULES = frozenset(
    "__future__ abc array base64 binascii bisect codecs collections contextlib copy dataclasses"
    " enum functools graphlib hashlib heapq hmac ipaddress itertools math operator re string struct"
    " textwrap types typing unicodedata weakref zlib msgpack nacl sortedcontainers".split()
)
# (module of ours, module, name): the contract fixes `time.time_ns` as the default of HybridClock's
# parameter `now`. The protocol hands its own clock in; only users of bare values get this one.
PURE_EXCEPTIONS = frozenset({("crdt/clock.py", "time", "time_ns")})
# What draws on the system's randomness inside PyNaCl: keys and nonces come from `entropy`.
DRAWS_ENTROPY = frozenset(
    "randombytes crypto_box_keypair crypto_sign_keypair crypto_kx_keypair generate".split()
)
DOES_IO = frozenset({"open", "print", "input", "breakpoint", "exec", "eval", "__import__"})
HASH_ORDER_EXCEPTIONS = frozenset({"sim/leaks.py"})
"""What is planted there has to be found in another way."""
MACHINE_DEPENDENT = frozenset({"id", "hash"})
# Whoever takes elements in any order and gives the same answer for each.
ORDER_FREE = frozenset("all any frozenset len max min set sorted sum".split())
# Whoever passes the order of its argument on.
ORDER_KEEPING = frozenset("dict enumerate filter iter list map reversed tuple zip".split())


@dataclass(frozen=True, slots=True)
class Module:
    """One parsed source file; `path` is relative to the root of the tree, with slashes."""

    path: str
    source: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The top folder."""
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        """The dotted name under which it is imported."""
        return self.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    def parent(self, level: int) -> str:
        """The package that `level` leading dots of an import in this module mean; "" for none."""
        parts = self.path.split("/")
        return ".".join(parts[: len(parts) - level]) if level else ""

    def at(self, node: ast.AST, sentence: str) -> str:
        """The violation `sentence` at the place of `node`."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {sentence}"


def read(root: Path) -> list[Module]:
    """Every module of ours below `root`, in order of path."""
    paths = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    sources = [(path.relative_to(root).as_posix(), path.read_text("utf-8")) for path in paths]
    return [Module(name, source, ast.parse(source, name)) for name, source in sources]


def violations(modules: Sequence[Module]) -> list[str]:
    """What every check has to say, module by module, then about the tree as a whole."""
    each = [said for module in modules for check in CHECKS for said in check(module)]
    return each + list(cycles(modules))


def imports(module: Module) -> Iterator[tuple[ast.Import | ast.ImportFrom, str, str | None]]:
    """Each imported name as (statement, module, name or None for a whole module)."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = ".".join(filter(None, [module.parent(node.level), node.module]))
            yield from ((node, source, alias.name) for alias in node.names)


def direction(module: Module) -> Iterator[str]:
    """Imports go one way through the house, also those that only a type checker follows."""
    for node, source, _ in imports(module):
        target = source.partition(".")[0]
        if target in PACKAGES and target != module.package:
            allowed = target in MAY_IMPORT[module.package] or any(
                module.path.startswith(folder) and target == excepted
                for folder, excepted in LAYER_EXCEPTIONS
            )
            if not allowed:
                yield module.at(node, f"{module.package} must not import {target}")


def folders(module: Module) -> Iterator[str]:
    """They go one way inside `gossip` too."""
    folder = module.path.split("/")[1]
    if module.package != "gossip" or folder not in FOLDERS:
        return
    for node, source, name in imports(module):
        target = f"{source}.{name}".removeprefix("gossip.").partition(".")[0]
        if target in FOLDERS and target not in (folder, *FOLDERS[folder]):
            yield module.at(node, f"gossip/{folder} must not import gossip/{target}")


def purity(module: Module) -> Iterator[str]:
    """The pure packages import nothing that touches the machine."""
    if module.package not in PURE:
        return
    for node, source, name in imports(module):
        top = source.partition(".")[0]
        if (module.path, source, name) in PURE_EXCEPTIONS or top in PACKAGES:
            continue
        if top == "random":
            if name != "Random":
                yield module.at(node, "only `from random import Random`: randomness is handed in")
        elif source == "nacl.utils" or (source, name) == ("nacl", "utils"):
            yield module.at(node, "nacl.utils draws randomness: use the entropy handed in")
        elif name in DRAWS_ENTROPY:
            yield module.at(node, f"{name} draws randomness: use the entropy handed in")
        elif top not in PURE_MODULES:
            yield module.at(node, f"{module.package} must not import {top}: it is not pure")


def calls(module: Module) -> Iterator[str]:
    """The pure packages call nothing whose answer depends on the process or the machine."""
    if module.package not in PURE:
        return
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in DOES_IO:
                yield module.at(node, f"{name}() does I/O")
            case ast.Call(func=ast.Name(id=name)) if name in MACHINE_DEPENDENT:
                yield module.at(node, f"{name}() differs between processes")
            case ast.Call(func=ast.Name(id="Random"), args=[], keywords=[]):
                yield module.at(node, "Random() without a seed draws on the machine")
            case ast.Attribute(value=ast.Name(id="datetime"), attr="now" | "utcnow" | "today"):
                yield module.at(node, "datetime reads the wall clock: time is handed in")
            case ast.Attribute(attr=name) if name in DRAWS_ENTROPY:
                yield module.at(node, f"{name} draws randomness: use the entropy handed in")


def hash_order(module: Module) -> Iterator[str]:
    """The pure packages and the simulator never walk through a set in the order of its hashes.

    Only sets that are visible in the expression itself are found; what a variable holds is not.
    """
    if module.package not in {*PURE, "sim"} or module.path in HASH_ORDER_EXCEPTIONS:
        return
    forgiven = {
        comprehension
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and called(node) in ORDER_FREE
        for comprehension in node.args
    }
    for node in ast.walk(module.tree):
        if node not in forgiven and any(is_set(walked) for walked in walked_by(node)):
            yield module.at(node, "walks through a set in the order of hashes: sort it")


def walked_by(node: ast.AST) -> list[ast.expr]:
    """The expressions that `node` goes through in order, where the order shows."""
    match node:
        case ast.For(iter=walked) | ast.Starred(value=walked):
            return [walked]
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            return [generator.iter for generator in node.generators]
        case ast.Call() if called(node) in ORDER_KEEPING | {"join", "extend", "fromkeys"}:
            return node.args
        case ast.Call(func=ast.Attribute(value=walked, attr="pop"), args=[]):
            return [walked]
    return []


def called(node: ast.Call) -> str:
    """The last part of the name of what is called."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def is_set(node: ast.expr) -> bool:
    """True for an expression that makes a set before our eyes."""
    match node:
        case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return is_set(left) or is_set(node.right)
    return False


def size(module: Module) -> Iterator[str]:
    """A function fits a screen, a module an afternoon."""
    lines = module.source.count("\n")
    if lines > MODULE_LINES_MAX:
        yield f"{module.path}:1: {lines} lines, {MODULE_LINES_MAX} at most"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield module.at(
                    node, f"{node.name} has {length} lines, {FUNCTION_LINES_MAX} at most"
                )


def cycles(modules: Sequence[Module]) -> Iterator[str]:
    """No module of ours reaches itself through imports, wherever in a file they stand."""
    names = {module.name for module in modules}
    graph = {module.name: set[str]() for module in modules}
    for module in modules:
        for _, source, name in imports(module):
            submodule = f"{source}.{name}"
            target = submodule if submodule in names else source
            if target in names:
                graph[module.name].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield "import cycle: " + " <- ".join(error.args[1])


Check = Callable[[Module], Iterator[str]]
CHECKS: tuple[Check, ...] = (direction, folders, purity, calls, hash_order, size)
