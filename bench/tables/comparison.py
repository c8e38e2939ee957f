"""Group the records that may be compared, and average each method over its seeds."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.bootstrap import NAMES as INTERVALS
from bench.files import canonical_json
from bench.methods.catalog import METHODS, PRIOR
from bench.metrics import METRICS
from bench.records import Record
from bench.spec import find_method
from bench.tables.grid import Numbers
from bench.uncertainty import Interval

ORDER = [PRIOR.name, *METHODS]


def _place(name: str) -> int:
    """Where a method stands in a table: methods of other packages, installed here or not, behind the rest."""
    return ORDER.index(name) if name in ORDER else len(ORDER)


@dataclass(frozen=True, kw_only=True)
class Column(Numbers):
    """A column of numbers that are read from records.

    Attributes:
        value: how a number is read.
        metric: the name of the metric in percent that it is; empty where it is none.
    """

    value: Callable[[Record], float | None]
    metric: str = ""


IntervalOf = Callable[[Sequence[Record], str], Interval]
"""The confidence interval of a metric over runs that differ in their seed alone; NaN where there is none."""


@dataclass(frozen=True)
class Group:
    """Records made under the same conditions: they differ in method and seed alone."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """Any of the records, to read the conditions from."""
        return self.records[0]

    def by_method(self) -> dict[str, list[Record]]:
        """The records of each method with its options, in the order of the tables."""
        rows: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(
            self.records, key=lambda r: (_place(r.cell.method.name), r.cell.method.label(), r.cell.seed)
        ):
            rows[record.cell.method.label()].append(record)
        return dict(rows)


def group_records(records: Iterable[Record]) -> list[Group]:
    """Split finished records into groups that may stand in one table, in a fixed order."""
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.status == "finished":
            # The conditions hold a hash of the data; what was measured on is compared all the same.
            sizes = canonical_json(_sizes(record))
            groups[record.cell.data, record.cell.conditions(), sizes].append(record)
    # By the schedule's name first, because that is what a reader knows; it is no condition itself.
    names = {key: min(record.cell.schedule_name for record in groups[key]) for key in groups}
    return [
        Group(tuple(groups[key])) for key in sorted(groups, key=lambda key: (key[0], names[key], key[1:]))
    ]


def differences(one: Record, other: Record) -> list[str]:
    """What differs between the conditions of two records, field by field, in words."""
    mine, theirs = _conditions(one), _conditions(other)
    return [
        name if name == "order of the classes" else f"{name} ({mine.get(name)}, {theirs.get(name)})"
        for name in [*mine, *(name for name in theirs if name not in mine)]
        if mine.get(name) != theirs.get(name)
    ]


def _sizes(record: Record) -> dict[str, object]:
    data = record.data
    return {
        "training images": data.train_images,
        "test images": data.eval_images,
        "positive test labels": data.eval_labels,
        "difficult test labels": data.eval_difficult,
        "order of the classes": list(data.classes),
    }


def _conditions(record: Record) -> dict[str, object]:
    cell = record.cell
    content = cell.model_dump(
        mode="json", exclude={"method": True, "seed": True, "schedule_name": True, "schedule": {"about"}}
    )
    schedule, protocol = content.pop("schedule"), content.pop("protocol")
    schedule["loss"] = str(record.cell.schedule.loss)
    content["init_from"] = record.cell.init_from and record.cell.init_from.describe()
    # Files count by their hash, as in the hash of the conditions.
    content["vectors"] = cell.vectors.rpartition(":")[2]
    content["init_from"] = cell.init_from and f"{cell.init_from.sha256[:12]}, {cell.init_from.parts}"
    named = {
        **_sizes(record),
        **{f"schedule {name}": value for name, value in schedule.items()},
        **{f"protocol {name}": value for name, value in protocol.items()},
    }
    return named | {name.replace("_", " "): value for name, value in content.items()}


def title_of(record: Record) -> str:
    """The method as a table prints it, with the options that differ from the published ones."""
    method = record.cell.method
    known = find_method(method.name)
    options = method.label().removeprefix(method.name).replace("/", " ").strip()
    return (known.title if known else method.name) + (f" ({options})" if options else "")


def frame(group: Group, columns: Sequence[Column], interval_of: IntervalOf | None = None) -> pd.DataFrame:
    """Mean and standard deviation over seeds of every column, one row per method.

    Args:
        group: the runs.
        columns: what is read from them.
        interval_of: gives the intervals of the columns of `INTERVALS`; without, there are none.

    Returns:
        A frame with the columns `method`, `seeds` (how many), and for every column `KEY` (mean) and
        `KEY std` (sample standard deviation; NaN for one seed); with intervals also `KEY low` and `KEY high`.
        What a record does not have is NaN, and a mean over seeds of which one lacks the value is NaN too.
    """
    rows = []
    for records in group.by_method().values():
        row = {"method": title_of(records[0]), "seeds": len(records), **averages(records, columns)}
        for column in columns:
            if interval_of and column.metric in INTERVALS:
                _, low, high = interval_of(records, column.metric)
                row |= {f"{column.key} low": 100 * low, f"{column.key} high": 100 * high}
        rows.append(row)
    return pd.DataFrame(rows)


def averages(records: Sequence[Record], columns: Sequence[Column]) -> dict[str, float]:
    """`KEY` and `KEY std` of every column over records that differ in their seed alone."""
    row: dict[str, float] = {}
    for column in columns:
        values = np.array([np.nan if (v := column.value(r)) is None else v for r in records], dtype=float)
        row[column.key] = float(values.mean())
        row[f"{column.key} std"] = float(values.std(ddof=1)) if len(values) > 1 else np.nan
    return row


def metric_columns() -> list[Column]:
    """The papers' columns: mAP, then CP CR CF1 OP OR OF1 over all labels and for the top 3; in percent."""
    return [
        Column(info.title, info.higher_is_better, value=percent_of(name), metric=name)
        for name, info in METRICS.items()
    ]


def percent_of(name: str) -> Callable[[Record], float | None]:
    """How the metric `name` is read from a record, in percent."""
    return lambda record: 100 * record.metrics.value(name) if record.metrics else None


def class_columns(group: Group) -> list[Column]:
    """AP of every class, then mAP; in percent."""
    columns = [
        Column(name, True, value=class_percent_of(c)) for c, name in enumerate(group.first.data.classes)
    ]
    return [*columns, Column("mAP", True, value=percent_of("mAP"))]


def class_percent_of(c: int) -> Callable[[Record], float | None]:
    """How the AP of the class at position `c` is read from a record, in percent."""

    def read(record: Record) -> float | None:
        value = record.metrics.per_class_ap[c] if record.metrics else None
        return None if value is None else 100 * value

    return read


def cost_columns() -> list[Column]:
    """Parameters, operations, speed, memory and time."""

    def cost(name: str, scale: float) -> Callable[[Record], float | None]:
        return lambda record: getattr(record.cost, name) / scale if record.cost else None

    return [
        Column("parameters (M)", False, 2, value=cost("parameters", 1e6)),
        Column("of the head (M)", False, 2, value=cost("head_parameters", 1e6)),
        Column("GFLOPs per image", False, 2, value=cost("flops", 1e9)),
        Column("train images/s", True, 0, value=cost("train_images_per_second", 1)),
        Column("test images/s", True, 0, value=cost("eval_images_per_second", 1)),
        Column("peak memory (MiB)", False, 0, value=cost("peak_memory_bytes", 2**20)),
        Column("wall time (s)", False, 0, value=cost("wall_seconds", 1)),
    ]
