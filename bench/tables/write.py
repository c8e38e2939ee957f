"""Write every table of the stored records."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bench.errors import UserError
from bench.files import write_text
from bench.metrics import evaluate
from bench.protocol import Protocol
from bench.records import Damaged, Record, RecordStore
from bench.tables.comparison import (
    Column,
    Group,
    class_columns,
    cost_columns,
    frame,
    group_records,
    metric_columns,
)
from bench.tables.render import csv_table, device_statement, header, markdown_table


@dataclass(frozen=True)
class Kind:
    """A kind of table."""

    name: str
    title: str
    columns: Callable[[Group], list[Column]]


KINDS = (
    Kind("comparison", "Comparison (%)", lambda group: metric_columns()),
    Kind("per-class", "Average precision per class (%)", class_columns),
    Kind("cost", "Cost", lambda group: cost_columns()),
)


def load_records(store: RecordStore, protocol: Protocol | None) -> tuple[list[Record], dict[str, str]]:
    """The finished records, measured anew where a protocol is given, and by run a line on each other one."""
    records: dict[str, Record] = {}
    notes = {}
    for record in store.all():
        if isinstance(record, Damaged):
            notes[record.run_id] = f"left out, damaged: {record.run_id}: {record.reason}"
        elif record.status == "failed":
            notes[record.run_id] = f"left out, failed: {record.run_id}: {record.error}"
        else:
            if record.metrics is None:
                notes[record.run_id] = (
                    f"left out: {record.run_id}: its test labels are held by the evaluation server; "
                    f"`bench submission {record.run_id}` writes the files to send there"
                )
                continue
            try:
                measured = record if protocol is None else _measure(store, record, protocol)
            except UserError as error:
                notes[record.run_id] = f"left out: {record.run_id}: {error}"
                continue
            # Runs that differed in their protocol alone are one and the same under another.
            records.setdefault(measured.cell.key(), measured)
    return list(records.values()), notes


def _measure(store: RecordStore, record: Record, protocol: Protocol) -> Record:
    scores = store.scores(record)
    metrics = evaluate(scores.logits, scores.labels, protocol)
    cell = record.cell.model_copy(update={"protocol": protocol})
    return record.model_copy(update={"cell": cell, "metrics": metrics})


def write_tables(store: RecordStore, folder: Path, protocol: Protocol | None = None) -> list[str]:
    """Write the comparison, per-class and cost table of every data set as Markdown and CSV.

    Args:
        store: the records.
        folder: where the files go: `DATA-KIND.md` and `DATA-KIND.csv`, with the name of the protocol behind
            the kind where one is given.
        protocol: measure the stored scores under this protocol instead of the one they were recorded with.

    Returns:
        The comparison tables in Markdown, one per data set.

    Raises:
        UserError: there is no finished record.
    """
    records, notes = load_records(store, protocol)
    groups = group_records(records)
    if not groups:
        left_out = f" ({'; '.join(notes.values())})" if notes else ""
        raise UserError(
            f"No finished run under {store.folder}{left_out}; "
            "`bench run --methods all --data scenes` makes some."
        )
    ending = f"-{protocol.name}" if protocol else ""
    known = {group.first.cell.data for group in groups}
    comparisons = []
    for data, of_data in groupby(groups, key=lambda group: group.first.cell.data):
        same_data = list(of_data)
        mine = [note for run, note in notes.items() if _data_of(run, known) in (data, None)]
        for kind in KINDS:
            text = _markdown(data, kind, same_data, mine)
            write_text(folder / f"{data}-{kind.name}{ending}.md", text)
            frames = [(group, frame(group, kind.columns(group))) for group in same_data]
            write_text(folder / f"{data}-{kind.name}{ending}.csv", csv_table(frames))
            if kind.name == "comparison":
                comparisons.append(text)
    return comparisons


def _data_of(run_id: str, known: set[str]) -> str | None:
    """The data set that a run's name begins with; None where it is none of `known`."""
    return next((data for data in sorted(known) if run_id.startswith(f"{data}-")), None)


def _markdown(data: str, kind: Kind, groups: list[Group], notes: list[str]) -> str:
    parts = [f"# {data}: {kind.title}"]
    for group in groups:
        columns = kind.columns(group)
        if len(groups) > 1:
            parts.append(f"## {group.first.cell.schedule_name}, conditions {group.first.cell.conditions()}")
        parts.append(header(group) + (f"\n{device_statement(group.records)}" if kind.name == "cost" else ""))
        parts.append(markdown_table(frame(group, columns), columns))
    parts += [f"*{note}*" for note in notes]
    return "\n\n".join(parts) + "\n"
