"""`bench logs`: what a run of a submitted matrix printed."""

import time
from pathlib import Path

import click

from bench.errors import UserError
from bench.launch.status import last_lines, logs_named
from bench.settings import work_folder

LOOK = 0.5
"""Seconds between two looks at a log that is followed."""


@click.command("logs")
@click.argument("run")
@click.option("-n", "--lines", type=click.IntRange(1), default=20, show_default=True, help="Of the end.")
@click.option("--follow", is_flag=True, help="Go on with what is printed next, until Ctrl-C.")
def command(run: str, lines: int, follow: bool) -> None:
    """Print the last lines of what a run of a submitted matrix printed.

    RUN is the beginning or end of its name; `prepare` is what a job does once. Of several jobs that ran it,
    the newest counts.
    """
    logs = logs_named(run)
    if len({path.name for path in logs}) != 1:
        raise UserError(
            f"{len({path.name for path in logs}) or 'No'} logs in {work_folder() / 'jobs'} are of runs that "
            f"begin or end with '{run}'; `bench status` lists the names."
        )
    path = logs[-1]
    size = path.stat().st_size
    for line in last_lines(path, lines):
        click.echo(line)
    if follow:
        _follow(path, size)


def _follow(path: Path, size: int) -> None:
    with path.open(encoding="utf-8", errors="replace") as file:
        file.seek(size)
        while True:
            text = file.read()
            if text:
                click.echo(text, nl=False)
            else:
                time.sleep(LOOK)
