"""The launchers by name. Each is a module of this folder with the functions that `Launcher` lists."""

from importlib import import_module
from typing import Protocol, cast

from bench.engine.execute import Outcome
from bench.engine.plan import Cell
from bench.experiment.matrix import MatrixSpec
from bench.launch.job import Submitted
from bench.launch.screen import Screen
from bench.resolve import unknown_name

LAUNCHERS = {"local": "bench.launch.local"}
"""By the name that a user types, the module."""


class Launcher(Protocol):
    """What a launcher's module has."""

    def launch(self, matrix: MatrixSpec, cells: list[Cell], screen: Screen) -> Outcome | None:
        """Have the cells run that are to be run; None where that goes on when this process has ended."""

    def cancel(self, submitted: Submitted, runs: list[str]) -> list[str]:
        """Stop a whole job, or some of its runs if any are named; gives a line on each."""

    def is_active(self, submitted: Submitted) -> bool:
        """Whether cells that nobody is at work on may still be begun."""


def launcher_named(name: str) -> Launcher:
    """The launcher of that name.

    Raises:
        UserError: there is none.
    """
    if name not in LAUNCHERS:
        raise unknown_name("launcher", name, LAUNCHERS)
    return cast(Launcher, import_module(LAUNCHERS[name]))
