"""`bench verify RUN`: whether a record holds what it says."""

from pathlib import Path

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.options import RESULTS
from bench.errors import UserError
from bench.experiment.matrix import load_matrix
from bench.records.agreement import disagreement
from bench.records.store import RecordStore

NOT_VERIFIED = 1


@click.command("verify")
@click.argument("run")
@RESULTS
@click.option("--train", is_flag=True, help="Train it again, and keep how far apart the two are.")
@click.option("--data", help="YAML file of the data set, where it is one of your own.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
@click.option("--vectors", help="Label vectors, where they are not those of the label sets.")
@click.option("--weights", help="Initial weights of the backbone, where they are a file.")
@click.option("--init-from", type=click.Path(path_type=Path), help="The model that it started from.")
@click.option("--device", help="auto, cpu, cuda or cuda:N.  [default: auto]")
@click.option("--workers", type=int, help="Loading processes.  [default: by device]")
def command(run: str, results: Path, train: bool, data: str | None, **options: object) -> None:
    """Compute a record's metrics from its scores and, if asked to, train it again. RUN is as in `bench show`.

    With --train, what came out is kept beside the record: whether the scores have the same bits, or how far
    apart they are. Tables then say by how much rows move that were computed otherwise.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if not train and (unused := [*(["data"] if data else []), *given]):
        raise UserError(
            f"--{unused[0].replace('_', '-')} is for training the run again: give --train, or leave it out."
        )
    store = RecordStore(results)
    record = store.find(run)
    wrong = disagreement(store, record) or (record.error if record.status == "failed" else "")
    if wrong:
        click.echo(f"{record.run_id}: NOT VERIFIED: {wrong}")
        raise SystemExit(NOT_VERIFIED)
    store.scores(record)
    click.echo(f"{record.run_id}: its metrics are those of its scores")
    if not train:
        return
    from bench.engine.running.verify import cell_of, verify

    # Files that could not be read then are left out now; others make other data, which is noticed.
    skipped = bool(record.data.skipped)
    matrix = load_matrix(None, {"data": data or record.cell.data, "skip_bad": skipped, **given})
    with open_display(Console(stderr=False)) as display:
        cell = cell_of(record, matrix, display.task)
        found = verify(record, cell, store, matrix, display)
    bits = "the same bits" if found.same_bits else f"scores up to {found.largest_difference:.2g} apart"
    click.echo(
        f"{record.run_id}: trained again: {bits}; mAP {100 * found.map_before:.2f} before, "
        f"{100 * found.map_again:.2f} again"
    )
