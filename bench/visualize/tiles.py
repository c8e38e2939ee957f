"""The tiles that pictures of maps are laid of: a picture, a map over it, and how probable its label is."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from bench.engine.model_file import ModelCard
from bench.trained.overlay import on_picture, over
from bench.visualize.inside import Floats
from bench.visualize.sheet import Sheet

RIGHT, WRONG, OPEN = "#00694b", "#b04a00", "#444444"
"""Colours of a score on the right side, on the wrong one, and of one that nothing is known of."""
KEY = (
    "number: the probability; ✓ on the right side of 0.5, ✗ on the wrong one, neither where the label is "
    "difficult or not known; colours: from blue, where a map is least, to red, each map by itself"
)
NARROWEST, WIDEST = 0.62, 1.6
"""Width over height of a tile; pictures beyond stand in the middle of one."""


def tile_size(picture: Image.Image, side: float) -> tuple[float, float]:
    """Width and height of the tile of a picture: as large as a square of that side."""
    aspect = aspect_of(picture)
    return side * aspect**0.5, side / aspect**0.5


def aspect_of(picture: Image.Image) -> float:
    """Width over height of the tile of a picture."""
    return min(max(picture.width / picture.height, NARROWEST), WIDEST)


def draw_picture(axes: Axes, picture: Image.Image) -> None:
    """A picture in its own proportions, in the middle of its tile."""
    axes.imshow(picture, interpolation="antialiased")
    axes.set_axis_off()


def draw_map(axes: Axes, picture: Image.Image, one: Floats, card: ModelCard) -> None:
    """A map `(h, w)` of a model over its picture."""
    draw_picture(axes, over(picture, on_picture(one, card, picture.size)))


def name_tile(sheet: Sheet, corner: tuple[float, float], name: str, width: float) -> None:
    """The name of a label in the upper left corner of a tile of that width, inches."""
    x, y = corner
    sheet.fitted(x + 0.05, y + 0.05, name, width - 0.1, 6.5, color="white", bbox=_box(WRONG))


def badge(axes: Axes, probability: float, right: bool | None) -> None:
    """A probability in the lower left corner, with whether it is right."""
    mark, colour = {True: ("✓", RIGHT), False: ("✗", WRONG), None: ("", OPEN)}[right]
    words = " ".join(filter(None, (f"{probability:.2f}", mark)))
    axes.annotate(
        words,
        (0, 0),
        xytext=(2.5, 3),
        xycoords="axes fraction",
        textcoords="offset points",
        color="white",
        fontsize=6.5,
        va="bottom",
        bbox=_box(colour),
        annotation_clip=False,
    )


def _box(colour: str) -> dict[str, object]:
    return {"boxstyle": "square,pad=0.18", "facecolor": colour, "edgecolor": "none", "alpha": 0.88}


def footer(sheet: Sheet, words: str) -> Figure:
    """Write the key at the lower edge and give the figure."""
    lines = sheet.lines(words, sheet.width - 0.3, 6.5)
    sheet.text(0.15, sheet.height - 0.1, "\n".join(lines), fontsize=6.5, color="0.35", va="bottom")
    return sheet.figure
