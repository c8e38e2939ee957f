"""Score, with the model of a run, the validation split that the run held out to choose its epoch on."""

from pathlib import Path

from bench.datasets.open import open_split
from bench.engine.device.environment import choose_device, choose_workers, scored_in
from bench.engine.models.model_file import load_model
from bench.engine.scoring.score_model import Conditions, score
from bench.errors import UserError
from bench.progress import Steps
from bench.records.record import Record
from bench.records.validation_scores import ValidationScores


def score_held_out(
    record: Record,
    model: Path,
    task: Steps,
    data: str | None = None,
    root: Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    batch_size: int = 16,
) -> ValidationScores:
    """Score the images that the epoch of a run was chosen on; the test split is not opened.

    Args:
        record: of the run.
        model: its file.
        task: gives, for what begins, the callback that it reports to.
        data: name or YAML file of the data set; that of the run if None.
        root: the folder that holds it.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        workers: loading processes.
        batch_size: images per batch.

    Raises:
        UserError: the run held no validation split out, its model is not here, or the data is another.
    """
    cell = record.cell
    if record.data.chosen_on_images is None:
        raise UserError(
            f"{record.run_id} was trained on its validation split too, and no run here of the same, at seed "
            f"{cell.seed}, leaves it out: train one, with `bench run --split validation` and otherwise as it "
            "was, or name one with --from."
        )
    if not model.is_file():
        raise UserError(
            f"{record.run_id} left a validation split out, but its model, which has to score it, is not at "
            f"{model}: name with --from a run of the same with `--split validation`."
        )
    trained = load_model(model)
    card, where = trained.card, choose_device(device, "fp32")
    name = data or cell.data
    # Files that could not be read then are left out now; others make another split, which is noticed.
    skip = bool(record.data.skipped)
    split = open_split(name, "eval", root, cell.limit_eval, skip, task(f"reading {name}"), on="validation")
    if split.index.fingerprint() != cell.data_fingerprint.rpartition("-")[2]:
        raise UserError(
            f"The validation split of {split.info.name} here, with {len(split.index)} images, is not the one "
            f"with {record.data.chosen_on_images} that {record.run_id} was chosen on: give the --data-root "
            "that it was trained from."
        )
    conditions = Conditions(
        side=card.test_size,
        resize=card.test_resize,
        precision=scored_in(card.precision, where),
        batch_size=batch_size,
        workers=choose_workers(workers, where),
        device=where,
    )
    logits = score(trained, split, conditions, task("scoring, batch"))
    source = f"validation split that the epoch of {record.run_id} was chosen on"
    return ValidationScores(logits, split.index.labels, source)
