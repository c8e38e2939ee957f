"""Draw pictures of stored runs and write them: equal records give equal bytes on one machine."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from bench.datasets.locate import name_of
from bench.experiment.methods import label_of
from bench.figures.catalog import KINDS, FigureKind
from bench.figures.look import look
from bench.figures.subject import Subject
from bench.files import atomic_path
from bench.methods.catalog import METHOD_CATALOGUE
from bench.names import file_name, named_after
from bench.records.groups import Group
from bench.records.runs import notes_on
from bench.records.store import RecordStore
from bench.resolve import resolve, unknown_name
from bench.tables.book import Book

LONGEST_SELECTION: Final = 60
"""Characters of the methods in the name of a file."""

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
            runs on the data set under further conditions; behind that the methods, if some are chosen.
        data: the data set, by its name or its YAML file; all of them if None.
        methods: methods with options, as `bench run` takes them; all if empty.
        formats: `png`, `svg` or both.
        note: told of each run that is left out because it cannot be read, and of names without a font.

    Returns:
        The files.

    Raises:
        UserError: an unknown name, or no finished run.
    """
    chosen = [resolve("picture", name, KINDS) for name in kinds]
    asked, labels = _asked(store, data, methods, note)
    selection = selection_of(labels)
    written = []
    for one in asked:
        subject = Subject(one.group, store, one.several)
        ending = (f"-{one.number}" if one.number > 1 else "") + selection
        stem = file_name(one.group.first.cell.data, "data set")
        with look(subject.lettering):
            for kind in chosen:
                written += save_figure(_draw(kind, subject), folder / f"{stem}-{kind.name}{ending}", formats)
        unwritten = subject.lettering.unwritten(subject.classes)
        if unwritten and any(kind.names_classes for kind in chosen):
            note(f"{one.group.first.cell.data}: {unwritten}")
    return written


@dataclass(frozen=True)
class _Asked:
    """Runs to draw: those of a group of equal conditions whose methods are asked for.

    Attributes:
        group: the runs.
        number: the place of the whole group among those on its data set, from 1, whatever is asked for: a
            picture of other methods must not take the name of this one's.
        several: whether there are other groups on the data set.
    """

    group: Group
    number: int
    several: bool


def _asked(
    store: RecordStore, data: str | None, methods: Sequence[str], note: Callable[[str], None]
) -> tuple[list[_Asked], set[str]]:
    """The runs to draw, and the labels of the methods that were chosen; none where all are."""
    book = Book(store)
    if not book.groups:
        raise book.nothing_finished()
    data = data and name_of(data)
    if data is not None and data not in book.groups:
        raise unknown_name("data set of the stored runs", data, book.groups)
    of_data = {data: book.groups[data]} if data is not None else book.groups
    groups_asked = [group for groups in of_data.values() for group in groups]
    wanted = labels_asked(methods, {one.cell.row() for group in groups_asked for one in group.records})
    asked = []
    for groups in of_data.values():
        for number, group in enumerate(groups, start=1):
            chosen = [one for one in group.records if not wanted or one.cell.row() in wanted]
            if chosen:
                asked.append(_Asked(Group(tuple(chosen)), number, several=len(groups) > 1))
    for line in notes_on(tuple(of_data), book.runs.notes, set(book.groups)):
        note(line)
    return asked, wanted


def labels_asked(methods: Sequence[str], labels: Collection[str]) -> set[str]:
    """The methods that are chosen, as the runs have them; UserError for one that none of their labels is."""
    wanted = set()
    for method in methods:
        known = method in labels or method.partition("/")[0] in METHOD_CATALOGUE.names()
        label = label_of(method, labels) if known else method
        if label not in labels:
            raise unknown_name("method of the stored runs", method, labels)
        wanted.add(label)
    return wanted


def selection_of(labels: Collection[str], sign: str = "+") -> str:
    """What the choice of methods adds to the name of a file: `+ml-gcn+resnet,pool=max`; nothing for all."""
    if not labels:
        return ""
    chosen = named_after("+".join(sorted(labels)), LONGEST_SELECTION)
    return f"{sign}{file_name(chosen, 'choice of methods')}"


def _draw(kind: FigureKind, subject: Subject) -> Figure:
    module, _, function = kind.draw.partition(":")
    figure: Figure = getattr(import_module(module), function)(subject)
    return figure


def save_figure(figure: Figure, stem: Path, formats: Sequence[str]) -> list[Path]:
    """Write a figure to `STEM.FORMAT` for each format; returns the files."""
    written = []
    for ending in formats:
        path = stem.with_name(f"{stem.name}.{ending}")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=ending, dpi=150, metadata=_METADATA[ending])
        written.append(path)
    return written
