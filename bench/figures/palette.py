"""Which colour, marker and line each method has, the same in every picture. Imports nothing that draws."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from bench.methods.catalog import METHODS, PRIOR

# Okabe and Ito, Color Universal Design, 2008; greys for its black and its yellow, which is faint on white.
COLOURS: Final = ("#999999", "#333333", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")

# A colour alone tells nothing in a black and white print, and there are more methods than colours that all
# eyes tell apart: where a colour comes a second time, its shape is another one.
MARKERS: Final = ("x", "o", "s", "^", "D", "v", "P", "X", "h", "p", "<", "*", ">", "d", "8")
Line = Literal["dotted", "solid", "dashed", "dashdot"]
_LINES: Final[tuple[Line, ...]] = ("dotted", "solid", "dashed", "dashdot")
_HATCHES: Final = ("", "////", "....", "xxxx")
_FIRST: Final = {name: number for number, name in enumerate((PRIOR.name, *METHODS))}


@dataclass(frozen=True)
class Style:
    """How a method is drawn.

    Attributes:
        number: position of its colour in `COLOURS`.
        turn: how often the colours were all given away before; it picks shape, line and hatch.
    """

    number: int
    turn: int

    @property
    def colour(self) -> str:
        """As `#rrggbb`."""
        return COLOURS[self.number]

    @property
    def shape(self) -> int:
        """Position of its marker in `MARKERS`."""
        given_away = self.turn * (len(COLOURS) - 1)
        return self.number and 1 + (self.number - 1 + given_away) % (len(MARKERS) - 1)

    @property
    def marker(self) -> str:
        """In matplotlib's spelling."""
        return MARKERS[self.shape]

    @property
    def line(self) -> Line:
        """In matplotlib's spelling; the floor is dotted."""
        return _LINES[0] if self.number == 0 else _LINES[1 + self.turn % (len(_LINES) - 1)]

    @property
    def hatch(self) -> str:
        """In matplotlib's spelling."""
        return _HATCHES[self.turn % len(_HATCHES)]


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """A style for each method with its options (`resnet/pool=max`).

    A method has its own colour wherever it is drawn; a second variant of it in the same picture gets the
    next colour that is free. The first colour is the floor's alone.
    """
    given: dict[str, Style] = {}
    free: list[int] = []
    turn = -1
    for label in sorted(labels, key=lambda label: ("/" in label, label)):
        if label == PRIOR.name:
            given[label] = Style(0, 0)
            continue
        if not free:
            free, turn = list(range(1, len(COLOURS))), turn + 1
        wanted = _FIRST.get(label.partition("/")[0], len(_FIRST))  # those of other packages come last
        number = next((n for n in free if n >= wanted), free[0])
        free.remove(number)
        given[label] = Style(number, turn)
    return given
