"""`bench submission RUN`: the files for an evaluation server."""

from pathlib import Path

import click

from bench.cli.options import RESULTS
from bench.records.store import RecordStore
from bench.records.submission import competition_of, started_from, write_submission


@click.command("submission")
@click.argument("run")
@RESULTS
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("submission"),
    show_default=True,
    help="Where the folder `results` and the archive go.",
)
@click.option(
    "--competition",
    type=click.Choice(["comp1", "comp2"]),
    help="comp1 where nothing but VOC was trained on, comp2 otherwise.  [default: by its start]",
)
def command(run: str, results: Path, out: Path, competition: str | None) -> None:
    """Write the scores of a run on voc2012-server as the PASCAL VOC evaluation server takes them.

    RUN is its name, or the beginning or the end of it. The files are checked against the server's format.
    """
    store = RecordStore(results)
    record = store.find(run)
    chosen = competition or competition_of(record)
    archive = write_submission(record, store.scores(record), out, "comp1" if chosen == "comp1" else "comp2")
    click.echo(
        f"{archive}: {len(record.data.classes)} files of {record.data.eval_images} images for {chosen}; "
        f"the run started from {started_from(record)}."
    )
