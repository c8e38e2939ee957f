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

KILLS, KILL_SEED = 100, 1
CHANGED, CHANGE_SEED = 120, 11
MOMENTS = 24


class Row(NamedTuple):
    """What was done how often, and what was not as it should be."""

    fault: str
    often: str
    found: list[str]
    minutes: float


def killed(folder: Path) -> list[Row]:
    """A matrix that is killed."""
    started = time.monotonic()
    found = kill_matrices(folder, KILLS, KILL_SEED)
    often = f"{found.kills} kills, {found.matrices} matrices brought to their end"
    what = "SIGKILL at random moments of a matrix: metrics, history, scores and models equal, nothing left"
    return [Row(what, often, found.differences, _minutes(started))]


def hostile(folder: Path) -> list[Row]:
    """Files that were changed or made to do harm, reader by reader."""
    rows = []
    with Judge() as judge:
        for reader in READERS:
            started = time.monotonic()
            faults = judge.faults(reader, CHANGED, CHANGE_SEED)
            often = f"{CHANGED} changed, {len(made_to_do_harm())} made to do harm"
            rows.append(Row(f"bad files, {reader}", often, faults, _minutes(started)))
    return rows


def full(folder: Path) -> list[Row]:
    """A full disk at one write of a matrix after the other."""
    write_voc(folder / "data", train=8, test=4)
    rows = []
    with small_disk(folder / "disk") as disk:
        for place in ("work", "results"):
            started = time.monotonic()
            faults = [*sweep(disk, folder / "home", folder / "data", place, range(MOMENTS), MOMENTS)]
            what = f"full disk of the {'work folder' if place == 'work' else 'results'}, a matrix"
            rows.append(Row(what, f"{MOMENTS} moments", faults, _minutes(started)))
    return rows


PARTS: dict[str, Callable[[Path], list[Row]]] = {"killed": killed, "hostile": hostile, "full": full}


def _minutes(started: float) -> float:
    return (time.monotonic() - started) / 60


def table(rows: list[Row], load: str) -> str:
    """The rows as Markdown, with what was found below."""
    lines = [
        "# Faults",
        "",
        "Made on purpose by `make faults`, as the tests do in short. What is found is mended, so",
        f"nothing should be. {platform.system()}, {os.cpu_count()} cores, {load}.",
        "",
        "| Fault | How often | Found | Minutes |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.fault} | {row.often} | {len(row.found) or 'nothing'} | {row.minutes:.1f} |" for row in rows
    ]
    for row in rows:
        lines += [f"- {row.fault}: {' '.join(one.split())[:500]}" for one in row.found]
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--part", "parts", multiple=True, type=click.Choice([*PARTS]), default=[*PARTS])
def main(file: Path, parts: tuple[str, ...]) -> None:
    """Write the table to FILE; ends with 1 where something was found."""
    rows, before = [], os.getloadavg()[0]
    for part in parts:
        with TemporaryDirectory() as folder:
            rows += PARTS[part](Path(folder))
            load = f"load {before:.1f} to {os.getloadavg()[0]:.1f}"
            write_text(file, table(rows, load))
    sys.exit(any(row.found for row in rows))


if __name__ == "__main__":
    main()
