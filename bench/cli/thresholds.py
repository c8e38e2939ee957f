"""`bench thresholds RUN`: thresholds and a temperature for a run, fitted on validation scores."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.options import RESULTS
from bench.errors import UserError
from bench.settings import MODEL, work_folder

if TYPE_CHECKING:
    from bench.records.record import Record, Thresholds
    from bench.records.store import RecordStore, Scores
    from bench.records.thresholds import DecideBy
    from bench.records.validation_scores import ValidationScores

ENDINGS = (".png", ".svg")


@click.command("thresholds")
@click.argument("run")
@click.option("--for", "target", default="CF1", show_default=True, help="CF1, OF1, or precision=0.9.")
@click.option(
    "--decide-by",
    type=click.Choice(["better", "class", "all"]),
    default="better",
    show_default=True,
    help="The threshold of each class, one for all, or what does better in cross-validation.",
)
@click.option("--from", "source", help="The run whose validation scores are fitted on.")
@click.option("--per-class", is_flag=True, help="Print the threshold of every class too.")
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw the reliability diagram: FILE.png or .svg."
)
@RESULTS
@click.option("--data", help="YAML file of the data set, where it is one of your own.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--workers", type=click.IntRange(0), help="Loading processes.  [default: by device]")
def command(
    run: str,
    target: str,
    decide_by: "DecideBy",
    source: str | None,
    per_class: bool,
    plot: Path | None,
    results: Path,
    data: str | None,
    data_root: Path | None,
    device: str,
    workers: int | None,
) -> None:
    """Fit a threshold for each class, one for all, and a temperature. RUN is as in `bench show`.

    They are fitted on validation scores, never on test: those of the run that --from names; else those of
    RUN, if it is a run on the validation split; else those of the same run with `--split validation`, if it
    is stored. Else, where the schedule of RUN left a validation split out to choose its epoch on, its model
    scores that one; this alone takes the data.

    What is fitted is kept beside the model, for `bench predict`, and beside the record, with what the test
    scores of the run give with it and without.
    """
    from bench.cli.threshold_report import show_class_thresholds, show_thresholds
    from bench.metrics.thresholds import parse_target
    from bench.records.store import RecordStore
    from bench.records.thresholds import fit, save_thresholds
    from bench.records.validation_scores import scores_of_named

    if plot is not None and plot.suffix not in ENDINGS:
        raise UserError(f"--plot {plot} is neither a .png nor an .svg file.")
    wanted = parse_target(target)
    store = RecordStore(results)
    record = store.find(run)
    if record.status == "failed":
        raise UserError(f"{record.run_id} did not finish, so it has no scores: {record.error}.")
    own = store.scores(record)
    if plot is not None and not own.labels.any():
        raise UserError(f"A server holds the test labels of {record.run_id}, so --plot has nothing to draw.")
    validation = scores_of_named(record, store, source) if source else _stored(record, store, results)
    if validation is None:
        validation = _scored(record, data, data_root, device, workers)
    thresholds = fit(record, own, validation, wanted, decide_by)
    click.echo(f"run: {record.run_id}")
    show_thresholds(record, thresholds)
    if per_class:
        show_class_thresholds(thresholds)
    click.echo(f"Written: {save_thresholds(store, record, thresholds)}")
    _keep_beside_the_model(record, thresholds)
    if plot is not None:
        _draw(record, own, thresholds, plot)


def _stored(record: "Record", store: "RecordStore", results: Path) -> "ValidationScores | None":
    from bench.records.store import RecordStore
    from bench.records.tunes import folder_of
    from bench.records.validation_scores import stored_scores

    # What a tune chose has run on the validation split as one of its trials.
    tuned = record.cell.tuned
    trials = [RecordStore(folder_of(results, tuned.name))] if tuned else []
    return stored_scores(record, [store, *trials])


def _scored(
    record: "Record", data: str | None, root: Path | None, device: str, workers: int | None
) -> "ValidationScores":
    from bench.trained.held_out import score_held_out

    with open_display(Console(stderr=True)) as display:
        return score_held_out(record, _model_of(record), display.task, data, root, device, workers)


def _model_of(record: "Record") -> Path:
    return work_folder() / "runs" / record.run_id / MODEL


def _keep_beside_the_model(record: "Record", thresholds: "Thresholds") -> None:
    model = _model_of(record)
    if not model.is_file():
        click.echo(f"note: the model is not at {model}, so `bench predict` cannot use them")
        return
    from bench.trained.operating_point import save_operating_point

    click.echo(f"Written: {save_operating_point(model, thresholds.point)}")


def _draw(record: "Record", own: "Scores", thresholds: "Thresholds", path: Path) -> None:
    from bench.figures.reliability import draw_reliability
    from bench.metrics.calibration import reliability
    from bench.records.groups import data_title, title_of

    point, labels, cell = thresholds.point, own.labels, record.cell
    probabilities = (one.probabilities(own.logits) for one in (point.uncalibrated(), point))
    before, after = (reliability(one, labels) for one in probabilities)
    where = f"{data_title([record])}, {len(labels)} {cell.split} images"
    said = draw_reliability(
        path,
        f"{title_of(record)}, seed {cell.seed}, {where}",
        point.classes,
        point.temperature,
        before,
        after,
    )
    if said:
        click.echo(said, err=True)
    click.echo(f"Written: {path}")
