"""Which code decides numbers: modules, what they import, and a digest of them."""

import ast
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

# Where a run's arithmetic is. Catalogue and options are not: what a record asks for stands in the record. Nor
# is what is written about a model when all is done.
ARITHMETIC = (
    "bench.engine",
    "bench.experiment.loss",
    "bench.labels",
    "bench.methods",
    "bench.metrics",
    "bench.datasets.feed",
    "bench.datasets.pictures",
)
_APART = ("bench.methods.catalog", "bench.methods.options", "bench.engine.readme")


@cache
def digest_of(module: str) -> str:
    """Twelve hexadecimal digits that change with a module of this project and with what it computes with."""
    return digest(imported([module]))


def digest(modules: dict[str, Path]) -> str:
    """Twelve hexadecimal digits that change with the name or the content of one of these modules."""
    found = sha256()
    for name, path in sorted(modules.items()):
        found.update(f"{name}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


def imported(start: list[str], within: tuple[str, ...] = ARITHMETIC) -> dict[str, Path]:
    """These modules and what they import, inside functions too, with their files.

    Args:
        start: their names.
        within: the packages whose modules count.
    """
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
