"""Which images are shown: those that are named, else the most telling of the evaluation split."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.datasets.opened import OpenedSplit
from bench.datasets.pictures.read import read_image
from bench.errors import UserError, cut
from bench.records.store import RecordStore
from bench.visualize.catalog import Rule
from bench.visualize.models import Model
from bench.visualize.telling import most_telling

PIXELS = 320
"""The longer side of a picture where it is drawn: more cannot be seen there."""


@dataclass(frozen=True)
class Shown:
    """An image that is shown.

    Attributes:
        name: its id in the data set, or the name of its file.
        path: its file.
        truth: `(C,)` int8 with 1 positive, 0 difficult, -1 negative; None where its labels are not known.
    """

    name: str
    path: Path
    truth: NDArray[np.int8] | None

    def thumbnail(self, pixels: int = PIXELS) -> Image.Image:
        """The picture, upright, no side longer than that.

        Raises:
            UserError: it cannot be read.
        """
        try:
            picture = read_image(self.path)
        except OSError as error:
            raise UserError(f"The picture {self.path} cannot be read: {error}.") from error
        scale = min(1.0, pixels / max(picture.size))
        width, height = (max(1, round(side * scale)) for side in picture.size)
        return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0)


def are_files(names: Sequence[str]) -> bool:
    """Whether all images that are named are files, so that no data set is needed."""
    return all(_is_file(name) for name in names)


def _is_file(name: str) -> bool:
    return Path(name).is_file()


def named_images(names: Sequence[str], split: OpenedSplit | None) -> tuple[Shown, ...]:
    """Images by their ids in the evaluation split, or by their files, whose labels are not known.

    Args:
        names: ids and files.
        split: the evaluation split; not needed where all are files.

    Raises:
        UserError: one is neither.
    """
    places = {name: place for place, name in enumerate(split.index.ids)} if split else {}
    found = []
    for name in dict.fromkeys(names):
        if split is not None and name in places:
            found.append(_of_split(split, places[name]))
        elif _is_file(name):
            found.append(Shown(Path(name).name, Path(name), None))
        else:
            where = f"image of {split.name} of {split.info.name} that can be used" if split else "image"
            raise UserError(f"'{cut(name)}' is no {where}, nor a file: name others with --images.")
    return tuple(found)


def telling_images(
    models: Sequence[Model], store: RecordStore, split: OpenedSplit, rule: Rule, count: int
) -> tuple[Shown, ...]:
    """The most telling images of the evaluation split, by the stored scores of the models' runs.

    Raises:
        UserError: a model has no run with scores here, or its scores are of none of these images.
    """
    places = {name: place for place, name in enumerate(split.index.ids)}
    scored = [_scores(model, store, split.info.classes) for model in models]
    ids = [name for name in places if all(name in by_image for by_image in scored)]
    if not ids:
        raise UserError(
            f"No image of {split.name} of {split.info.name} has scores of every model: name some with "
            "--images."
        )
    for model in models:
        _require_its_pictures(model, split)
    columns = [np.stack([by_image[name] for name in ids]) for by_image in scored]
    kept = split.index.take([places[name] for name in ids])
    chosen = most_telling(rule, np.stack(columns), kept.labels, count)
    return tuple(_of_split(split, places[ids[position]]) for position in chosen)


def _scores(model: Model, store: RecordStore, classes: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """The logits `(C,)` of each test image of a model's run."""
    if model.record is None:
        raise UserError(
            f"{model.name} has no stored scores to choose images by: name some with --images, ids or files."
        )
    scores = store.scores(model.record)
    order = [model.record.data.classes.index(name) for name in classes]
    return dict(zip(scores.ids.tolist(), scores.logits[:, order], strict=True))


def _require_its_pictures(model: Model, split: OpenedSplit) -> None:
    """UserError where a run was scored on as many images as are here, and they or their labels are others."""
    record = model.record
    if record is None or record.data.eval_images != len(split.index):
        return  # a part of them, of which the hash of the whole says nothing
    if record.cell.data_fingerprint.split("-")[1] != split.index.fingerprint():
        raise UserError(
            f"The pictures or labels of {split.name} under {split.index.root} are not those that "
            f"{record.run_id} was scored on: name their folder with --data-root, or pictures with --images."
        )


def _of_split(split: OpenedSplit, place: int) -> Shown:
    return Shown(split.index.ids[place], split.index.path(place), split.index.labels[place])
