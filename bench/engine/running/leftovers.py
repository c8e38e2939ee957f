"""What a run keeps in its folder until its record is stored, and what is to be done after that.

A process that is killed in between leaves its checkpoint behind, or no model card: whoever runs the matrix
next sees to it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.engine.planning.events import Events
from bench.errors import UserError, one_line
from bench.files import remove_temporaries, write_text
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import BEST_FILES, CHECKPOINT, EPOCHS, MODEL, README, REPLACES


def finish(folder: Path, record: Record, store: RecordStore, events: Events) -> None:
    """Remove what training went on from, and write the model card; the record is stored.

    Args:
        folder: of the run, in the work folder.
        record: as it is stored.
        store: holds its scores.
        events: told of it.
    """
    _remove_unneeded(folder)
    if (folder / MODEL).is_file():
        _write_card(folder, record, store, events)


def begin_anew(folder: Path, stamp: str) -> None:
    """Remove what was left by the run whose record is to be replaced, unless that is done and it is begun.

    Args:
        folder: of the run, in the work folder.
        stamp: of the record, as `RecordStore.stamp` gives it.
    """
    begun = folder / REPLACES
    if not begun.is_file() or begun.read_text(encoding="utf-8") != stamp:
        shutil.rmtree(folder, ignore_errors=True)
        write_text(begun, stamp)


def is_unfinished(folder: Path) -> bool:
    """Whether something of `finish` is still to be done."""
    if not folder.is_dir():
        return False  # the prior has none, nor has a run of another machine
    without_card = (folder / MODEL).exists() and not (folder / README).exists()
    return without_card or any(_unneeded(folder))


def _remove_unneeded(folder: Path) -> None:
    if folder.is_dir():
        for path in _unneeded(folder):
            path.unlink(missing_ok=True)
        remove_temporaries(folder)


def _unneeded(folder: Path) -> Iterator[Path]:
    """What training goes on from."""
    return (path for pattern in (CHECKPOINT, EPOCHS, BEST_FILES, REPLACES) for path in folder.glob(pattern))


def _write_card(folder: Path, record: Record, store: RecordStore, events: Events) -> None:
    """Write the model card; the run is stored, so nothing that happens here ends the matrix."""
    # Here, because it imports torch, which takes seconds.
    from bench.engine.readme.file import write_beside

    events.task("writing the model card")
    try:
        write_beside(folder, record, store)
    except (UserError, OSError) as error:
        events.note(f"note: {record.run_id} has no model card: {one_line(error)}")
