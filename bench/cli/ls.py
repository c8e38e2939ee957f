"""`bench ls`: the stored runs."""

from dataclasses import asdict
from pathlib import Path

import click

from bench.cli.listing import AS_JSON, print_json, print_rows
from bench.cli.options import RESULTS
from bench.records.listing import STATUSES, RunRow, run_rows
from bench.records.store import RecordStore
from bench.resolve import names_in


@click.command("ls")
@click.option("--data", default="", help="Runs on these data sets alone, separated by commas.")
@click.option("--method", default="", help="Runs of these methods alone; without options, all variants.")
@click.option("--status", default="", help=f"Some of {', '.join(STATUSES)}.")
@RESULTS
@AS_JSON
def command(data: str, method: str, status: str, results: Path, as_json: bool) -> None:
    """List the stored runs by data set, schedule, method and seed."""
    rows = run_rows(RecordStore(results), names_in(data), names_in(method), names_in(status))
    if as_json:
        print_json([asdict(row) for row in rows])
    elif rows:
        print_rows([_shown(row) for row in rows])
    elif data or method or status:
        click.echo(f"No such runs under {results}.")
    else:
        click.echo(f"No runs under {results}; `bench run --methods all --data scenes` makes some.")


def _shown(row: RunRow) -> dict[str, object]:
    return {
        "Data": f"{row.data}, validation" if row.split == "validation" else row.data,
        "Schedule": row.schedule,
        "Method": row.method,
        "Seed": row.seed,
        "mAP": f"{row.metrics['mAP']:.2f}" if row.metrics else None,
        "Status": f"{row.status}: {row.detail}" if row.detail else row.status,
        "Ended (UTC)": row.created.partition("+")[0].replace("T", " "),
        "Run": row.run,
    }
