"""`bench profile commands`: how long help, lists, tables and a finished matrix take."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.cli import profile_options
from bench.cli.profile_figures import finish
from bench.profile.commands import measure_commands
from bench.profile.report import Measuring


@click.command("commands")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=25,
    show_default=True,
    help="Of every method on four data sets: 25 make 1,000 records and those of the label frequency.",
)
@profile_options.repeats
@profile_options.out
def command(seeds: int, repeats: int, out: Path | None) -> None:
    """Measure commands on made records, each in a process of its own, in turn.

    The records are written to a temporary folder first, and the tables once, which measures the resamples of
    every record; both take minutes.
    """
    measuring = Measuring("commands")
    with TemporaryDirectory() as folder:
        figures = measure_commands(Path(folder), seeds, repeats)
    finish(measuring.report(figures), out)
