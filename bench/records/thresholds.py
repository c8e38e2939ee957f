"""Thresholds of a run: fitted on validation scores, measured on the run's own, kept beside its record."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import numpy as np

from bench.errors import UserError
from bench.files import write_text
from bench.metrics.average_precision import BoolArray, IntArray
from bench.metrics.calibration import Floats, fit_temperature, reliability
from bench.metrics.operating_point import OperatingPoint, threshold_at
from bench.metrics.precision_recall import precision_recall, precision_recall_of
from bench.metrics.protocol import Protocol
from bench.metrics.threshold_choice import own_thresholds_pay
from bench.metrics.thresholds import Target, fit_thresholds
from bench.records.record import AtThresholds, CalibrationError, Decided, Record, Thresholds
from bench.records.store import RecordStore, Scores
from bench.records.validation_scores import ValidationScores
from bench.validation import read_described

THRESHOLDS: Final = "thresholds.json"
DecideBy = Literal["better", "class", "all"]


def fit(
    record: Record,
    own: Scores,
    validation: ValidationScores,
    target: Target,
    decide_by: DecideBy = "better",
) -> Thresholds:
    """Fit thresholds and a temperature for a run, and measure the run's own scores with them.

    Args:
        record: of the run.
        own: its scores, on which nothing is fitted unless they are the validation scores.
        validation: what is fitted on.
        target: of the thresholds.
        decide_by: the threshold of each class, one for all, or what does better in cross-validation.

    Raises:
        UserError: no validation image has a positive label.
    """
    classes, protocol = record.data.classes, record.cell.protocol
    try:
        found = fit_thresholds(validation.logits, validation.labels, target, protocol)
        pays = own_thresholds_pay(validation.logits, validation.labels, target, protocol)
        best = fit_temperature(validation.logits, validation.labels)
    except ValueError as error:
        raise UserError(f"Nothing can be fitted on the {validation.source}: {error}.") from error
    temperature = 1.0 if best is None else best
    point = OperatingPoint(
        classes=classes,
        temperature=temperature,
        per_class=tuple(threshold_at(limit, temperature) for limit in found.per_class.tolist()),
        overall=threshold_at(found.overall, temperature),
        own={"class": True, "all": False, "better": pays}[decide_by],
        target=str(target),
        source=validation.source,
        images=len(validation.labels),
    )
    return Thresholds(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        point=point,
        calibrated=best is not None,
        without_positives=_named(classes, found.without_positives),
        unreached=_named(classes, found.unreached),
        measured=measure(point, own, protocol),
    )


def measure(point: OperatingPoint, scores: Scores, protocol: Protocol) -> AtThresholds | None:
    """What scores give with fitted thresholds, and without; None where a server has the labels."""
    labels, logits = scores.labels, scores.logits
    if not labels.any():
        return None
    decided = (
        precision_recall(logits, labels, protocol),
        precision_recall_of(point.deciding_by(own=False).predicted(logits), labels, protocol),
        precision_recall_of(point.deciding_by(own=True).predicted(logits), labels, protocol),
    )
    fixed, overall, per_class = (Decided(**one._asdict()) for one in decided)
    return AtThresholds(
        fixed=fixed,
        overall=overall,
        per_class=per_class,
        before=_error(point.uncalibrated().probabilities(logits), labels),
        after=_error(point.probabilities(logits), labels),
    )


def _error(probabilities: Floats, labels: IntArray) -> CalibrationError:
    bins = reliability(probabilities, labels)
    (overall,) = bins.together().error().tolist()
    per_class = tuple(None if np.isnan(one) else one for one in bins.error().tolist())
    return CalibrationError(overall=overall, per_class=per_class)


def _named(classes: tuple[str, ...], chosen: BoolArray) -> tuple[str, ...]:
    return tuple(name for name, one in zip(classes, chosen, strict=True) if one)


def thresholds_of(store: RecordStore, record: Record) -> Thresholds | None:
    """The thresholds that were fitted for a run, None where there are none.

    Raises:
        UserError: the file is damaged, or of other classes.
    """
    path = store.file(record, THRESHOLDS)
    if not path.is_file():
        return None
    found = read_described(path, Thresholds)
    if found.point.classes != record.data.classes:
        raise UserError(f"{path} is of other classes than the run: `bench thresholds` writes it anew.")
    return found


def save_thresholds(store: RecordStore, record: Record, thresholds: Thresholds) -> Path:
    """Keep thresholds beside the record of their run, in the place of older ones; returns the file."""
    path = store.file(record, THRESHOLDS)
    write_text(path, thresholds.model_dump_json(indent=1) + "\n")
    return path
