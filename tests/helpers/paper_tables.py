"""Read the table of a paper, as text or as a frame."""

from pathlib import Path
from typing import Any

import pandas as pd

from bench.records.store import RecordStore
from bench.tables.write import write_tables


def stored(results: Path, *runs: tuple[Any, Any]) -> RecordStore:
    store = RecordStore(results)
    for run in runs:
        store.save(*run)
    return store


def text_of(name: str, results: Path) -> str:
    (text,) = write_tables(RecordStore(results), results / "tables", names=[name], formats=["md"])
    return text


def of(frame: pd.DataFrame, group: str) -> pd.DataFrame:
    return frame[frame["group"] == group].reset_index(drop=True)


def rows_of(text: str) -> dict[str, list[str]]:
    """The cells of each row, by its first cell; of rows with one name, the last."""
    rows: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("|"):
            first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            rows[first] = cells
    return rows
