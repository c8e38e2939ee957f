"""What a model card says against its model: limits, and what is not known."""

from bench.engine.readme.subject import NO_LICENCE, Described, Measured
from bench.metrics.uncertainty import FEWEST_POSITIVES
from bench.records.record import Record


def limits(model: Described) -> list[str]:
    """Each as a sentence of Markdown."""
    card, record = model.card, model.record
    found = [
        f"It knows {len(card.classes)} labels and no others; what is none of them gets scores all the same.",
        "Its probabilities are not calibrated, and 0.5 is not the best threshold of every label, unless a "
        "file of thresholds lies beside it.",
        "How it does on pictures of other places, times, cameras or people than those of its data was not "
        "measured, nor whether it does worse for some people than for others.",
    ]
    if model.licence == NO_LICENCE:
        found.append(
            "Nobody has stated a licence of these weights; the terms of the training images, and of the "
            "weights that training started from, may restrict their use."
        )
    return found if record is None else [*found, *_limits_of_run(record, model.measured)]


def _limits_of_run(record: Record, scores: Measured | None) -> list[str]:
    cell, data = record.cell, record.data
    found = [f"It is one model, of seed {cell.seed}. What other seeds give cannot be told from it."]
    if cell.split == "validation":
        found.append(
            "It was measured on a validation split, on which choices are made: nothing is known of it "
            "on test images."
        )
    elif cell.schedule.chooses_on is not None and not data.chosen_on_images:
        found.append(
            "Its epoch was chosen on the images that it was measured on, as the published code does: "
            "the scores are too good by what that gains."
        )
    if cell.limit_train or cell.limit_eval:
        found.append("Only a part of the data set was used: it compares with no published number.")
    if record.metrics is not None and record.metrics.classes_without_positives:
        found.append(
            f"{len(record.metrics.classes_without_positives)} labels have no positive {cell.split} image: "
            "how it does on them is not known."
        )
    few = 0 if scores is None else int(((scores.positives > 0) & (scores.positives < FEWEST_POSITIVES)).sum())
    if few:
        found.append(
            f"{few} labels have fewer than {FEWEST_POSITIVES} positive {cell.split} images: their average "
            "precision says little."
        )
    return found
