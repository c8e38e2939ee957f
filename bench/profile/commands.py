"""How long a person waits for commands that compute nothing new: help, lists, tables, a finished matrix."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from bench.errors import UserError
from bench.profile.made_runs import matrix_options
from bench.profile.report import Figure

AIMED_ON: Final = 1000
"""Records that the aims are for."""
BENCH: Final = ("-c", "from bench.cli import main; main()")
# The same, with its peak of memory as the last line that it prints.
_WATCHED: Final = (
    "-c",
    "from bench.cli import main\nfrom bench.resident import resident_peak\n"
    "try:\n    main()\nfinally:\n    print(resident_peak())",
)


class Command(NamedTuple):
    """A command, and what it is to take on `AIMED_ON` records at most, seconds."""

    what: str
    arguments: tuple[str, ...]
    most: float


@dataclass
class Waited:
    """Seconds of each time that a command was run: on the clock, and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def commands(results: Path, seeds: int) -> tuple[Command, ...]:
    """What is measured."""
    where = ("--results", str(results))
    options = [part for name, value in matrix_options(seeds).items() for part in (f"--{name}", value)]
    return (
        Command("bench --help", ("--help",), 0.3),
        Command("bench ls", ("ls", *where), 1),
        Command("bench tables", ("tables", *where), 10),
        Command("bench run of a finished matrix", ("run", *options, *where), 3),
    )


def make_records(folder: Path, seeds: int) -> int:
    """Make the records of a finished matrix in `folder/results`, and give how many there are.

    Args:
        folder: an empty one.
        seeds: of every method on four data sets; with 25 there are 1,000 records and those of the prior.

    Raises:
        UserError: they cannot be made.
    """
    made = (sys.executable, "-m", "bench.profile.made_runs", str(folder / "results"), str(seeds))
    return int(run(made, folder / "work", Waited()).split()[-1])


def measure_commands(folder: Path, seeds: int, repeats: int) -> tuple[Figure, ...]:
    """Run each command in a process of its own, in turn, on made records in a folder.

    Args:
        folder: as of `make_records`.
        seeds: likewise.
        repeats: how often each is run.

    Raises:
        UserError: a command fails.
    """
    results, work = folder / "results", folder / "work"
    count = make_records(folder, seeds)
    python, first = Waited(), Waited()
    every = {command: Waited() for command in commands(results, seeds)}
    tables = next(command for command in every if command.arguments[0] == "tables")
    run((sys.executable, *BENCH, *tables.arguments), work, first)
    for _ in range(repeats):
        run((sys.executable, "-c", "import click"), work, python)
        for command, waited in every.items():
            run((sys.executable, *BENCH, *command.arguments), work, waited)
    start = f"{_middle(python.processor)} s of them to start Python with click"
    figures = [
        Figure(
            what=command.what + (f", {count} records" if command.arguments != ("--help",) else ""),
            unit="s",
            values=tuple(waited.clock),
            most=command.most if command.arguments == ("--help",) or count >= AIMED_ON else None,
            bound=f"{_middle(waited.processor)} s of the processor, {start}",
        )
        for command, waited in every.items()
    ]
    once = Figure(
        what=f"bench tables, {count} records, the first time",
        unit="s",
        values=tuple(first.clock),
        bound=f"measuring {count} x 1000 resamples, {_middle(first.processor)} s of the processor",
    )
    return (*figures, once)


class Spent(NamedTuple):
    """What a command took on so many records: seconds of the processor, and bytes of memory at the peak."""

    what: str
    records: int
    seconds: float
    peak: int


def spent_on(folder: Path, seeds: int) -> list[Spent]:
    """Run each command that reads records once, on made ones in a folder; tables are made the second time.

    Args:
        folder: one with records by `make_records`.
        seeds: of these.

    Raises:
        UserError: a command fails.
    """
    results, work = folder / "results", folder / "work"
    count = len(list((results / "runs").iterdir()))
    found = []
    for command in commands(results, seeds)[1:]:
        if command.arguments[0] == "tables":
            run((sys.executable, *BENCH, *command.arguments), work, Waited())
        waited = Waited()
        printed = run((sys.executable, *_WATCHED, *command.arguments), work, waited)
        found.append(Spent(command.what, count, waited.processor[0], int(printed.split()[-1])))
    return found


def run(command: tuple[str, ...], work: Path, waited: Waited) -> str:
    """Run a process to its end, with a work folder; returns what it printed.

    Raises:
        UserError: it fails.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BENCH_")}
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, env={**kept, "BENCH_WORK": str(work)}, capture_output=True, text=True)
    seconds, after = time.perf_counter() - start, os.times()
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise UserError(f"`{' '.join(command[1:])}` failed: {said[-1] if said else 'it said nothing'}.")
    waited.clock.append(seconds)
    spent = sum(getattr(after, of) - getattr(before, of) for of in ("children_user", "children_system"))
    waited.processor.append(spent)
    return done.stdout


def _middle(seconds: list[float]) -> str:
    return f"{Figure(what='', unit='s', values=tuple(seconds)).median():.3g}"
