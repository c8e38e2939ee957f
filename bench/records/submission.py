"""The files that the PASCAL VOC evaluation server takes: one per class, with the score of every image."""

import math
import tarfile
from pathlib import Path
from typing import Literal

from bench import names
from bench.errors import UserError
from bench.files import atomic_path, write_text
from bench.records.record import Record
from bench.records.store import Scores

Competition = Literal["comp1", "comp2"]
FOLDER = Path("results") / "VOC2012" / "Main"
ARCHIVE = "results.tar.gz"
DATA = "voc2012-server"


_MADE_OF_VOC = ("label-sets", "random")
"""Label vectors that nothing but the labels of VOC, or nothing at all, went into."""


def started_from(record: Record) -> str:
    """What a run started from and was given beside VOC, as a part of a sentence."""
    cell = record.cell
    weights = cell.init_from.describe() if cell.init_from else f"weights '{cell.schedule.weights}'"
    return f"{weights}, with label vectors '{cell.vectors}'"


def competition_of(record: Record) -> Competition:
    """comp1 is for training on VOC alone; whatever else was learnt from makes it comp2 (VOC2012 rules).

    That is weights, a model that the run started from, and label vectors that were trained on texts.
    """
    cell = record.cell
    others = cell.schedule.weights != "none" or cell.init_from is not None
    return "comp2" if others or cell.vectors.partition(":")[0] not in _MADE_OF_VOC else "comp1"


def write_submission(record: Record, scores: Scores, folder: Path, competition: Competition) -> Path:
    """Write `results/VOC2012/Main/COMP_cls_test_CLASS.txt` for every class, and the archive to upload.

    Args:
        record: a run on the split whose labels the server holds.
        scores: its scores.
        folder: where the folder `results` and the archive go.
        competition: which of the server's competitions.

    Returns:
        The archive.

    Raises:
        UserError: the run is of another data set or split, or did not score the whole test list.
    """
    if record.cell.data != DATA:
        raise UserError(
            f"{record.run_id} is a run on {record.cell.data}; the server takes runs on {DATA} "
            f"(`bench run --data {DATA}`)."
        )
    if record.cell.split != "test":
        raise UserError(
            f"{record.run_id} scored a validation split; the server takes the test list, so name a run "
            "without `--split validation`."
        )
    if record.cell.limit_eval is not None or record.data.skipped:
        raise UserError(
            f"{record.run_id} scored {record.data.eval_images} images of the test list; the server takes "
            "only the whole list, so run without --limit-eval and --skip-bad."
        )
    ids = [str(image) for image in scores.ids]
    for name in record.data.classes:  # before anything is written
        file_name(competition, name)
    for column, name in enumerate(record.data.classes):
        # Logits, with all their digits: the server ranks them, and rounded probabilities would tie.
        lines = [f"{image} {value:.9g}\n" for image, value in zip(ids, scores.logits[:, column], strict=True)]
        write_text(folder / FOLDER / file_name(competition, name), "".join(lines))
    validate_submission(folder, competition, record.data.classes, ids)
    archive = folder / ARCHIVE
    with atomic_path(archive) as temporary, tarfile.open(temporary, "w:gz") as tar:
        for name in record.data.classes:
            path = FOLDER / file_name(competition, name)
            tar.add(folder / path, arcname=path.as_posix())
    return archive


def file_name(competition: str, class_name: str) -> str:
    """The name that the server wants for the file of a class.

    Raises:
        UserError: the class has a name that no file can have.
    """
    return f"{competition}_cls_test_{names.file_name(class_name, 'class')}.txt"


def validate_submission(folder: Path, competition: str, classes: tuple[str, ...], ids: list[str]) -> None:
    """Check files against the server's format: every class, every test image once, a finite score each.

    Raises:
        UserError: naming the file and the line.
    """
    for name in classes:
        path = folder / FOLDER / file_name(competition, name)
        if not path.is_file():
            raise UserError(f"The submission has no {path}; the server wants a file for every class.")
        seen = set()
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            image, _, score = line.partition(" ")
            if image in seen or not _is_finite(score):
                raise UserError(f"{path}, line {number}: '{line}' is not a new image and its score.")
            seen.add(image)
        missing, unknown = sorted(set(ids) - seen), sorted(seen - set(ids))
        if missing or unknown:
            what = f"lacks image {missing[0]}" if missing else f"has image {unknown[0]}"
            raise UserError(f"{path} {what}; it must hold the {len(ids)} images of the test list.")


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
