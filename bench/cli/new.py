"""`bench new`: begin a method or a data set of one's own."""

import keyword
import re
import shlex
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Literal

import click

from bench.datasets.catalog import DATASET_CATALOGUE
from bench.errors import UserError
from bench.files import write_text
from bench.methods.catalog import METHOD_CATALOGUE
from bench.names import file_name

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
SUFFIX = ".template"


_OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder in which the project's folder, or the file, is made.  [default: the current one]",
)


@click.group("new")
def command() -> None:
    """Begin a method or data set of your own: a small project that works and has tests.

    Once it is installed, every command knows it by its NAME. A data set of your own needs no project: `bench
    new dataset --from` describes one in a file.
    """


@command.command("method")
@click.argument("name")
@_OUT
def method(name: str, out: Path) -> None:
    """Write NAME/ with a head to change, its options and its tests."""
    _write("method", name, out, f"bench run --methods {name} --data scenes")


@command.command("dataset")
@click.argument("name", required=False)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Folder of a data set of your own, or its CSV, JSON, YAML or parquet file: write NAME.yaml, which "
    "describes it.",
)
@_OUT
def dataset(name: str | None, source: Path | None, out: Path) -> None:
    """Write NAME/ with a description to change and its tests; or NAME.yaml with what is in a folder.

    With --from the NAME may be left out: the data set is called after its folder then.
    """
    if source is not None:
        from bench.cli.new_own import write_description

        write_description(source, name, out)
    elif name is None:
        raise UserError("Give the NAME of a project to begin, or --from with the folder of your pictures.")
    else:
        _write("dataset", name, out, f"bench data check {name} --data-root DIR")


def _write(kind: Literal["method", "dataset"], name: str, out: Path, then: str) -> None:
    for file in new_project(kind, name, out):
        click.echo(file)
    folder = shlex.quote(str(out / name))
    for line in (f"pip install --editable {folder}", f"pytest {folder}", then):
        click.echo(f"    {line}")


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
    module = file_name(name, f"{kind} NAME").replace("-", "_")
    catalogue = METHOD_CATALOGUE if kind == "method" else DATASET_CATALOGUE
    if name in {*catalogue.names(), *catalogue.reserved}:
        raise UserError(f"There is a {catalogue.noun} '{name}' already; choose another name.")
    if keyword.iskeyword(module) or find_spec(module):
        raise UserError(f"Python has something named '{module}' already; choose another name.")
    return module
