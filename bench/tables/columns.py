"""The columns of the tables: how each is read from a record, and averaged over the seeds of a method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from bench.metrics.bootstrap import NAMES as INTERVALS
from bench.metrics.evaluate import METRICS
from bench.records.evidence import Evidence
from bench.records.groups import Group
from bench.records.published import AP
from bench.records.record import Record
from bench.tables.grid import Numbers


@dataclass(frozen=True, kw_only=True)
class Column(Numbers):
    """A column of numbers that are read from records.

    Attributes:
        value: how a number is read.
        metric: the name of the metric in percent that it is; empty where it is none.
    """

    value: Callable[[Record], float | None]
    metric: str = ""


WORDS: Final = {"Method": "method", "Seeds": "seeds"}
"""The columns of words of a table, each with its key in the frame."""


def frame(group: Group, columns: Sequence[Column], evidence: Evidence | None = None) -> pd.DataFrame:
    """Mean and standard deviation over seeds of every column, one row per method.

    Args:
        group: the runs.
        columns: what is read from them.
        evidence: the intervals and marks of the columns of `INTERVALS`; without, there are none.

    Returns:
        A frame with the columns `method`, `seeds` (how many), and for every column its key (mean) and that of
        its `std` (sample standard deviation; NaN for one seed); with evidence also of its `low` and `high`,
        and of its `best` (whether it cannot be told from the best of the methods with enough seeds).
        What a record does not have is NaN, and a mean over seeds of which one lacks the value is NaN too.
    """
    rows = []
    titles = group.titles()
    known = [column for column in columns if column.metric in INTERVALS]
    for label, records in group.by_row().items():
        row = {"method": titles[label], "seeds": len(records), **averages(records, columns)}
        if evidence:
            for column in known:
                _, low, high = evidence.interval(label, column.metric)
                best = label in evidence.leading(column.metric, tuple(titles))
                row |= {column.part("low"): 100 * low, column.part("high"): 100 * high}
                row[column.part("best")] = best
        rows.append(row)
    return pd.DataFrame(rows)


def averages(records: Sequence[Record], columns: Sequence[Column]) -> dict[str, float]:
    """Mean and deviation of every column, by their keys, over records that differ in their seed alone."""
    row: dict[str, float] = {}
    for column in columns:
        values = np.array([np.nan if (v := column.value(r)) is None else v for r in records], dtype=float)
        row[column.key] = float(values.mean())
        row[column.part("std")] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return row


def metric_columns(group: Group) -> list[Column]:
    """The papers' columns, and last the mAP of averaged weights where it was measured beside; in percent."""
    averaged = any(record.averaged for record in group.records)
    return [*METRIC_COLUMNS, AVERAGED] if averaged else list(METRIC_COLUMNS)


def percent_of(name: str) -> Callable[[Record], float | None]:
    """How the metric `name` is read from a record, in percent."""
    return lambda record: 100 * record.metrics.value(name) if record.metrics else None


METRIC_COLUMNS: Final = tuple(
    Column(info.title, info.higher_is_better, tested=True, value=percent_of(name), metric=name)
    for name, info in METRICS.items()
)
"""The papers' columns: mAP, then CP CR CF1 OP OR OF1 over all labels and for the top 3; in percent."""

AVERAGED: Final = Column(
    "mAP, EMA",
    True,
    tested=True,
    value=lambda record: 100 * record.averaged.mAP if record.averaged else None,
)
"""The mAP of the exponential average of the weights; it has no interval, and nothing of it is bold."""


def class_columns(group: Group) -> list[Column]:
    """AP of every class, then mAP; in percent."""
    mean = Column("mAP", True, tested=True, value=percent_of("mAP"))
    # A class of that name would stand there like the column of the table's own.
    own = {*WORDS, mean.title}
    columns = [
        Column(
            f"class {name}" if name in own else name,
            True,
            tested=True,
            measure=AP.removesuffix(":"),
            name=name,
            value=class_percent_of(c),
        )
        for c, name in enumerate(group.first.data.classes)
    ]
    return [*columns, mean]


def class_percent_of(c: int) -> Callable[[Record], float | None]:
    """How the AP of the class at position `c` is read from a record, in percent."""

    def read(record: Record) -> float | None:
        value = record.metrics.per_class_ap[c] if record.metrics and record.metrics.per_class_ap else None
        return None if value is None else 100 * value

    return read


def with_conditions(group: Group, numbers: pd.DataFrame) -> pd.DataFrame:
    """Numbers of a group behind columns that say where they were measured and under which conditions."""
    cell = group.first.cell
    described = numbers.copy()
    conditions = {
        "data": cell.data,
        "split": cell.split,
        "schedule": cell.schedule_name,
        "protocol": cell.protocol.name,
        "conditions": cell.conditions(group.varies),
    }
    for position, (name, value) in enumerate(conditions.items()):
        described.insert(position, name, value)
    return described


def cost_columns() -> list[Column]:
    """Parameters, operations, speed, memory and time."""

    def cost(name: str, scale: float) -> Callable[[Record], float | None]:
        return lambda record: getattr(record.cost, name) / scale if record.cost else None

    return [
        Column("parameters (M)", False, 2, value=cost("parameters", 1e6)),
        Column("of the head (M)", False, 2, value=cost("head_parameters", 1e6)),
        Column("GFLOPs per image", False, 2, value=cost("flops", 1e9)),
        Column("train images/s", True, 0, value=Record.training_rate),
        Column("test images/s", True, 0, value=cost("eval_images_per_second", 1)),
        Column("peak memory (MiB)", False, 0, value=cost("peak_memory_bytes", 2**20)),
        Column("wall time (s)", False, 0, value=cost("wall_seconds", 1)),
    ]
