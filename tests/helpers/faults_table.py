"""Make the faults of the tests at length, and write what came of them as a table: `make faults`."""

import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import click

from bench.files import write_text
from disk_faults import sweep
from hostile_files import Judge, made_to_do_harm
from hostile_readers import READERS
from killed_matrix import kill_matrices
from small_disk import small_disk
from trees import write_voc

KILL_SEED, CHANGE_SEED = 1, 11


class Often(NamedTuple):
    """How often faults are made: kills, files changed for each reader, moments at which a disk is full."""

    kills: int
    changed: int
    moments: int


class Row(NamedTuple):
    """What was done how often, and what was not as it should be."""

    fault: str
    often: str
    found: list[str]
    minutes: float


def killed(folder: Path, how: Often) -> list[Row]:
    """A matrix that is killed."""
    started = time.monotonic()
    found = kill_matrices(folder, how.kills, KILL_SEED)
    often = f"{found.kills} kills, {found.matrices} matrices brought to their end"
    what = "SIGKILL at random moments of a matrix: metrics, history, scores and models equal, nothing left"
    return [Row(what, often, found.differences, _minutes(started))]


def hostile(folder: Path, how: Often) -> list[Row]:
    """Files that were changed or made to do harm, reader by reader."""
    rows = []
    with Judge() as judge:
        for reader in READERS:
            started = time.monotonic()
            faults = judge.faults(reader, how.changed, CHANGE_SEED)
            often = f"{how.changed} changed, {len(made_to_do_harm())} made to do harm"
            rows.append(Row(f"bad files, {reader}", often, faults, _minutes(started)))
    return rows


def full(folder: Path, how: Often) -> list[Row]:
    """A full disk at one write of a matrix after the other."""
    write_voc(folder / "data", train=8, test=4)
    rows = []
    with small_disk(folder / "disk") as disk:
        for place in ("work", "results"):
            started = time.monotonic()
            moments = range(how.moments)
            faults = [*sweep(disk, folder / "home", folder / "data", place, moments, how.moments)]
            what = f"full disk of the {'work folder' if place == 'work' else 'results'}, a matrix"
            rows.append(Row(what, f"{how.moments} moments", faults, _minutes(started)))
    return rows


PARTS: dict[str, Callable[[Path, Often], list[Row]]] = {"killed": killed, "hostile": hostile, "full": full}


def _minutes(started: float) -> float:
    return (time.monotonic() - started) / 60


HEAD = (
    "# Faults",
    "",
    "Made on purpose by `make faults`, as the tests do in short. What is found is mended, so",
    "nothing should be. Each part of the table is of its last run.",
    "",
    "| Fault | How often | Found | Minutes | Machine |",
    "| --- | --- | --- | --- | --- |",
)


def table(before: str, rows: list[Row], machine: str) -> str:
    """The table as Markdown, with what was found below: of `before` the rows of other faults, and these."""
    made = [row.fault for row in rows]
    lines = [line for line in before.splitlines() if line not in HEAD]
    by_fault = {line.split(" | ")[0][2:]: line for line in lines if line.startswith("| ")}
    for row in rows:
        found = len(row.found) or "nothing"
        by_fault[row.fault] = f"| {row.fault} | {row.often} | {found} | {row.minutes:.1f} | {machine} |"
    of_others = [line for line in lines if line.startswith("- ") and not line[2:].startswith(tuple(made))]
    found_now = [f"- {row.fault}: {' '.join(one.split())[:500]}" for row in rows for one in row.found]
    return "\n".join([*HEAD, *by_fault.values(), *of_others, *found_now]) + "\n"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--part", "parts", multiple=True, type=click.Choice([*PARTS]), default=[*PARTS])
@click.option("--kills", default=100, show_default=True)
@click.option("--changed", default=120, show_default=True)
@click.option("--moments", default=24, show_default=True)
def main(file: Path, parts: tuple[str, ...], **how: int) -> None:
    """Put what the parts find in the table in FILE, in the place of what it says of them.

    Ends with 1 where something was found.
    """
    wrong = False
    for part in parts:
        before = os.getloadavg()[0]
        with TemporaryDirectory() as folder:
            rows = PARTS[part](Path(folder), Often(**how))
        load = f"load {before:.0f} to {os.getloadavg()[0]:.0f}"
        machine = f"{platform.system()}, {os.cpu_count()} cores, {load}"
        write_text(file, table(file.read_text("utf-8") if file.is_file() else "", rows, machine))
        wrong |= any(row.found for row in rows)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
