"""What lies beside a model: thresholds, exported files, its model card."""

from pathlib import Path
from typing import Final

from bench.engine.models.model_file import ModelCard, read_card
from bench.engine.readme.file import card_text, readme_path, stated_licence
from bench.engine.readme.subject import Described, measured
from bench.errors import UserError
from bench.files import sha256_of_file, write_text
from bench.publish.description import description_path, read_description
from bench.publish.formats import FORMATS
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import thresholds_beside
from bench.trained.operating_point import read_operating_point

_OF_RUN: Final = "run "
"""What the source of a model begins with that was trained here."""


def files_beside(model: Path) -> dict[Path, str]:
    """The files that belong to a model, each with what it is."""
    found = {}
    if thresholds_beside(model).is_file():
        found[thresholds_beside(model)] = "temperature and thresholds, fitted on a validation split"
    for form in FORMATS.values():
        exported = model.with_suffix(form.suffix)
        if exported.is_file():
            found[exported] = form.about
            found[description_path(exported)] = f"how {exported.name} is fed, and how it was checked"
    return found


def require_current(model: Path) -> None:
    """See that what was exported beside a model was made of it as it is, with its thresholds.

    Raises:
        UserError: it was not, or lacks its description.
    """
    hashed, thresholds = sha256_of_file(model), read_operating_point(model)
    for form in FORMATS.values():
        exported = model.with_suffix(form.suffix)
        if not exported.is_file():
            continue
        described = read_description(exported)
        if described.model_sha256 != hashed or described.thresholds != thresholds:
            raise UserError(
                f"{exported} was exported from another model than {model.name}, or before its thresholds "
                "were fitted: export it again, or remove it."
            )


def record_of(card: ModelCard, store: RecordStore) -> Record | None:
    """The record of the run that a model is from; None where it is not here."""
    if not card.source.startswith(_OF_RUN):
        return None
    found = store.load(card.source.removeprefix(_OF_RUN))
    return found if isinstance(found, Record) else None


def described(model: Path, store: RecordStore, licence: str | None = None) -> Described:
    """All that is known of a model now.

    Args:
        model: its file.
        store: where the record of its run may be.
        licence: of the weights; what its model card says if None.

    Raises:
        UserError: the file is no model, or the scores of its run are damaged.
    """
    card = read_card(model)
    record = record_of(card, store)
    return Described(
        card,
        record,
        measured(store, record) if record else None,
        {path.name: what for path, what in files_beside(model).items()},
        licence or stated_licence(readme_path(model)),
        model.name,
    )


def renewed_card(model: Path, store: RecordStore, licence: str | None = None) -> str | None:
    """The model card with what is known now; None where the one that is there stays.

    One stays that somebody wrote or took over, and one of a run whose record, with its scores, is not here.
    For the arguments see `described`.
    """
    path, now = readme_path(model), described(model, store, licence)
    if now.record is None and now.card.source.startswith(_OF_RUN) and path.is_file():
        return None
    return card_text(path, now)


def renew_card(model: Path, store: RecordStore, licence: str | None = None) -> Path | None:
    """Write the model card anew; returns where, or None where the one that is there stays."""
    path, text = readme_path(model), renewed_card(model, store, licence)
    if text is None:
        return None
    write_text(path, text)
    return path
