"""`bench show RUN`: one stored run."""

from pathlib import Path

import click

from bench.metrics.evaluate import METRICS
from bench.records.store import Record, RecordStore


@click.command("show")
@click.argument("run")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
def command(run: str, results: Path) -> None:
    """Show one stored run. RUN is its name, or the beginning or the end of it."""
    record = RecordStore(results).find(run)
    click.echo(f"{record.run_id}: {record.status}, {record.created}")
    if record.error:
        click.echo(f"error: {record.error}")
    _show_conditions(record)
    if record.metrics:
        click.echo(
            "metrics: " + ", ".join(f"{name} {100 * record.metrics.value(name):.2f}" for name in METRICS)
        )
        for name, value in zip(record.data.classes, record.metrics.per_class_ap, strict=True):
            click.echo(f"  AP {name}: " + ("no positives" if value is None else f"{100 * value:.2f}"))
    for epoch in record.history:
        measured = f", mAP {100 * epoch.metrics.mAP:.2f}" if epoch.metrics else ""
        click.echo(f"  epoch {epoch.epoch + 1}: loss {epoch.loss:.4f}{measured}, feed {epoch.feed}")
    if record.cost:
        click.echo("cost: " + ", ".join(f"{name} {value:,.4g}" for name, value in record.cost))


def _show_conditions(record: Record) -> None:
    cell = record.cell
    click.echo(f"method: {cell.method.label()}, seed {cell.seed}, vectors {cell.vectors}")
    click.echo(
        f"data: {cell.data}, {record.data.train_images} training and {record.data.eval_images} test images, "
        f"{len(record.data.skipped)} files skipped"
    )
    if cell.init_from:
        click.echo(f"started from: {cell.init_from.describe()}")
    click.echo(
        f"schedule: {cell.schedule_name}: " + ", ".join(f"{k} {v}" for k, v in cell.schedule if k != "about")
    )
    click.echo(f"protocol: {cell.protocol.name}: {cell.protocol.describe()}")
    environment = record.environment
    versions = ", ".join(f"{package} {version}" for package, version in environment.versions.items())
    click.echo(
        f"environment: {environment.device} ({environment.device_name}), {environment.platform}, {versions}"
    )
    click.echo(f"git revision: {environment.git_revision or 'not a checkout'}")
