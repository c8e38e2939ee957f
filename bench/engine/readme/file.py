"""Where a model card lies: beside its model, with what a person has added to it kept."""

from pathlib import Path

from bench.engine.models.model_file import read_card
from bench.engine.readme.page import readme
from bench.engine.readme.subject import NO_LICENCE, Described, measured
from bench.files import parse_yaml, write_text
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import KEPT, MODEL, README


def readme_path(model: Path) -> Path:
    """The model card of a model file: `README.md` beside a run's, else the model's name with `.md`."""
    return model.with_name(README) if model.name == MODEL else model.with_suffix(".md")


def write_beside(folder: Path, record: Record, store: RecordStore) -> None:
    """Write the model card of a finished run beside its model.

    Args:
        folder: of the run, in the work folder.
        record: of the run.
        store: holds its scores.
    """
    model = folder / MODEL
    text = card_text(readme_path(model), Described(read_card(model), record, measured(store, record)))
    if text is not None:
        write_text(readme_path(model), text)


def card_text(path: Path, described: Described) -> str | None:
    """A model card as it is to lie at a path, with what a person added to the one that is there.

    Returns:
        None where that one was written by somebody, or taken over by them: it lacks the line of `KEPT`.
    """
    below = ""
    if path.exists():
        _, line, below = path.read_text(encoding="utf-8", errors="replace").partition(KEPT)
        if not line:
            return None
    return f"{readme(described)}\n{KEPT}\n{below.lstrip()}"


def stated_licence(path: Path) -> str:
    """The licence in the metadata of a model card; `NO_LICENCE` where there is no card, or none in it."""
    if not path.is_file():
        return NO_LICENCE
    parts = path.read_text(encoding="utf-8", errors="replace").split("---\n", 2)
    try:
        fields = parse_yaml(parts[1]) if len(parts) == 3 and not parts[0] else None
    except ValueError:
        return NO_LICENCE
    found = fields.get("license") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else NO_LICENCE
