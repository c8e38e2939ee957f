"""`bench new`: begin a method or a data set of one's own."""

import shlex
from pathlib import Path
from typing import Literal

import click

from bench.new import new_project

_OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder in which the project's folder is made.  [default: the current one]",
)


@click.group("new")
def command() -> None:
    """Begin a method or data set of your own: a small project that works and has tests.

    Once it is installed, every command knows it by its NAME.
    """


@command.command("method")
@click.argument("name")
@_OUT
def method(name: str, out: Path) -> None:
    """Write NAME/ with a head to change, its options and its tests."""
    _write("method", name, out, f"bench run --methods {name} --data scenes")


@command.command("dataset")
@click.argument("name")
@_OUT
def dataset(name: str, out: Path) -> None:
    """Write NAME/ with a description to change and its tests."""
    _write("dataset", name, out, f"bench data check {name} --data-root DIR")


def _write(kind: Literal["method", "dataset"], name: str, out: Path, then: str) -> None:
    for file in new_project(kind, name, out):
        click.echo(file)
    folder = shlex.quote(str(out / name))
    for line in (f"pip install --editable {folder}", f"pytest {folder}", then):
        click.echo(f"    {line}")
