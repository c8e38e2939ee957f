"""`bench show RUN`: one stored run."""

from pathlib import Path

import click

from bench.cli.listing import AS_JSON, print_json, print_rows
from bench.cli.options import RESULTS
from bench.cli.threshold_report import show_class_thresholds, show_thresholds
from bench.metrics.evaluate import METRICS
from bench.records.numerics import parts_of
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.records.thresholds import thresholds_of


@click.command("show")
@click.argument("run")
@RESULTS
@AS_JSON
def command(run: str, results: Path, as_json: bool) -> None:
    """Show one stored run. RUN is its name, or the beginning or the end of it."""
    store = RecordStore(results)
    record = store.find(run)
    thresholds = thresholds_of(store, record)
    if as_json:
        fitted = {"thresholds": thresholds.model_dump(mode="json")} if thresholds else {}
        print_json(record.model_dump(mode="json") | fitted)
        return
    click.echo(f"{record.run_id}: {record.status}, {record.created}")
    if record.error:
        click.echo(f"error: {record.error}")
    _show_conditions(record)
    _show_metrics(record)
    if thresholds:
        show_thresholds(record, thresholds)
        show_class_thresholds(thresholds)
    print_rows(
        [
            {
                "Epoch": epoch.epoch + 1,
                "Loss": f"{epoch.loss:.4f}",
                "mAP": f"{100 * epoch.metrics.mAP:.2f}" if epoch.metrics else None,
                "Feed": epoch.feed,
            }
            for epoch in record.history
        ],
        "History",
    )
    if record.cost:
        print_rows(
            [
                {"Cost": name.replace("_", " "), "Value": f"{value:,.4g}"}
                for name, value in record.cost
                if value is not None
            ]
        )


def _show_metrics(record: Record) -> None:
    if record.metrics is None:
        return
    values = {name: f"{100 * record.metrics.value(name):.2f}" for name in METRICS}
    names = [name for name in values if not name.endswith("_top3")]
    rows = [{"Metric (%)": n, "All": values[n], "Top 3": values.get(f"{n}_top3")} for n in names]
    print_rows(rows, "Metrics")
    if record.averaged:
        click.echo(f"mAP of the exponential average of the weights: {100 * record.averaged.mAP:.2f}")
    for told in record.known:
        measured = f"{100 * told.metrics.mAP:.2f}" if told.metrics else "–"
        click.echo(f"mAP with {told.percent} % of the labels known, of the others: {measured}")
    if not record.metrics.per_class_ap:
        click.echo("The AP of each class is not kept of a tune's trials; their scores are.")
        return
    print_rows(
        [
            {"Class": name, "AP (%)": None if value is None else f"{100 * value:.2f}"}
            for name, value in zip(record.data.classes, record.metrics.per_class_ap, strict=True)
        ],
        "Classes; without a positive there is no AP",
    )


def _show_conditions(record: Record) -> None:
    cell, data, environment = record.cell, record.data, record.environment
    chosen = ", ".join(f"{name} {value}" for name, value in cell.chosen().items())
    schedule = ", ".join(f"{name} {value}" for name, value in cell.schedule if name != "about")
    facts = {
        "method": f"{cell.method.label()}, seed {cell.seed}",
        "label vectors": cell.vectors,
        "data": ", ".join([cell.data, *([data.title] if data.title else [])])
        + f", {data.train_images} training and {data.eval_images} {cell.split} images, "
        f"{len(data.skipped)} files skipped",
        "started from": cell.init_from.describe() if cell.init_from else None,
        "schedule": f"{cell.schedule_name}: {schedule}",
        "tune": cell.tuned and f"{cell.tuned.name}, {cell.tuned.trials} trials each; chosen: {chosen}",
        "protocol": f"{cell.protocol.name}: {cell.protocol.describe()}",
        "device": f"{environment.device} ({environment.device_name}), {environment.platform}",
        "versions": ", ".join(f"{package} {version}" for package, version in environment.versions.items()),
        "trained partly under other conditions": parts_of(record) or None,
        "git revision": environment.git_revision or "not a checkout",
    }
    print_rows([{"Fact": name, "Value": value} for name, value in facts.items() if value], "Conditions")
