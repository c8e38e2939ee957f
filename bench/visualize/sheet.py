"""A figure whose parts stand where they are put, in inches from its upper left corner."""

from functools import cached_property
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

EDGE, BOTTOM = 0.15, 0.45
"""Inches that are left around a sheet, and below for what it means."""
SMALLEST = 5.5
"""Points of a letter that can be read in print."""


class Box(NamedTuple):
    """A place on a sheet: its left and upper edge, its width and height, inches."""

    x: float
    y: float
    width: float
    height: float


class Sheet:
    """A figure of a fixed size.

    Attributes:
        figure: itself.
        width: inches.
        height: inches.
    """

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height))
        self.width, self.height = width, height
        canvas = FigureCanvasAgg(self.figure)
        self._renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]

    def axes(self, box: Box) -> Axes:
        """Axes in that place."""
        left, bottom = box.x / self.width, 1 - (box.y + box.height) / self.height
        return self.figure.add_axes((left, bottom, box.width / self.width, box.height / self.height))

    @cached_property
    def _page(self) -> Axes:
        """Axes of the whole sheet in inches, for pictures: axes for each one take long to make."""
        page = self.axes(Box(0, 0, self.width, self.height))
        page.set(xlim=(0, self.width), ylim=(self.height, 0))
        page.set_axis_off()
        return page

    def picture(self, box: Box, picture: Image.Image) -> None:
        """A picture in its own proportions, in the middle of a place."""
        scale = min(box.width / picture.width, box.height / picture.height)
        width, height = picture.width * scale, picture.height * scale
        left, top = box.x + (box.width - width) / 2, box.y + (box.height - height) / 2
        self._page.imshow(picture, extent=(left, left + width, top + height, top), aspect="auto")

    def text(self, x: float, y: float, words: str, **how: Any) -> Text:
        """A text whose upper left corner is there, unless `ha` and `va` say otherwise."""
        return self.figure.text(x / self.width, 1 - y / self.height, words, **{"va": "top", **how})

    def extent(self, words: str, size: float, **how: Any) -> tuple[float, float]:
        """Width and height of a text at a size in points, inches."""
        text = self.figure.text(0, 0, words, fontsize=size, **how)
        box = text.get_window_extent(self._renderer)
        text.remove()
        return box.width / self.figure.dpi, box.height / self.figure.dpi

    def fitted(self, x: float, y: float, words: str, width: float, size: float, **how: Any) -> Text:
        """A text that is no wider than that: smaller letters where it takes them, then cut short."""
        weight = {name: how[name] for name in ("weight",) if name in how}
        wide = self.extent(words, size, **weight)[0]
        if wide > width:
            size = max(SMALLEST, size * width / wide)
            words = self.cut(words, width, size, **weight)
        return self.text(x, y, words, fontsize=size, **how)

    def lines(self, words: str, width: float, size: float) -> list[str]:
        """A text in lines that are no wider than that, broken between words."""
        found: list[str] = []
        for word in words.split():
            longer = f"{found[-1]} {word}" if found else word
            if found and self.extent(longer, size)[0] <= width:
                found[-1] = longer
            else:
                found.append(word)
        return found

    def cut(self, words: str, width: float, size: float, **how: Any) -> str:
        """A text that is no wider than that, its end left out."""
        kept = words
        while len(kept) > 1 and self.extent(words if kept == words else kept + "…", size, **how)[0] > width:
            kept = kept[:-1].rstrip()
        return words if kept == words else kept + "…"
