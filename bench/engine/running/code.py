"""A digest of the code that decides a run's numbers: engine, metrics, its feed, and the head's own module."""

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from bench.methods.catalog import METHOD_CATALOGUE, PRIOR

# Where a run's arithmetic is. Catalogue and options are not: what a record asks for stands in the record. Nor
# is what is written about a model when all is done.
_ARITHMETIC = (
    "bench.engine",
    "bench.experiment.loss",
    "bench.labels",
    "bench.methods",
    "bench.metrics",
    "bench.datasets.feed",
    "bench.datasets.pictures",
)
_APART = ("bench.methods.catalog", "bench.methods.options", "bench.engine.readme")
_START = "bench.engine.running.run"


@cache
def code_digest(method: str) -> str:
    """Two digests of twelve hexadecimal digits: of what all methods share, and of the head's own modules.

    Each is equal where every file is that a run of the method imports. Of a package from outside, what its
    head imports from its own package counts.

    Args:
        method: its name; the prior has no head.
    """
    shared = _shared()
    head = "" if method == PRIOR.name else (METHOD_CATALOGUE.get(method).head or "").partition(":")[0]
    package = head.partition(".")[0]
    within = _ARITHMETIC if package in ("", "bench") else (*_ARITHMETIC, package)
    own = {name: path for name, path in _imported([head], within).items() if name not in shared}
    return f"{_digest(shared)}-{_digest(own)}"


@cache
def _shared() -> dict[str, Path]:
    """The modules that all methods share."""
    return _imported([_START], _ARITHMETIC)


def _digest(modules: dict[str, Path]) -> str:
    digest = sha256()
    for name, path in sorted(modules.items()):
        digest.update(f"{name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _imported(start: list[str], within: tuple[str, ...]) -> dict[str, Path]:
    """The modules that these import, inside functions too, with their files."""
    found: dict[str, Path] = {}
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name in found or _lies_in(name, _APART) or not _lies_in(name, within):
            continue
        path = _file(name)
        if path is not None:
            found[name] = path
            # A package's own file is executed before what lies in it.
            waiting += [name.rpartition(".")[0], *_names(name, path)]
    return found


def _lies_in(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _file(name: str) -> Path | None:
    """The source of a module; None for what is none, such as a name inside of one."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


def _names(module: str, path: Path) -> Iterator[str]:
    """What a module imports, and each name in it, which may be a module too."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, (above, node.module)))
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
