"""Write the leaderboard: equal records give equal bytes."""

from pathlib import Path

from bench.datasets.catalog import DATASET_CATALOGUE
from bench.files import write_text
from bench.leaderboard.page import page_of, render
from bench.leaderboard.pictures import Pictures
from bench.leaderboard.ranking import ranking
from bench.leaderboard.text import markdown
from bench.records.store import RecordStore
from bench.tables.book import Book


def write_leaderboard(store: RecordStore, folder: Path) -> list[Path]:
    """Write `leaderboard.md` and `leaderboard.html`.

    Args:
        store: the records.
        folder: where the two files go.

    Returns:
        Both files.

    Raises:
        UserError: there is no finished record.
    """
    book = Book(store)
    if not book.groups:
        raise book.nothing_finished()
    pictures = Pictures(store.folder.parent, folder, {*book.groups, *DATASET_CATALOGUE.names()})
    page = page_of(book, ranking(book.groups), pictures)
    files = {folder / "leaderboard.md": markdown(page), folder / "leaderboard.html": render(page)}
    for path, text in files.items():
        write_text(path, text)
    return list(files)
