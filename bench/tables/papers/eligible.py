"""Which runs may stand in the table of a paper: those on the whole of its data set, under its protocol."""

from collections import Counter
from dataclasses import dataclass

from bench.datasets.catalog import DATASETS, same_images
from bench.datasets.info import Counts
from bench.errors import UserError
from bench.metrics.protocol import PROTOCOLS
from bench.records.record import Record
from bench.records.runs import Runs, left_out
from bench.tables.papers.literals import PaperTable


@dataclass(frozen=True)
class Fitting:
    """The runs that fit, measured under the protocol of the table, and a line on each that does not."""

    records: tuple[Record, ...]
    left_out: tuple[str, ...]


def fitting(table: PaperTable, runs: Runs) -> Fitting:
    """Choose among the runs of the table's methods on its data sets, or on other splits of these."""
    kept: dict[str, Record] = {}
    notes = []
    for record in runs.records:
        of_images = any(same_images(record.cell.data, name) for name in table.data())
        if record.cell.method.label() not in table.methods or not of_images:
            continue
        reasons = _misfits(record, table.data())
        if not reasons:
            try:
                measured = runs.measured(record, PROTOCOLS[table.protocol])
                kept.setdefault(measured.cell.key(), measured)
            except UserError as error:
                reasons = [str(error)]
        if reasons:
            notes.append(left_out(record, "; ".join(reasons)))
    records, others = _one_test_set(list(kept.values()))
    return Fitting(tuple(records), (*notes, *others))


def _misfits(record: Record, wanted: tuple[str, ...]) -> list[str]:
    """Why a run may not stand beside results on the whole data set."""
    name, data = record.cell.data, record.data
    if name not in wanted:
        return [f"{name} is another split than {' or '.join(wanted)}"]
    if record.cell.split == "validation":
        return ["it was measured on a validation split"]
    info = DATASETS[name]
    train, test = info.counts[info.train_split], info.counts[info.eval_split]
    reasons = [
        *_missing("training", train, data.train_images, data.train_labels, data.train_difficult),
        *_missing("test", test, data.eval_images, data.eval_labels, data.eval_difficult),
    ]
    if record.metrics and record.metrics.num_images != data.eval_images:
        reasons.append(f"its metrics are of {record.metrics.num_images} images, not of {data.eval_images}")
    if info.classes and data.classes != info.classes:
        reasons.append(f"its classes are not those of {name}, in that order")
    return reasons


def _missing(split: str, published: Counts, images: int, positives: int, difficult: int) -> list[str]:
    if images != published.images:
        return [f"{images} of {published.images} {split} images"]
    pairs = (
        (f"positive {split} labels", positives, published.positives),
        (f"difficult {split} labels", difficult, published.difficult),
    )
    return [f"{mine} of {full} {what}" for what, mine, full in pairs if full is not None and mine != full]


def _one_test_set(records: list[Record]) -> tuple[list[Record], list[str]]:
    """Keep, of each data set, the runs on the copy that most runs were made on."""
    counts = Counter((record.cell.data, _copy_of(record)) for record in records)
    chosen: dict[str, tuple[str, tuple[str, ...]]] = {}
    for (data, copy), _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        chosen.setdefault(data, copy)
    kept, notes = [], []
    for record in records:
        fingerprint, classes = chosen[record.cell.data]
        if record.cell.data_fingerprint != fingerprint:
            copies = f"{record.cell.data_fingerprint}, theirs {fingerprint}"
            notes.append(left_out(record, f"its images or labels are not the others' (hash {copies})"))
        elif record.data.classes != classes:
            notes.append(left_out(record, "the order of its classes differs from the others'"))
        else:
            kept.append(record)
    return kept, notes


def _copy_of(record: Record) -> tuple[str, tuple[str, ...]]:
    return record.cell.data_fingerprint, record.data.classes
