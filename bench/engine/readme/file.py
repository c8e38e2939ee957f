"""Where a model card lies: beside its model, with what a person has added to it kept."""

from pathlib import Path
from typing import Final

from bench.engine.model_file import read_card
from bench.engine.readme.page import readme
from bench.engine.readme.subject import NO_LICENCE, Described, measured
from bench.files import parse_yaml, write_text
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import MODEL

README: Final = "README.md"
KEPT: Final = "<!-- What is above is written anew by bench; what you write below this line is kept. -->"


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
    write_readme(model, Described(read_card(model), record, measured(store, record)))


def write_readme(model: Path, described: Described) -> bool:
    """Write the model card of a model file, keeping what a person added; False where it is wholly theirs.

    A card without the line of `KEPT` was written by somebody, or taken over by them, and is left alone.
    """
    path = readme_path(model)
    text = card_text(path, described)
    if text is None:
        return False
    write_text(path, text)
    return True


def card_text(path: Path, described: Described) -> str | None:
    """What `write_readme` writes to a path; None where what lies there is somebody's own."""
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
