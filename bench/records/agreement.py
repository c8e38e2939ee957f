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
_VERSION = 1
TOLERANCE = 1e-6
"""Between two machines that add in another order; a printed digit is 1e-3."""


def disagreement(store: RecordStore, record: Record) -> str:
    """What the scores of a record with metrics do not agree with, in words, or nothing.

    Scores that cannot be read disagree with nothing: they are reported where they are needed. An agreement is
    remembered in the work folder.
    """
    if record.metrics is None:
        return ""
    measured = [one for one in (record.metrics, record.averaged, *record.known) if one is not None]
    stored = [one.model_dump(mode="json") for one in (record.cell.protocol, *measured)]
    key = sha256(canonical_json([_VERSION, record.scores_sha256, *stored]).encode()).hexdigest()[:24]
    agreed = work_folder() / "cache" / "agreed" / key
    if agreed.exists():
        return ""
    try:
        scores = store.scores(record)
    except UserError:
        return ""
    found = evaluate(scores.logits, scores.labels, record.cell.protocol)
    said = _first_difference(record.metrics, found, record.data.classes)
    if not said and record.averaged is not None and scores.averaged is not None:
        found = evaluate(scores.averaged, scores.labels, record.cell.protocol)
        said = _first_difference(record.averaged, found, record.data.classes, " of the averaged weights")
    if not said and record.known:
        said = _known_difference(record, scores)
    if not said:
        with suppress(OSError):  # where it cannot be remembered it is computed again
            agreed.parent.mkdir(parents=True, exist_ok=True)
            agreed.touch()
    return said


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
    return ""


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.2f}"
