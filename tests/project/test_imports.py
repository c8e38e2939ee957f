"""Imports run one way: from the command line down to the ground, and never in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

from places import ROOT

GROUND = "ground"
"""The modules that lie in `bench` itself."""

LEVELS = (
    {GROUND},
    {"metrics", "loggers"},
    {"methods", "datasets"},
    {"experiment"},
    {"records"},
    {"engine", "tables"},
    {"compare", "figures", "profile", "trained", "launch"},
    {"tune", "explain", "visualize", "publish"},
    {"leaderboard"},
    {"cli"},
)
"""From the ground up: what is on a level imports only what lies below it, or within the same folder."""

ENGINE = (
    {"device", "parallel", "models"},
    {"planning"},
    {"building", "scoring"},
    {"training", "readme"},
    {"running"},
)
"""Within the engine likewise."""

FOLDERS = {place for places in LEVELS for place in places} - {GROUND}
# What `import bench` offers: it leads to everything, and nothing may come back to it.
DOOR = ("bench", "bench.api")

Arrows = dict[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Every module by name; `methods` and `datasets` are linked into `bench`."""
    found = {}
    for folder, package in {
        "bench": "bench",
        "methods": "bench.methods",
        "datasets": "bench.datasets",
    }.items():
        for path in (root / folder).rglob("*.py"):
            inner = path.relative_to(root / folder).with_suffix("").parts
            if folder != "bench" or inner[0] not in ("methods", "datasets"):
                found[".".join([package, *(part for part in inner if part != "__init__")])] = path
    return found


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """What a module imports, inside functions and for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in known else node.module for name in names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def arrows(root: Path) -> Arrows:
    known = modules(root)
    found = {name: {one for one in imported(path, known) if one in known} for name, path in known.items()}
    return {name: found[name] - {name} for name in found if name not in DOOR}


def place(module: str) -> str:
    return next((part for part in module.split(".")[1:2] if part in FOLDERS), GROUND)


def level(module: str) -> int:
    return next(number for number, places in enumerate(LEVELS) if place(module) in places)


def floor_of_engine(module: str) -> int:
    return next(number for number, rooms in enumerate(ENGINE) if module.split(".")[2] in rooms)


def circles(found: Arrows) -> set[frozenset[str]]:
    """The sets of modules that import each other, directly or through others."""
    reached = {name: set(targets) for name, targets in found.items()}
    for middle in found:  # Warshall's algorithm
        for targets in reached.values():
            if middle in targets:
                targets |= reached[middle]
    return {frozenset(b for b in reached[a] if a in reached[b]) for a in found if a in reached[a]}


def test_imports_run_downward() -> None:
    found = arrows(ROOT)
    assert {module.split(".")[1] for module in found if module.count(".") > 1} == FOLDERS
    wrong = [
        f"{module} imports {target}"
        for module, targets in sorted(found.items())
        for target in sorted(targets)
        if target in DOOR or (place(module) != place(target) and level(module) <= level(target))
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_run_downward_in_the_engine() -> None:
    inside = {
        module: {target for target in targets if target.startswith("bench.engine.")}
        for module, targets in arrows(ROOT).items()
        if module.startswith("bench.engine.")
    }
    assert {module.split(".")[2] for module in inside} == {room for rooms in ENGINE for room in rooms}
    wrong = [
        f"{module} imports {target}"
        for module, targets in sorted(inside.items())
        for target in sorted(targets)
        if module.split(".")[2] != target.split(".")[2] and floor_of_engine(module) <= floor_of_engine(target)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other() -> None:
    assert circles(arrows(ROOT)) == set()
