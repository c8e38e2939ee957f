"""`bench profile table`: what was measured, as Markdown."""

from pathlib import Path

import click

from bench.profile.speed_table import put_into, reports, speed_table


@click.command("table")
@click.option(
    "--from",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("results/perf"),
    show_default=True,
    help="Folder of reports that --out wrote.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Replace the table of this file.",
)
def command(folder: Path, into: Path | None) -> None:
    """Print what other parts measured and wrote with --out, a table for each machine."""
    table = speed_table(reports(folder))
    if into is None:
        click.echo(table)
    else:
        put_into(into, table)
        click.echo(f"Written into {into}.")
