"""Export a model: trace it, write it, run the file, and keep it only if it scores as the model does."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.engine.models.model_file import load_model
from bench.errors import UserError, one_line
from bench.files import atomic_path, sha256_of_file
from bench.progress import Steps
from bench.publish.check import (
    PROBABILITIES,
    Difference,
    difference,
    eager,
    in_training_precision,
    require_equal,
    require_independence,
)
from bench.publish.description import Check, Description, describe, write_description
from bench.publish.formats import FORMATS
from bench.publish.graph import Scoring, cannot_be_exported, traced
from bench.publish.pictures import MADE, Pixels, batches, given_pictures, made_pictures
from bench.resolve import resolve
from bench.trained.operating_point import read_operating_point


class Exported(NamedTuple):
    """A file, and what it says of itself."""

    path: Path
    description: Description


def export(model: Path, form: str, out: Path | None, pictures: Sequence[Path], task: Steps) -> Exported:
    """Write a model in a format of `FORMATS`, with a description beside it; in float32, on the CPU.

    The file is run on pictures in batches of several sizes. Where its scores are not those of the model,
    nothing is left of it.

    Args:
        model: its file.
        form: the name of the format.
        out: where to; beside the model if None.
        pictures: files and folders to check it on; drawn ones and noise if there are none.
        task: told of each step.

    Raises:
        UserError: an unknown format or a missing package, a picture that cannot be read, or a model that has
            no graph which scores as it does.
    """
    chosen = resolve("format", form, FORMATS)
    chosen.require()
    path = out or model.with_suffix(chosen.suffix)
    if path.suffix != chosen.suffix:
        raise UserError(f"A file of the format {form} ends in {chosen.suffix}, which {path} does not.")
    task("reading the model")
    trained = load_model(model)
    card = trained.card
    description = describe(card, sha256_of_file(model), read_operating_point(model))
    fed = list(batches(given_pictures(pictures, card) if pictures else made_pictures(card)))
    scoring = Scoring(trained.model, description.temperature).eval()
    task("scoring pictures")
    require_independence(eager(scoring), fed, card)
    task("tracing the model")
    program = traced(scoring, card)
    with atomic_path(path) as temporary:
        task(f"writing {form} and running it")
        try:
            chosen.write(program, temporary, description.properties())
            found = difference(eager(scoring), chosen.load(temporary), fed)
        except (UserError, OSError):
            raise
        except Exception as error:  # each exporter and each runtime fails in its own way
            raise cannot_be_exported(card, f"{form} has no graph of it: {one_line(error)}") from error
        require_equal(found, card)
    halved = in_training_precision(scoring, card)
    halves = difference(eager(scoring), halved, fed) if halved else None
    check = _check(found, halves, fed, "given" if pictures else MADE, chosen.versions())
    description = description.model_copy(update={"check": check})
    write_description(path, description)
    return Exported(path, description)


def _check(
    found: Difference,
    halves: Difference | None,
    fed: Sequence[Pixels],
    pictures: str,
    versions: dict[str, str],
) -> Check:
    return Check(
        pictures=pictures,
        count=sum(map(len, fed)),
        batches=tuple(sorted({len(batch) for batch in fed})),
        largest_logit=found.largest,
        logits=found.logits,
        probabilities=found.probabilities,
        tolerance_of_logits=found.tolerance,
        tolerance_of_probabilities=PROBABILITIES,
        logits_in_training_precision=halves and halves.logits,
        probabilities_in_training_precision=halves and halves.probabilities,
        versions=versions,
    )
