"""Whether a record's metrics are those that its scores give: what a table prints was not written by hand."""

from contextlib import suppress
from hashlib import sha256

from bench.errors import UserError
from bench.files import canonical_json
from bench.metrics.evaluate import METRICS, Metrics, evaluate
from bench.records.known import known_of
from bench.records.record import Record
from bench.records.store import RecordStore, Scores
from bench.settings import work_folder

# Raised when the metrics are computed otherwise, so that older agreements are not believed.
_VERSION = 2
TOLERANCE = 1e-6
"""Between two machines that add in another order; a printed digit is 1e-3."""


def disagreement(store: RecordStore, record: Record) -> str:
    """What the scores of a record with metrics do not agree with, in words, or nothing.

    Scores that cannot be read agree with nothing, because nobody can tell what they give. An agreement is
    remembered in the work folder, for as long as the file of the scores is the same.
    """
    if record.metrics is None:
        return ""
    measured = [one for one in (record.metrics, record.averaged, *record.known) if one is not None]
    stored = [one.model_dump(mode="json") for one in (record.cell.protocol, record.data, *measured)]
    key = sha256(canonical_json([_VERSION, record.scores_sha256, *stored]).encode()).hexdigest()[:24]
    agreed = work_folder() / "cache" / "agreed" / key
    try:
        store.scores_file(record)
        said = "" if agreed.exists() else _difference(record, store.scores(record))
    except UserError as error:
        return str(error)
    except ValueError as error:
        return f"its scores cannot be measured: {error}"
    if not said:
        with suppress(OSError):  # where it cannot be remembered it is computed again
            agreed.parent.mkdir(parents=True, exist_ok=True)
            agreed.touch()
    return said


def _difference(record: Record, scores: Scores) -> str:
    """What of a record its scores do not give, in words, or nothing."""
    assert record.metrics is not None
    classes = record.data.classes
    found = evaluate(scores.logits, scores.labels, record.cell.protocol)
    said = _other_sizes(record, scores) or _first_difference(record.metrics, found, classes)
    if not said and record.averaged is not None and scores.averaged is not None:
        found = evaluate(scores.averaged, scores.labels, record.cell.protocol)
        said = _first_difference(record.averaged, found, classes, " of the averaged weights")
    return said or _known_difference(record, scores)


def _other_sizes(record: Record, scores: Scores) -> str:
    """Which count of what was measured on is not that of the scores, in words, or nothing."""
    data, labels = record.data, scores.labels
    counts = (
        ("images", data.eval_images, len(scores.ids)),
        ("positive labels", data.eval_labels, int((labels == 1).sum())),
        ("difficult labels", data.eval_difficult, int((labels == 0).sum())),
    )
    return next(
        (
            f"it says {mine} {what}, and its scores are of {theirs}"
            for what, mine, theirs in counts
            if mine != theirs
        ),
        "",
    )


def _known_difference(record: Record, scores: Scores) -> str:
    """The same of what was measured where labels were known."""
    for stored, found in zip(record.known, known_of(record, scores, record.cell.protocol), strict=True):
        where = f" with {stored.percent} % of the labels known"
        if stored.metrics is None or found.metrics is None:
            if stored.metrics is not found.metrics:
                return f"of its metrics{where} there are none, or its scores give none"
        elif said := _first_difference(stored.metrics, found.metrics, record.data.classes, where):
            return said
    return ""


def _first_difference(stored: Metrics, found: Metrics, classes: tuple[str, ...], of: str = "") -> str:
    values: list[tuple[str, float | None, float | None]] = [
        (name, stored.value(name), found.value(name)) for name in METRICS
    ]
    if stored.per_class_ap:  # which the trials of a tune do not keep
        pairs = zip(classes, stored.per_class_ap, found.per_class_ap, strict=True)
        values += [(f"AP of {name}", mine, theirs) for name, mine, theirs in pairs]
    for name, mine, theirs in values:
        if (mine is None) != (theirs is None) or abs((mine or 0) - (theirs or 0)) > TOLERANCE:
            return f"its {name}{of} is {_percent(mine)}, and its scores give {_percent(theirs)}"
    for name, counted in (
        ("images", "num_images"),
        ("classes without positives", "classes_without_positives"),
    ):
        if getattr(stored, counted) != getattr(found, counted):
            return f"the {name} that its metrics{of} are said to be of are not those of its scores"
    return ""


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.2f}"
