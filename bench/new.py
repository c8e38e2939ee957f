"""Write the small project with which a method or a data set of one's own begins."""

import keyword
import re
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Literal

from bench import plugins
from bench.errors import UserError
from bench.files import write_text

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
SUFFIX = ".template"


def new_project(kind: Literal["method", "dataset"], name: str, out: Path) -> list[Path]:
    """Write `out/name` with a pyproject.toml, a module and its tests.

    The project works as it is once it is installed with pip: the harness finds it by its entry point.

    Args:
        kind: which of the two.
        name: what the user will type; the module has it with `_` in place of `-`.
        out: the folder in which that of the project is made.

    Returns:
        The files.

    Raises:
        UserError: the name is not one, or is taken, or the folder exists.
    """
    module = _module(kind, name)
    folder = out / name
    if folder.exists():
        raise UserError(f"{folder} exists already, and is left as it is; give another name or --out.")
    title = re.sub("[-_]", " ", name).capitalize()
    templates = resources.files("bench") / "templates" / kind
    files = []
    for template in sorted(templates.iterdir(), key=lambda entry: entry.name):
        text = Template(template.read_text(encoding="utf-8"))
        files.append(folder / template.name.removesuffix(SUFFIX).replace("module", module))
        write_text(files[-1], text.substitute(name=name, module=module, title=title))
    return files


def _module(kind: Literal["method", "dataset"], name: str) -> str:
    """The name of the module, once that of the project is found to be free."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"'{name}' is no name for a project: begin with a letter, and use small letters and digits, with "
            "single '-' or '_' between them."
        )
    module = name.replace("-", "_")
    catalogue = plugins.methods() if kind == "method" else plugins.datasets()
    if name in {*catalogue.names(), *catalogue.reserved}:
        raise UserError(f"There is a {catalogue.noun} '{name}' already; choose another name.")
    if keyword.iskeyword(module) or find_spec(module):
        raise UserError(f"Python has something named '{module}' already; choose another name.")
    return module
