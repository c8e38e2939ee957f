"""`bench tables`: the comparison, from records alone."""

from pathlib import Path

import click

from bench.records import RecordStore
from bench.spec import resolve_protocol


@click.command("tables")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the tables.  [default: RESULTS/tables]"
)
@click.option("--protocol", help="Measure the stored scores anew under this protocol.")
def command(results: Path, out: Path | None, protocol: str | None) -> None:
    """Write the comparison, per-class and cost tables as Markdown and CSV, and print the comparison."""
    from bench.tables.write import write_tables

    chosen = resolve_protocol(protocol) if protocol else None
    folder = out or results / "tables"
    for comparison in write_tables(RecordStore(results), folder, chosen):
        click.echo(comparison)
    click.echo(f"Written to {folder}: comparison, per-class and cost tables as Markdown and CSV.")
