"""`bench leaderboard`: the ranking over all data sets."""

from pathlib import Path

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.options import RESULTS
from bench.records.store import RecordStore


@click.command("leaderboard")
@RESULTS
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of both files.  [default: RESULTS/leaderboard]"
)
def command(results: Path, out: Path | None) -> None:
    """Rank the methods over all data sets: a Markdown file, and a page that a browser opens."""
    from bench.leaderboard.write import write_leaderboard

    with open_display(Console(stderr=True)) as display:
        display.task("reading records, ranking")
        written = write_leaderboard(RecordStore(results), out or results / "leaderboard")
    for path in written:
        click.echo(f"Written: {path}")
