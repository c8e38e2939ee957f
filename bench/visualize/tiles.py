"""The tiles that pictures of maps are laid of: a picture, a map over it, and how probable its label is."""

from PIL import Image

from bench.engine.models.model_file import ModelCard
from bench.trained.overlay import on_picture, over
from bench.visualize.inside import Floats
from bench.visualize.sheet import Box, Sheet

RIGHT, WRONG, OPEN = "#00694b", "#b04a00", "#444444"
"""Colours of a score on the right side, on the wrong one, and of one that nothing is known of."""
KEY = (
    "bold: a label of the image; number: the probability; ✓ on the right side of 0.5, ✗ on the wrong one, "
    "neither where the label is difficult or not known; colours: from blue, where a map is least, "
    "to red, each map by itself"
)
NARROWEST, WIDEST = 0.62, 1.9
"""Width over height of a tile; pictures beyond stand in the middle of one."""


def tile_size(picture: Image.Image, side: float) -> tuple[float, float]:
    """Width and height of the tile of a picture: as large as a square of that side."""
    aspect = aspect_of(picture)
    return side * aspect**0.5, side / aspect**0.5


def aspect_of(picture: Image.Image) -> float:
    """Width over height of the tile of a picture."""
    return min(max(picture.width / picture.height, NARROWEST), WIDEST)


def draw_map(sheet: Sheet, box: Box, picture: Image.Image, one: Floats, card: ModelCard) -> None:
    """A map `(h, w)` of a model over its picture."""
    sheet.picture(box, over(picture, on_picture(one, card, picture.size)))


def name_tile(sheet: Sheet, box: Box, name: str) -> None:
    """The name of a label in the upper left corner of a tile."""
    how = {"color": "white", "bbox": _background(WRONG)}
    sheet.fitted(box.x + 0.05, box.y + 0.05, name, box.width - 0.1, 6.5, **how)


def badge(sheet: Sheet, box: Box, probability: float, right: bool | None) -> None:
    """A probability in the lower left corner of a tile, with whether it is right."""
    mark, colour = {True: ("✓", RIGHT), False: ("✗", WRONG), None: ("", OPEN)}[right]
    digits = 2 if (round(probability, 2) >= 0.5) == (probability >= 0.5) else 3
    words = " ".join(filter(None, (f"{probability:.{digits}f}", mark)))
    how = {"fontsize": 6.5, "color": "white", "va": "bottom", "bbox": _background(colour)}
    sheet.text(box.x + 0.035, box.y + box.height - 0.045, words, **how)


def _background(colour: str) -> dict[str, object]:
    return {"boxstyle": "square,pad=0.18", "facecolor": colour, "edgecolor": "none", "alpha": 0.88}
