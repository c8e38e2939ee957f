"""Draw pictures of trained models and write them: equal models and images give equal bytes on one machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from matplotlib import rc_context

from bench.errors import UserError
from bench.figures.draw import save_figure
from bench.figures.look import look
from bench.files import write_text
from bench.progress import Steps
from bench.records.store import RecordStore
from bench.resolve import resolve
from bench.visualize.asked import Asked, Source, refuse_unused
from bench.visualize.catalog import KINDS, ViewKind
from bench.visualize.models import choose_models
from bench.visualize.subject import Drawing, NoSuchViewError


@dataclass(frozen=True)
class Written:
    """The files of a picture, and what is printed of it."""

    files: tuple[Path, ...]
    words: str


def draw_views(
    store: RecordStore,
    kind: str,
    folder: Path,
    asked: Asked,
    formats: Sequence[str],
    steps: Steps,
    note: Callable[[str], None],
) -> list[Written]:
    """Draw a kind of picture, or every one that the models allow.

    Args:
        store: the records of the runs.
        kind: a name of `KINDS`, or `all`.
        folder: where the files go: `DATA-KIND.FORMAT`; behind that, after a `+`, the method where a picture
            is of one, or those that were asked for, and after an `@` the images that were.
        asked: what is to be shown.
        formats: `png`, `svg` or both.
        steps: gives the progress of a task.
        note: told of what is left out.

    Returns:
        What was written, picture by picture.

    Raises:
        UserError: an unknown name, an option that the picture does not take, no model, a view that no model
            has, other classes than those of the data set, or an image that cannot be read.
    """
    kinds = list(KINDS.values()) if kind == "all" else [resolve("picture", kind, KINDS)]
    if kind != "all":
        refuse_unused(kinds[0], asked)
    chosen = choose_models(store, asked.runs, asked.data, asked.methods, note)
    source = Source(store, chosen, asked, steps)
    written = []
    for one in kinds:
        try:
            written += _written(one, source, folder, formats, note)
        except NoSuchViewError as error:
            if kind != "all":
                raise
            note(str(error))
    if not written:
        raise UserError("Nothing of these models can be drawn: name others with --runs or --methods.")
    return written


def _written(
    kind: ViewKind, source: Source, folder: Path, formats: Sequence[str], note: Callable[[str], None]
) -> list[Written]:
    subject = source.subject(kind, note)
    module, _, function = kind.draw.partition(":")
    found = []
    # Pictures that lie side by side stay pictures of their own in an SVG.
    with look(subject.lettering), rc_context({"image.composite_image": False}):
        drawings: list[Drawing] = list(getattr(import_module(module), function)(subject))
        for drawing in drawings:
            stem = folder / source.file_stem(kind, drawing)
            files = save_figure(drawing.figure, stem, formats)
            for ending, table in drawing.tables.items():
                path = stem.with_name(f"{stem.name}{ending}.csv")
                write_text(path, table.to_csv(index=False, lineterminator="\n"))
                files.append(path)
            found.append(Written(tuple(files), drawing.words))
    if unwritten := subject.lettering.unwritten(subject.classes):
        note(unwritten)
    return found
