"""Draw pictures of stored runs and write them: equal records give equal bytes on one machine."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from matplotlib import style
from matplotlib.figure import Figure

from bench.datasets.locate import name_of
from bench.errors import UserError
from bench.experiment.methods import label_of
from bench.figures.catalog import KINDS, FigureKind
from bench.figures.subject import Subject
from bench.files import atomic_path
from bench.methods.catalog import METHOD_CATALOGUE
from bench.names import file_name
from bench.records.groups import Group, group_records
from bench.records.runs import notes_on
from bench.records.store import RecordStore
from bench.resolve import resolve, unknown_name
from bench.tables.book import Book

LOOK: Final = {
    "svg.hashsalt": "bench",  # the ids within a file would be random otherwise
    "text.parse_math": False,  # a name may have dollars in it
    "font.size": 9,
    "figure.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.5,
}

# Without dates and versions of matplotlib, so that equal data gives equal bytes.
_METADATA: Final = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def draw_figures(
    store: RecordStore,
    kinds: Sequence[str],
    folder: Path,
    data: str | None = None,
    methods: Sequence[str] = (),
    formats: Sequence[str] = ("png",),
    note: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Draw pictures of the stored runs, one for each data set and each set of conditions.

    Args:
        store: the records.
        kinds: names of `KINDS`.
        folder: where the files go: `DATA-KIND.FORMAT`, and `DATA-KIND-2.FORMAT` and so on where there are
            runs on the data set under further conditions.
        data: the data set, by its name or its YAML file; all of them if None.
        methods: methods with options, as `bench run` takes them; all if empty.
        formats: `png`, `svg` or both.
        note: told of each run that is left out because it cannot be read.

    Returns:
        The files.

    Raises:
        UserError: an unknown name, no finished run, or nothing to draw.
    """
    chosen = [resolve("picture", name, KINDS) for name in kinds]
    written = []
    # The user's own configuration of matplotlib would make other pictures of the same records.
    with style.context(["default", LOOK]):
        for name, groups in _groups(store, data, methods, note).items():
            stem = file_name(name, "data set")
            for number, group in enumerate(groups, start=1):
                subject = Subject(group, store, several=len(groups) > 1)
                ending = f"-{number}" if number > 1 else ""
                for kind in chosen:
                    written += _save(_draw(kind, subject), folder / f"{stem}-{kind.name}{ending}", formats)
    return written


def _groups(
    store: RecordStore, data: str | None, methods: Sequence[str], note: Callable[[str], None]
) -> dict[str, list[Group]]:
    """The runs to draw by data set, in groups of equal conditions."""
    book = Book(store)
    if not book.groups:
        raise book.nothing_finished()
    data = data and name_of(data)
    if data is not None and data not in book.groups:
        raise unknown_name("data set of the stored runs", data, book.groups)
    asked = {data: book.groups[data]} if data is not None else book.groups
    records = [record for groups in asked.values() for group in groups for record in group.records]
    labels = {record.cell.method.label() for record in records}
    wanted = set()
    for method in methods:
        known = method in labels or method.partition("/")[0] in METHOD_CATALOGUE.names()
        label = label_of(method, labels) if known else method
        if label not in labels:
            raise unknown_name("method of the stored runs", method, labels)
        wanted.add(label)
    chosen: dict[str, list[Group]] = {}
    asked_for = [record for record in records if not wanted or record.cell.method.label() in wanted]
    drawn = book.runs.with_scores(asked_for)
    for group in group_records(drawn):
        chosen.setdefault(group.first.cell.data, []).append(group)
    about = {data} if data is not None else set(book.groups)
    for line in notes_on(tuple(about), book.runs.notes, set(book.groups)):
        note(line)
    if not drawn:
        raise UserError("No run that is asked for has scores that can be read: there is nothing to draw.")
    return chosen


def _draw(kind: FigureKind, subject: Subject) -> Figure:
    module, _, function = kind.draw.partition(":")
    figure: Figure = getattr(import_module(module), function)(subject)
    return figure


def _save(figure: Figure, stem: Path, formats: Sequence[str]) -> list[Path]:
    written = []
    for ending in formats:
        path = stem.with_name(f"{stem.name}.{ending}")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=ending, dpi=150, metadata=_METADATA[ending])
        written.append(path)
    return written
