"""`bench ls`: the stored runs."""

from pathlib import Path

import click

from bench.records.store import Damaged, RecordStore


@click.command("ls")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def command(results: Path) -> None:
    """List the stored runs, one line each."""
    records = list(RecordStore(results).all())
    for record in records:
        if isinstance(record, Damaged):
            click.echo(f"{record.run_id}  damaged: {record.reason}")
        elif record.metrics is None:
            click.echo(f"{record.run_id}  failed: {record.error}")
        else:
            click.echo(
                f"{record.run_id}  mAP {100 * record.metrics.mAP:.2f}  {record.cell.method.label()}  "
                f"{record.cell.schedule_name}  {record.created}"
            )
    if not records:
        click.echo(f"No runs under {results}; `bench run --methods all --data scenes` makes some.")
