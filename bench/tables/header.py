"""The lines above a table: what every row of it has in common."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.datasets.catalog import share
from bench.experiment.cell import CellSpec
from bench.experiment.schedule import Schedule
from bench.metrics.bootstrap import NAMES
from bench.metrics.uncertainty import FEWEST_POSITIVES, LEAST_SEEDS, LEVEL
from bench.records.evidence import Evidence
from bench.records.groups import Group
from bench.records.intervals import RESAMPLES, one_seed
from bench.records.numerics import computed_statements
from bench.records.record import Record
from bench.records.store import RecordStore

EXPECTED = "it estimates the expected mAP on test sets of this size"


def header(group: Group, store: RecordStore) -> tuple[str, ...]:
    """What every row of a group has in common: data, schedule, protocol; and how its rows were computed.

    Args:
        group: the runs.
        store: holds what came out when some were trained again.
    """
    record = group.first
    cell, data, schedule = record.cell, record.data, record.cell.schedule
    size = f"{schedule.image_size} px" + (
        f", tested at {schedule.test_size} px" if schedule.eval_image_size else ""
    )
    limited = " (limited)" if cell.limit_train or cell.limit_eval else ""
    return (
        *(("VALIDATION: nothing here was measured on test images",) if cell.split == "validation" else ()),
        f"data: {cell.data}, {share(cell.data, 'train', data.train_images, cell.split)} training and "
        f"{share(cell.data, 'eval', data.eval_images, cell.split)} {cell.split} images{limited}, "
        f"{data.eval_labels} positive and {data.eval_difficult} difficult {cell.split} labels"
        + (f", {len(data.skipped)} files skipped" if data.skipped else ""),
        f"schedule: {cell.schedule_title()} — {_backbone(group)} at {size}, "
        f"{_shared(cell, 'epochs')} epochs, batch {_batch(cell)}, {_shared(cell, 'optimizer')}, "
        f"{_shared(cell, 'precision')}, {schedule.select} epoch reported{_chosen(record)}"
        f"{_averaged(schedule)}; label vectors: {cell.vectors}"
        + _heads(schedule)
        + (f"; tuned: {', '.join(cell.tuned.fields)}, and options of the methods" if cell.tuned else ""),
        f"protocol: {cell.protocol.name} — {cell.protocol.describe()}",
        *filter(None, [_anew(group)]),
        feed_statement(group),
        *computed_statements(group, store),
    )


def _anew(group: Group) -> str:
    anew = sum(record.is_measured_anew() for record in group.records)
    which = "all runs were" if anew == len(group.records) else f"{anew} of {len(group.records)} runs were"
    return f"{which} recorded by other rules, and are measured anew from their scores" if anew else ""


def _backbone(group: Group) -> str:
    if group.varies == "backbone":
        return "the backbone of each row"
    return f"{group.first.cell.schedule.backbone} from {_start(group.first.cell)}"


def _shared(cell: CellSpec, field: str) -> str:
    """A field of the schedule, or that it is tuned and so each method's own."""
    tuned = cell.tuned is not None and field in cell.tuned.fields
    return "tuned" if tuned else str(getattr(cell.schedule, field))


def _batch(cell: CellSpec) -> str:
    size = _shared(cell, "batch_size")
    return size if size == "tuned" else str(int(size) * cell.schedule.accumulate)


def _chosen(record: Record) -> str:
    """On what the epoch was chosen, or the training steered, where it was."""
    on = record.cell.schedule.chooses_on
    if on is None:
        return ""
    images = record.data.chosen_on_images
    how = "chosen on" if record.cell.schedule.select == "best" else "training steered by"
    return f", {how} {images} validation images" if images else f", {how} the {record.cell.split} images"


def _averaged(schedule: Schedule) -> str:
    """Whether an exponential average of the weights is what is reported, or stands in a column of its own."""
    if schedule.ema_decay:
        either = ", or plain where better" if schedule.ema_or_weights else ""
        return f", weights averaged (EMA, decay {schedule.ema_decay}){either}"
    return f", EMA: decay {schedule.ema_beside}, measured beside" if schedule.ema_beside else ""


def _heads(schedule: Schedule) -> str:
    """What a schedule changes about the heads, and what they are fed with, where it does."""
    parts = {
        "features computed once": schedule.trained_backbone == "none",
        f"{schedule.feature_channels} principal components of them": schedule.feature_channels is not None,
        f"heads {schedule.head_width} wide instead of 1024": schedule.head_width is not None,
        "log-odds of the classes in training added to the logits": schedule.start_at_prior,
    }
    return "".join(f"; {text}" for text, holds in parts.items() if holds)


def _start(cell: CellSpec) -> str:
    return cell.init_from.describe() if cell.init_from else f"{cell.schedule.weights} weights"


def feed_statement(group: Group) -> str:
    """Whether the hashes show that methods were fed alike and started alike, at the seeds that all have.

    A hash of a feed covers images, labels and their order, in training and in evaluation; that of the start
    covers the backbone.
    """
    trained = [record for record in group.records if record.history]
    if not trained:
        return "nothing was trained"
    if group.varies == "backbone":
        return "the backbone is what varies, and with it where training starts"
    rows: dict[str, set[int]] = {}
    for record in trained:
        rows.setdefault(group.row_of(record), set()).add(record.cell.seed)
    seeds = sorted(set().union(*rows.values()))
    different = [seed for seed in seeds if not _alike([one for one in trained if one.cell.seed == seed])]
    if different:
        return f"WARNING: at seed {different[0]} the {group.noun} were not fed alike or did not start alike"
    shared = sorted(set.intersection(*rows.values()))
    if not shared:
        return f"no seed is shared by all {group.noun}, so nothing shows that they were fed alike"
    named = f"seed{'s' * (len(shared) > 1)} {', '.join(map(str, shared))}"
    which = "at each seed" if shared == seeds else f"at {named}, which all have,"
    lengths = {len(record.history) for record in trained}
    until = " until the first of them ended" if len(lengths) > 1 else ""
    return (
        f"{which} all {group.noun} saw the same pixels in the same order{until} and started from the same "
        "backbone (hashes equal)"
    )


def _alike(records: Sequence[Record]) -> bool:
    """Whether runs at one seed were fed alike and started alike, as far as their hashes tell."""
    evaluated = {record.eval_feed for record in records} - {None}  # older records do not say
    return trained_alike(records) and len(evaluated) <= 1


def trained_alike(records: Sequence[Record]) -> bool:
    """Whether runs were fed alike in training, as long as all were trained, and started alike."""
    shortest = min((len(record.history) for record in records), default=0)
    fed = {tuple(epoch.feed for epoch in record.history[:shortest]) for record in records}
    started = {record.backbone_digest for record in records}
    vectors = {record.vectors_digest for record in records} - {None}
    return max(len(fed), len(started), len(vectors)) <= 1


def device_statement(records: tuple[Record, ...]) -> str:
    """The devices that speeds and memory were measured on, and which speed is none."""
    devices = sorted({record.environment.device_name for record in records if record.cost})
    cold = any(record.cost and record.training_rate() is None for record in records)
    said = "; a run of fewer than two epochs has no training speed: the first warms up" if cold else ""
    return f"device: {'; '.join(devices) or 'none'}{said}"


def evidence_statements(group: Group, evidence: Evidence) -> tuple[str, ...]:
    """Over what the metrics are means, what their intervals cover, and what is bold."""
    names = f"{', '.join(NAMES[:-1])} and {NAMES[-1]}"
    count = len(evidence.tested)
    bold = (
        f"bold: {names} that cannot be told from the best of the {group.noun} with at least {LEAST_SEEDS} "
        f"seeds ({NAMES[0]} is the primary metric; p of all {count * (count - 1) // 2} pairs in the "
        f"{len(NAMES)} metrics, adjusted together, Holm; the label frequency has no seed)"
    )
    nothing = f"nothing is bold: there are no two {group.noun} with at least {LEAST_SEEDS} seeds"
    return (
        class_statement(group.first, evidence.positives),
        *interval_statements(group),
        bold if count > 1 else nothing,
    )


def class_statements(group: Group, evidence: Evidence) -> tuple[str, ...]:
    """Over what the mean of a table of classes is, and why no class is bold."""
    return (
        class_statement(group.first, evidence.positives),
        "nothing is bold: `bench compare` tests the classes of two methods",
    )


def interval_statements(group: Group) -> tuple[str, ...]:
    """What the intervals of a table cover, and of which methods they cover less."""
    titles = group.titles()
    single = [titles[label] for label, records in group.by_row().items() if one_seed(records)]
    alone = (f"one seed: images only: {', '.join(single)}",) if single else ()
    return interval_statement(RESAMPLES), *alone


def interval_statement(resamples: int) -> str:
    """What an interval covers."""
    return (
        f"[low, high]: {LEVEL:.0%} interval over seeds and test images together (crossed random effects, "
        f"{resamples} bootstrap resamples)"
    )


def class_statement(record: Record, positives: NDArray[np.int64] | None) -> str:
    """Over how many classes a mean goes, and how few positive test labels they have where that is known."""
    ap = record.metrics.per_class_ap if record.metrics else ()
    if positives is None and not ap:
        return f"mAP: {EXPECTED}"
    if positives is None:
        return f"mAP: mean over {sum(value is not None for value in ap)} of {len(ap)} classes; {EXPECTED}"
    counts = positives[positives > 0]
    few = {
        "one positive": int((counts == 1).sum()),
        f"fewer than {FEWEST_POSITIVES}": int((counts < FEWEST_POSITIVES).sum()),
    }
    rare = [f"{count} with {what}" for what, count in few.items() if count]
    parts = rare or [f"each with {counts.min()} positives or more"]
    return f"mAP: mean over {len(counts)} of {len(positives)} classes, {', '.join(parts)}; {EXPECTED}"
