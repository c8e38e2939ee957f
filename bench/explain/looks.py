"""Pictures for the page: thumbnails, and what each method looks at where a model of it is at hand."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from bench.datasets.pictures.read import read_image
from bench.errors import UserError, one_line
from bench.explain.sides import Side
from bench.settings import MODEL, work_folder

if TYPE_CHECKING:
    from bench.trained.scorer import Scorer, Seen
    from bench.trained.views import MapKind

_WORDS: Final[dict["MapKind", str]] = {
    "attention": "where the label looks",
    "activation": "the score of the label at each position",
}

SIDE = 256
"""Pixels of the longer side of a thumbnail."""
SMALL_SIDE = 96
"""The same where a picture only stands beside a line."""
QUALITY = 82


def data_uri(picture: Image.Image, side: int = SIDE) -> str:
    """A picture as a JPEG of at most `side` pixels in an address, so that the page loads nothing."""
    smaller = picture.copy()
    smaller.thumbnail((side, side))
    file = io.BytesIO()
    smaller.save(file, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


class Thumbnails:
    """Small pictures of images, by id; None where there is none, or it cannot be read."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files
        self.notes: list[str] = []
        self._made: dict[str, Image.Image | None] = {}

    def of(self, image: str) -> Image.Image | None:
        """The thumbnail of an image."""
        if image not in self._made:
            self._made[image] = self._read(image)
        return self._made[image]

    def _read(self, image: str) -> Image.Image | None:
        path = self.files.get(image)
        if path is None:
            return None
        try:
            picture = read_image(path)
        except OSError as error:
            self.notes.append(f"Without the picture of {image}: {path}: {one_line(error)}.")
            return None
        picture.thumbnail((SIDE, SIDE))
        return picture


class Look:
    """What one method looks at.

    Attributes:
        note: which model that is and what its maps are, or why there are none.
    """

    def __init__(self, note: str, scorer: "Scorer | None" = None) -> None:
        self.note = note
        self._scorer = scorer
        self._seen: dict[str, Seen] = {}

    @property
    def can(self) -> bool:
        """Whether there are maps."""
        return self._scorer is not None

    def at(self, image: str, label: str, path: Path, thumbnail: Image.Image) -> str | None:
        """The map of a label over the thumbnail of an image, as an address; each image is scored once."""
        if self._scorer is None:
            return None
        from bench.trained.overlay import on_picture, over

        if image not in self._seen:
            self._seen[image] = self._scorer.look([path])
        maps = self._seen[image].maps
        assert maps is not None, "its kind was asked for"
        one = maps[0, self._scorer.classes.index(label)]
        return data_uri(over(thumbnail, on_picture(one, self._scorer.card, thumbnail.size)))


def look_of(side: Side, device: str) -> Look:
    """What the first of a method's runs looks at that has a model here.

    Raises:
        UserError: the device is not there.
    """
    runs = work_folder() / "runs"
    record = next((one for one in side.records if (runs / one.run_id / MODEL).is_file()), None)
    if record is None:
        return Look(f"No maps of {side.name}: none of its runs has a model in {runs}.")
    # Imported here, because it takes torch.
    from bench.engine.models.model_file import load_model
    from bench.trained.scorer import Scorer

    try:
        trained = load_model(runs / record.run_id / MODEL)
    except UserError as error:
        return Look(f"No maps of {side.name}: {error}")
    scorer = Scorer(trained, device)
    if set(scorer.classes) != set(record.data.classes):
        return Look(
            f"No maps of {side.name}: the model of {record.run_id} has other classes than its record."
        )
    blank = Image.new("RGB", (scorer.card.test_size, scorer.card.test_size))
    kind = scorer.look([blank]).kind
    if kind is None:
        return Look(f"No maps of {side.name}: the method has none.")
    return Look(f"Maps of {side.name}: {_WORDS[kind]}; of seed {record.cell.seed}.", scorer)
