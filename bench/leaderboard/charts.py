"""Charts as geometry that a template writes as SVG: where every mark, line and tick goes, in pixels."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.figures.palette import Style

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 48, 20, 12, 44
TICKS = 5


@dataclass(frozen=True)
class Point:
    """A value to draw, with its whisker and the words that are shown on hover."""

    x: float
    y: float
    words: str
    deviation: float = 0.0


@dataclass(frozen=True)
class Series:
    """The points of a method.

    Attributes:
        title: of the method.
        style: how it is drawn.
        points: in the order of the line.
        joined: whether a line goes through them.
        band: the lowest and the highest value at each point, of what is shaded around the line; or nothing.
    """

    title: str
    style: Style
    points: tuple[Point, ...]
    joined: bool = False
    band: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Mark:
    """A point in pixels; `top` and `bottom` are the ends of its whisker."""

    x: str
    y: str
    top: str
    bottom: str
    words: str


@dataclass(frozen=True)
class Curve:
    """The marks of a method, the path of the line through them, and that around its band; empty without."""

    title: str
    style: Style
    marks: tuple[Mark, ...]
    path: str
    band: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: what it shows.
        x_label: what lies on the horizontal axis.
        y_label: what lies on the vertical axis.
        x_ticks: place and text of the ticks of the horizontal axis.
        y_ticks: those of the vertical one.
        curves: a method each.
    """

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[tuple[str, str], ...]
    y_ticks: tuple[tuple[str, str], ...]
    curves: tuple[Curve, ...]

    width, height = WIDTH, HEIGHT
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM


@dataclass(frozen=True)
class _Axis:
    """A linear axis from the value `low` at pixel `start` to `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> str:
        share = (value - self.low) / (self.high - self.low)
        return f"{self.start + share * (self.end - self.start):.1f}"


def chart(title: str, x_label: str, y_label: str, series: Sequence[Series], whole_x: bool = False) -> Chart:
    """Lay out a chart of at least one point.

    Args:
        title: what it shows.
        x_label: what lies on the horizontal axis.
        y_label: what lies on the vertical axis.
        series: the methods.
        whole_x: whether only whole numbers get a tick on the horizontal axis.
    """
    points = [point for one in series for point in one.points]
    x_values = ticks([point.x for point in points], smallest=1 if whole_x else 0)
    ends = [end for p in points for end in (p.y - p.deviation, p.y + p.deviation)]
    y_values = ticks([*ends, *(end for one in series for both in one.band for end in both)])
    x = _Axis(x_values[0], x_values[-1], LEFT, WIDTH - RIGHT)
    y = _Axis(y_values[0], y_values[-1], HEIGHT - BOTTOM, TOP)
    return Chart(
        title,
        x_label,
        y_label,
        tuple((x.place(value), f"{value:g}") for value in x_values),
        tuple((y.place(value), f"{value:g}") for value in y_values),
        tuple(_curve(one, x, y) for one in series),
    )


def ticks(values: Iterable[float], smallest: float = 0) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from below the least value to above the greatest.

    Args:
        values: at least one.
        smallest: the least distance between two ticks.
    """
    known = list(values)
    low, high = min(known), max(known)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / TICKS))
    step = max(smallest, next(power * factor for factor in (1, 2, 5, 10) if power * factor * TICKS >= span))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Rounded, because 3 times 0.1 is not 0.3; to the digits that the step has.
    digits = max(0, -math.floor(math.log10(step)))
    return [round(number * step, digits) for number in range(first, max(last, first + 1) + 1)]


def _curve(series: Series, x: _Axis, y: _Axis) -> Curve:
    marks = tuple(
        Mark(
            x.place(point.x),
            y.place(point.y),
            y.place(point.y + point.deviation),
            y.place(point.y - point.deviation),
            point.words,
        )
        for point in series.points
    )
    path = "M" + " L".join(f"{mark.x} {mark.y}" for mark in marks) if series.joined else ""
    return Curve(series.title, series.style, marks, path, _around(series, x, y))


def _around(series: Series, x: _Axis, y: _Axis) -> str:
    """The path around a band: along its upper edge, and back along the lower one."""
    if not series.band:
        return ""
    places = [x.place(point.x) for point in series.points]
    lower, upper = ([y.place(ends[side]) for ends in series.band] for side in (0, 1))
    there = list(zip(places, upper, strict=True)) + list(zip(places, lower, strict=True))[::-1]
    return "M" + " L".join(f"{across} {up}" for across, up in there) + "Z"
