"""Write tables to files."""

from collections.abc import Sequence
from pathlib import Path

from bench.experiment.cell import Vary
from bench.files import write_text
from bench.metrics.protocol import Protocol
from bench.names import LONGEST, file_name
from bench.progress import Progress
from bench.records.store import RecordStore
from bench.tables.book import COMPARISON, Book
from bench.tables.contents import Listed, index
from bench.tables.render import FORMATS, markdown

TABLE = LONGEST + 20
"""Bytes that the name of a table may have: that of a data set, and what the table shows."""


def write_tables(
    store: RecordStore,
    folder: Path,
    protocol: Protocol | None = None,
    names: Sequence[str] = (),
    formats: Sequence[str] = tuple(FORMATS),
    progress: Progress = lambda done, total: None,
    varies: Vary = "method",
) -> list[str]:
    """Write tables, each to `NAME.FORMAT`; where all are asked for, `index.md` lists them.

    Args:
        store: the records.
        folder: where the files go. The name of each ends with that of the protocol where one is given.
        protocol: measure the stored scores under this protocol instead of the one they were recorded with.
        names: the tables, or data sets for all of theirs; every table that concerns the records if empty.
        formats: some of `FORMATS`.
        progress: called with (done, total) tables.
        varies: what the rows differ in; the names of the files say so where it is not the method.

    Returns:
        The tables that were named, in Markdown; the comparison of every data set where none was.

    Raises:
        UserError: there is no such table, or, where none is named, no finished record.
    """
    book = Book(store, protocol, varies)
    if not names and not book.groups:
        raise book.nothing_finished()
    chosen = book.names(names) or book.concerned()
    ending = (f"-by-{varies}" if varies != "method" else "") + (f"-{protocol.name}" if protocol else "")
    texts, listed = [], []
    for done, name in enumerate(chosen):
        progress(done, len(chosen))
        table, stem = book.table(name), f"{file_name(name, 'table', TABLE)}{ending}"
        for form in formats:
            write_text(folder / f"{stem}.{form}", FORMATS[form](table))
        listed.append(Listed(stem, table))
        if names or name.endswith(f"-{COMPARISON.name}"):
            texts.append(markdown(table.document))
    if not names:
        write_text(folder / f"index{ending}.md", index(listed, formats, book.unconcerned()))
    return texts
