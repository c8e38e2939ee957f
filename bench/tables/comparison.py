"""Group the records that may be compared, and average each method over its seeds."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.methods.catalog import METHODS, PRIOR
from bench.metrics import METRICS
from bench.records import Record
from bench.spec import method_named

ORDER = [PRIOR.name, *METHODS]


@dataclass(frozen=True)
class Column:
    """A column of a table: how its value is read from a record, and which direction is better."""

    title: str
    value: Callable[[Record], float | None]
    higher_is_better: bool
    digits: int = 1


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
            self.records, key=lambda r: (ORDER.index(r.cell.method.name), r.cell.method.label(), r.cell.seed)
        ):
            rows[record.cell.method.label()].append(record)
        return dict(rows)


def group_records(records: Iterable[Record]) -> list[Group]:
    """Split finished records into groups that may stand in one table, in a fixed order."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.status == "finished":
            groups[record.cell.data, record.cell.conditions()].append(record)
    # By the schedule's name first, because that is what a reader knows; it is no condition itself.
    names = {key: min(record.cell.schedule_name for record in groups[key]) for key in groups}
    return [Group(tuple(groups[key])) for key in sorted(groups, key=lambda key: (key[0], names[key], key[1]))]


def title_of(record: Record) -> str:
    """The method as a table prints it, with the options that differ from the published ones."""
    method = record.cell.method
    options = method.label().removeprefix(method.name).replace("/", " ").strip()
    return method_named(method.name).title + (f" ({options})" if options else "")


def frame(group: Group, columns: list[Column]) -> pd.DataFrame:
    """Mean and standard deviation over seeds of every column, one row per method.

    Returns:
        A frame with the columns `method`, `seeds` (how many), and for every title `TITLE` (mean) and
        `TITLE std` (sample standard deviation; NaN for one seed). What a record does not have is NaN, and
        a mean over seeds of which one lacks the value is NaN too.
    """
    rows = []
    for records in group.by_method().values():
        row: dict[str, object] = {"method": title_of(records[0]), "seeds": len(records)}
        for column in columns:
            values = np.array([np.nan if (v := column.value(r)) is None else v for r in records], dtype=float)
            row[column.title] = values.mean()
            row[f"{column.title} std"] = values.std(ddof=1) if len(values) > 1 else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def metric_columns() -> list[Column]:
    """The papers' columns: mAP, then CP CR CF1 OP OR OF1 over all labels and for the top 3; in percent."""
    return [
        Column(info.title, lambda record, name=name: _percent(record, name), info.higher_is_better)  # type: ignore[misc]
        for name, info in METRICS.items()
    ]


def _percent(record: Record, name: str) -> float | None:
    return 100 * record.metrics.value(name) if record.metrics else None


def class_columns(group: Group) -> list[Column]:
    """AP of every class, then mAP; in percent."""
    columns = [
        Column(name, lambda record, c=c: _class_percent(record, c), higher_is_better=True)  # type: ignore[misc]
        for c, name in enumerate(group.first.data.classes)
    ]
    return [*columns, Column("mAP", lambda record: _percent(record, "mAP"), higher_is_better=True)]


def _class_percent(record: Record, c: int) -> float | None:
    value = record.metrics.per_class_ap[c] if record.metrics else None
    return None if value is None else 100 * value


def cost_columns() -> list[Column]:
    """Parameters, operations, speed, memory and time."""

    def cost(name: str, scale: float) -> Callable[[Record], float | None]:
        return lambda record: getattr(record.cost, name) / scale if record.cost else None

    return [
        Column("parameters (M)", cost("parameters", 1e6), False, 2),
        Column("of the head (M)", cost("head_parameters", 1e6), False, 2),
        Column("GFLOPs per image", cost("flops", 1e9), False, 2),
        Column("train images/s", cost("train_images_per_second", 1), True, 0),
        Column("test images/s", cost("eval_images_per_second", 1), True, 0),
        Column("peak memory (MiB)", cost("peak_memory_bytes", 2**20), False, 0),
        Column("wall time (s)", cost("wall_seconds", 1), False, 0),
    ]
