"""Every table by its name: three of each data set that was run on, some over all, and those of the papers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.datasets.catalog import DATASET_CATALOGUE, DATASETS
from bench.datasets.locate import name_of
from bench.errors import UserError
from bench.experiment.cell import Vary
from bench.methods.catalog import METHODS
from bench.metrics.protocol import Protocol
from bench.records.evidence import Evidence, evidence_of
from bench.records.groups import Group, data_title, differences, group_records, title_of, titled
from bench.records.runs import Runs, notes_on
from bench.records.store import RecordStore
from bench.resolve import unknown_name
from bench.tables.beyond import BEYOND, beyond_table
from bench.tables.columns import (
    WORDS,
    Column,
    class_columns,
    cost_columns,
    frame,
    metric_columns,
    with_conditions,
)
from bench.tables.context import CONTEXT, context_table
from bench.tables.grid import Document, PrintedTable, Section, grid_of
from bench.tables.header import class_statements, device_statement, evidence_statements, header
from bench.tables.known import KNOWN, can_be_told, known_table
from bench.tables.papers.literals import PAPER_TABLES
from bench.tables.papers.table import paper_table
from bench.tables.thresholds import THRESHOLDS, fitted_in, thresholds_table
from bench.tables.tuned import TUNED, tuned_groups, tuned_table


@dataclass(frozen=True)
class TableKind:
    """A kind of table of a data set; `statements` are its lines on what the scores show, None if nothing."""

    name: str
    title: str
    columns: Callable[[Group], Sequence[Column]]
    statements: Callable[[Group, Evidence], tuple[str, ...]] | None


KINDS = (
    TableKind("comparison", "Comparison (%)", metric_columns, evidence_statements),
    TableKind("per-class", "Average precision per class (%)", class_columns, class_statements),
    TableKind("cost", "Cost", lambda group: cost_columns(), None),
)
COMPARISON = KINDS[0]
_ANOTHER: dict[str, str] = {"loss": "--set loss=asl", "backbone": "--backbone NAME"}
# Runs that a message names one by one.
NAMED = 5


class Book:
    """The tables that can be made of a store.

    Args:
        store: the records.
        protocol: measure the stored scores under it instead of the one they were recorded with; the
            tables of papers, which have a protocol of their own, are then not among the tables.
        varies: what the rows of a comparison differ in; but for the method, there are no other tables then.

    Attributes:
        runs: the records.
        groups: those that may stand in one table, by data set.
    """

    def __init__(self, store: RecordStore, protocol: Protocol | None = None, varies: Vary = "method") -> None:
        self.runs = Runs(store)
        self.protocol = protocol
        self.varies = varies
        records, self.notes = self.runs.under(protocol)
        self.groups: dict[str, list[Group]] = {}
        for group in group_records(records, varies):
            self.groups.setdefault(group.first.cell.data, []).append(group)
        self._evidence: dict[str, Evidence] = {}

    def evidence(self, group: Group) -> Evidence:
        """What the scores of a group show; a note is kept on each method whose scores are missing."""
        key = group.first.run_id
        if key not in self._evidence:
            self._evidence[key] = evidence_of(self.runs.store, group, self.protocol)
            self.notes |= self._evidence[key].notes
        return self._evidence[key]

    def own(self) -> list[str]:
        """The names of the tables of the data sets that were run on."""
        across = ACROSS if self.groups and self.varies == "method" else {}
        return [*self._own(), *(name for name, table in across.items() if table.applies(self))]

    def _own(self) -> dict[str, tuple[str, TableKind]]:
        return {f"{data}-{kind.name}": (data, kind) for data in self.groups for kind in KINDS}

    def papers(self) -> list[str]:
        """The names of the tables of papers, and of the one over all of them."""
        return [] if self.protocol or self.varies != "method" else [*PAPER_TABLES, BEYOND]

    def concerned(self) -> list[str]:
        """All tables, without those of papers where they say nothing of the records."""
        return [*self.own(), *(self.papers() if not self.unconcerned() else [])]

    def unconcerned(self) -> list[str]:
        """The tables of papers where all records are on data sets of somebody's own, which no paper has."""
        return [] if any(data in DATASETS for data in self.groups) else self.papers()

    def names(self, asked: Sequence[str]) -> list[str]:
        """The tables of these names; the name of a data set stands for its three.

        Where a data set has the name of a table, the table is meant: those of the data set have names of
        their own too.

        Raises:
            UserError: there is no such table.
        """
        names: list[str] = []
        for name in map(name_of, asked):
            if name in (*self.own(), *self.papers()):
                names.append(name)
            elif name in self.groups:
                names += [f"{name}-{kind.name}" for kind in KINDS]
            else:
                raise self._unknown(name)
        return list(dict.fromkeys(names))

    def _unknown(self, name: str) -> UserError:
        if name in PAPER_TABLES:
            protocol = PAPER_TABLES[name].protocol
            return UserError(
                f"The table {name} has its source's protocol, {protocol}: leave out another one."
            )
        if name == BEYOND:
            return UserError(f"The lines of the table {name} have their sources' protocols: leave out one.")
        for data in DATASET_CATALOGUE.names():
            if name in (data, *(f"{data}-{kind.name}" for kind in KINDS)):
                return self.nothing_finished(data)
        if name in ACROSS:
            missing = ACROSS[name].missing.format(folder=self.runs.store.folder)
            return UserError(missing) if missing and self.groups else self.nothing_finished()
        return unknown_name("table", name, [*self.groups, *self.own(), *self.papers()])

    def nothing_finished(self, data: str | None = None) -> UserError:
        """That there is no finished run, why each other one is left out, and what makes some."""
        if self.varies != "method":
            of = f" on {data}" if data else ""
            return UserError(
                f"No two finished runs{of} under {self.runs.store.folder} differ in the {self.varies} alone; "
                f"`bench run --methods resnet {_ANOTHER[self.varies]}` beside the same without it makes some."
            )
        known = set(DATASET_CATALOGUE.names())
        notes = notes_on((data,), self.notes, known) if data else list(self.notes.values())
        more = [f"and {len(notes) - NAMED} more"] if len(notes) > NAMED else []
        left_out = f" ({'; '.join([*notes[:NAMED], *more])})" if notes else ""
        return UserError(
            f"No finished run{f' on {data}' if data else ''} under {self.runs.store.folder}{left_out}; "
            f"`bench run --methods all --data {data or 'scenes'}` makes some."
        )

    def table(self, name: str) -> PrintedTable:
        """The table of that name, one of `own()` or `papers()`."""
        if name == BEYOND:
            return beyond_table(self.runs)
        if name in self.papers():
            return paper_table(PAPER_TABLES[name], self.runs)
        if name in ACROSS:
            return ACROSS[name].table(self)
        return self._own_table(*self._own()[name])

    def _own_table(self, data: str, kind: TableKind) -> PrintedTable:
        groups = self.groups[data]
        frames = [self._frame(group, kind) for group in groups]
        sections = []
        for group, numbers in zip(groups, frames, strict=True):
            several = len(groups) > 1
            lines = header(group, self.runs.store)
            if kind.statements:
                lines = (*lines, *kind.statements(group, self.evidence(group)))
            if group is not groups[0]:
                different = "; ".join(differences(groups[0].first, group.first, self.varies))
                lines = (f"shares no table with the first one, which differs in: {different}", *lines)
            if kind.name == "cost":
                lines = (*lines, device_statement(group.records))
            sections.append(
                Section(
                    self._heading(group, several),
                    lines,
                    grid_of(numbers, self._words(), kind.columns(group), left=1),
                )
            )
        notes = notes_on((data,), self.notes, set(self.groups))
        called = data_title(record for group in groups for record in group.records)
        title = titled(f"{called}: {kind.title}", groups)
        document = Document(f"{data}-{kind.name}", title, tuple(sections), tuple(notes))
        described = [with_conditions(group, one) for group, one in zip(groups, frames, strict=True)]
        return PrintedTable(document, pd.concat(described, ignore_index=True))

    def _words(self) -> dict[str, str]:
        return {self.varies.title() if key == "method" else title: key for title, key in WORDS.items()}

    def _heading(self, group: Group, several: bool) -> str:
        """What tells a section from the others; which method it is of, where that is not what varies."""
        title = titled(group.subtitle(), [group]) if several else ""
        of = "" if self.varies == "method" else title_of(group.first)
        return ", ".join(filter(None, (of, title)))

    def _frame(self, group: Group, kind: TableKind) -> pd.DataFrame:
        return frame(group, kind.columns(group), self.evidence(group) if kind.statements else None)

    def frame(self, name: str, conditions: str | None) -> pd.DataFrame:
        """The numbers of a table, or of the comparison on the data set of that name.

        Args:
            name: of a table or a data set.
            conditions: the beginning of the hash of the conditions, where runs were made under several.

        Raises:
            UserError: there is no such table, the runs share none, or it is over runs under any conditions.
        """
        if name in (*self.papers(), *ACROSS):
            if conditions is not None:
                raise UserError(f"The table {name} is over runs under any conditions: leave them out.")
            return self.table(name).frame
        data, kind = self._own()[self.names([name])[0]]
        group = self.one_group(data, conditions)
        numbers = self._frame(group, kind)
        if group.first.cell.split == "validation":
            numbers.insert(0, "split", "validation")
        return numbers

    def one_group(self, data: str, conditions: str | None) -> Group:
        """The runs on a data set under one set of conditions.

        Raises:
            UserError: they were made under several, or none under those that were asked for.
        """
        groups = [
            group
            for group in self.groups[data]
            if conditions is None or group.first.cell.conditions().startswith(conditions)
        ]
        if not groups:
            known = ", ".join(group.first.cell.conditions() for group in self.groups[data])
            raise UserError(f"No run on {data} was made under the conditions '{conditions}'; known: {known}.")
        if len(groups) > 1:
            first, second = groups[0].first, groups[1].first
            different = "; ".join(differences(first, second, self.varies))
            raise UserError(
                f"The runs on {data} share no table: those under the conditions {first.cell.conditions()} "
                f"and {second.cell.conditions()} differ in {different}. "
                "Choose one with conditions=..."
            )
        return groups[0]


@dataclass(frozen=True)
class Across:
    """A table over all data sets.

    Attributes:
        applies: whether some of the runs are what it is of.
        table: makes it.
        missing: what is said where it does not apply, with `{folder}` for that of the records.
    """

    applies: Callable[[Book], bool]
    table: Callable[[Book], PrintedTable]
    missing: str = ""


_TOLD = ",".join(name for name, method in METHODS.items() if method.options().uses_known_labels)
ACROSS = {
    CONTEXT: Across(
        lambda book: bool(book.groups),
        lambda book: context_table(book.groups, book.runs.store, dict(book.notes)),
    ),
    TUNED: Across(
        lambda book: bool(tuned_groups(book.groups, book.runs.store)),
        lambda book: tuned_table(
            tuned_groups(book.groups, book.runs.store), book.runs.store, dict(book.notes)
        ),
        "No tuned run under {folder}; `bench tune --methods all --data DATA` makes some.",
    ),
    KNOWN: Across(
        lambda book: any(can_be_told(group) for several in book.groups.values() for group in several),
        lambda book: known_table(book.groups, book.runs.store, dict(book.notes), book.protocol),
        "No finished run under {folder} was told labels: of the methods here "
        f"{_TOLD} can be; `bench run --methods {_TOLD} --data scenes` makes such runs.",
    ),
    THRESHOLDS: Across(
        lambda book: any(
            fitted_in(group, book.runs.store, {}) for several in book.groups.values() for group in several
        ),
        lambda book: thresholds_table(book.groups, book.runs.store, dict(book.notes)),
        "No finished run under {folder} has fitted thresholds; `bench thresholds RUN` fits them.",
    ),
}
