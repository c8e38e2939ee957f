"""The launchers by name. Each is a module of this folder with the functions that `Launcher` lists."""

from importlib import import_module
from typing import Protocol, cast

from bench.engine.planning.plan import Cell
from bench.engine.running.execute import Outcome
from bench.experiment.matrix import MatrixSpec
from bench.launch.job import Submitted
from bench.launch.screen import Screen
from bench.resolve import unknown_name

LAUNCHERS = {"local": "bench.launch.local", "slurm": "bench.launch.slurm"}
"""By the name that a user types, the module."""


class Launcher(Protocol):
    """What a launcher's module has."""

    GOES_ON: bool
    """Whether a cell that was stopped goes on by itself."""

    def check(self, matrix: MatrixSpec) -> MatrixSpec:
        """The matrix with what is known of the device that it gives; UserError where it cannot be used."""

    def foretell(self, matrix: MatrixSpec, cells: list[Cell]) -> list[str]:
        """What would be done to run the cells that are to be run, a line each, where that is not plain."""

    def launch(self, matrix: MatrixSpec, cells: list[Cell], screen: Screen) -> Outcome | None:
        """Have the cells run that are to be run; None where that goes on when this process has ended."""

    def cancel(self, submitted: Submitted, runs: list[str]) -> list[str]:
        """Stop a whole job, or some of its runs if any are named; gives a line on each."""

    def is_active(self, submitted: Submitted, run_id: str) -> bool:
        """Whether a cell that nobody is at work on may still be begun."""

    def lost(self, waiting: list[tuple[Submitted, str]]) -> dict[tuple[str, str], str]:
        """Why cells that files call waiting do not wait any more, by the names of job and run; asked once."""

    def how_ended(self, submitted: Submitted, run_id: str) -> str:
        """How what ran a cell ended, where it left no word of its own; else nothing."""


def launcher_named(name: str) -> Launcher:
    """The launcher of that name.

    Raises:
        UserError: there is none.
    """
    if name not in LAUNCHERS:
        raise unknown_name("launcher", name, LAUNCHERS)
    return cast(Launcher, import_module(LAUNCHERS[name]))
