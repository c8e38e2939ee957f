"""The model card of a trained model, a section for each thing that a reader asks for.

It is made of the header of the model's file, its run's record and its scores alone, so that it is the same
whenever it is written. What those do not tell is said to be unknown.
"""

from collections.abc import Sequence
from typing import Final

from bench.engine.models.model_file import ModelCard
from bench.engine.readme.facts import data_section, training_section
from bench.engine.readme.limits import limits
from bench.engine.readme.markup import bullets, code, grid, plain
from bench.engine.readme.metadata import LIBRARY, metadata
from bench.engine.readme.subject import Described, Measured, known_data, method_title
from bench.experiment.methods import find_method
from bench.metrics.bootstrap import NAMES
from bench.metrics.uncertainty import LEVEL
from bench.records.groups import data_title, title_of
from bench.records.record import Record

INTENDED_USE: Final = (
    "Research: comparing methods of multi-label recognition under identical conditions, looking at what they "
    "learn, and as a start for training on other labels. It was tested on the images named above and on no "
    "others; before it decides anything that matters, measure it on pictures of the place where it is to be "
    "used."
)


def readme(model: Described) -> str:
    """The model card: metadata, then a section for each thing that a reader asks for."""
    record = model.record
    parts = [
        f"# {plain(_title(model))}",
        _opening(model.card, record),
        *_section("Scores", _scores(model)),
        *_section("How to use it", _use(model)),
        *_section("What it was trained on", data_section(model.card, record)),
        *_section("How it was trained", training_section(model.card, record)),
        *_section("Intended use", INTENDED_USE),
        *_section("Limits, and what is not known", bullets(limits(model))),
        *_section(
            "Files", grid(("File", "What it is"), [(code(k), plain(v)) for k, v in model.files.items()])
        ),
        *_section("Citation", bullets(_citations(model.card, record))),
    ]
    return metadata(model) + "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _section(heading: str, text: str) -> tuple[str, ...]:
    return (f"## {heading}", text) if text else ()


def _title(model: Described) -> str:
    if model.record is None:
        return f"{method_title(model.card.method)} with {model.card.backbone}"
    cell = model.record.cell
    return f"{title_of(model.record)} on {data_title([model.record])}, seed {cell.seed}"


def _opening(card: ModelCard, record: Record | None) -> str:
    made = f"run {code(record.run_id)}, {plain(record.created[:10])}" if record else plain(card.source)
    known = find_method(card.method.name)
    what = f": {plain(known.summary)}" if known else ""
    return (
        f"Says of a picture, for each of {len(card.classes)} labels on its own, how likely it is that the "
        f"label applies. Method: {plain(method_title(card.method))}{what}. Backbone: {code(card.backbone)}. "
        f"From {made}."
    )


def _scores(model: Described) -> str:
    record = model.record
    if record is None:
        return (
            "None were measured where this card was written: "
            f"{code('bench evaluate --checkpoint FILE --data DATA')} measures them."
        )
    cell, data, metrics = record.cell, record.data, record.metrics
    where = f"{data.eval_images} {cell.split} images of {plain(data_title([record]))}"
    if metrics is None or model.measured is None:
        return f"The labels of the {where} are held by a server, so nothing was measured here."
    rows = [
        (name, f"{100 * one.value:.2f}", f"{100 * one.low:.2f} to {100 * one.high:.2f}")
        for name, one in zip(NAMES, model.measured.intervals, strict=True)
    ]
    text = [
        f"On {where}, in percent. Protocol {code(cell.protocol.name)}: {plain(cell.protocol.describe())}.",
        grid(("Metric", "Value", f"{LEVEL:.0%} interval"), rows),
        f"The interval is over {cell.split} images, for this one model: it does not say how far models of "
        "other seeds differ.",
    ]
    if metrics.per_class_ap:
        text += [
            "<details><summary>Average precision of each label</summary>",
            _classes(data.classes, metrics.per_class_ap, model.measured),
            "</details>",
        ]
    return "\n\n".join(text)


def _classes(names: Sequence[str], ap: Sequence[float | None], measured: Measured) -> str:
    values = zip(names, ap, measured.positives, strict=True)
    rows = [
        (plain(name), "–" if one is None else f"{100 * one:.2f}", str(int(count)))
        for name, one, count in values
    ]
    return grid(("Label", "AP", "Positive images"), rows)


def _use(model: Described) -> str:
    card = model.card
    cut = f" and cut out the centre of {card.test_size}" if card.test_resize != card.test_size else ""
    mean, std = (", ".join(f"{one:.4g}" for one in values) for values in (card.mean, card.std))
    return "\n\n".join(
        [
            f"With {LIBRARY} installed:",
            "```python\nimport bench\n\n"
            f'model = bench.load_model("{model.name}")\n'
            'model.probabilities("photo.jpg")  # one row; its columns are model.classes\n```',
            f"```bash\nbench predict {model.name} photo.jpg\n```",
            f"Without it: turn the picture upright, convert it to RGB, resize it to {card.test_resize} × "
            f"{card.test_resize} pixels (bilinear, proportions not kept){cut}; with values from 0 to 1, "
            f"subtract the mean ({mean}) and divide by the deviation ({std}). The scores are logits: the "
            "sigmoid of each is the probability of its label.",
            f"Labels, in the order of the scores: {', '.join(map(plain, card.classes))}.",
        ]
    )


def _citations(card: ModelCard, record: Record | None) -> list[str]:
    info = known_data(record)
    return [plain(card.citation), *([plain(info.citation)] if info else [])]
