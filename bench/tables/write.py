"""Write tables to files, or give one as a data frame."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.files import write_text
from bench.metrics.protocol import Protocol, resolve_protocol
from bench.records.store import RecordStore
from bench.tables.book import COMPARISON, Book
from bench.tables.render import FORMATS, markdown


def write_tables(
    store: RecordStore,
    folder: Path,
    protocol: Protocol | None = None,
    names: Sequence[str] = (),
    formats: Sequence[str] = tuple(FORMATS),
) -> list[str]:
    """Write tables, each to `NAME.FORMAT`.

    Args:
        store: the records.
        folder: where the files go. The name of a file ends with that of the protocol where one is given.
        protocol: measure the stored scores under this protocol instead of the one they were recorded with.
        names: the tables, or data sets for all of theirs; every table if empty.
        formats: some of `FORMATS`.

    Returns:
        The tables that were named, in Markdown; the comparison of every data set where none was.

    Raises:
        UserError: there is no such table, or, where none is named, no finished record.
    """
    book = Book(store, protocol)
    if not names and not book.groups:
        raise book.nothing_finished()
    chosen = book.names(names) or [*book.own(), *book.papers()]
    ending = f"-{protocol.name}" if protocol else ""
    texts = []
    for name in chosen:
        table = book.table(name)
        for form in formats:
            write_text(folder / f"{name}{ending}.{form}", FORMATS[form](table))
        if names or name.endswith(f"-{COMPARISON.name}"):
            texts.append(markdown(table.document))
    return texts


def table(
    name: str,
    results: Path | str = "results",
    protocol: str | None = None,
    conditions: str | None = None,
) -> pd.DataFrame:
    """A table as a data frame: numbers in percent, not rounded, NaN where there is nothing.

    Args:
        name: a data set, for its comparison; `DATA-per-class` or `DATA-cost`; or the table of a paper, such
            as `add-gcn-table1`.
        results: the folder of the records.
        protocol: measure the stored scores under this protocol; the table of a paper has its own.
        conditions: the beginning of the hash of the conditions, where runs were made under several.

    Raises:
        UserError: there is no such table, or the runs differ in more than method and seed and so share none.
    """
    book = Book(RecordStore(Path(results)), resolve_protocol(protocol) if protocol else None)
    return book.frame(name, conditions)
