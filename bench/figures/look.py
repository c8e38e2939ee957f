"""How pictures look, and fonts for names in any script: matplotlib's own, else installed ones."""

import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import matplotlib
from matplotlib import style
from matplotlib.font_manager import FontProperties, findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font

LOOK: Final = {
    "svg.hashsalt": "bench",  # the ids within a file would be random otherwise
    "text.parse_math": False,  # a name may have dollars in it
    "font.size": 9,
    "figure.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.alpha": 0.35,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.5,
}

DEFAULT: Final = "DejaVu Sans"
"""Comes with matplotlib; Latin, Greek, Cyrillic, Arabic, Hebrew and many symbols."""

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
UNWRITTEN: Final = "#n: the n-th class, whose name no installed font can write"

# Marks on other letters, and what only steers them: they may have no shape of their own.
_SHAPELESS: Final = frozenset({"Mn", "Cf"})


@dataclass(frozen=True)
class Lettering:
    """What texts are written with.

    Attributes:
        families: of fonts; a letter is taken from the first that has it.
        missing: the characters that none of them has.
    """

    families: tuple[str, ...]
    missing: frozenset[str]

    def text(self, text: str) -> str:
        """A text as it can be drawn, on one line: what no font has is replaced by a mark."""
        return "".join(REPLACEMENT if c in self.missing else c for c in _on_a_line(text))

    def can_write(self, name: str) -> bool:
        """Whether there is a font for all of it."""
        return not self.missing & set(name)

    def names(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names as they can be drawn: where a letter is missing, the number of the name, from 1: `#3`."""
        return tuple(
            _on_a_line(name) if self.can_write(name) else f"#{number}"
            for number, name in enumerate(names, start=1)
        )

    def unwritten(self, names: Sequence[str]) -> str:
        """Which name each number stands for, in words; nothing where every name can be written."""
        listed = [
            f"#{number} = {name if name.isprintable() else repr(name)}"
            for number, name in enumerate(names, start=1)
            if not self.can_write(name)
        ]
        return (
            f"no installed font can write these class names, so numbers stand for them: {', '.join(listed)}; "
            "install one that has their letters, such as Noto Sans"
            if listed
            else ""
        )


def lettering(texts: Iterable[str]) -> Lettering:
    """Fonts for all characters of some texts. Equal texts and fonts give equal families.

    Installed fonts are looked at only where the default one lacks a character. Of those that have most of
    what is lacking the first by name is taken, sans serif ones before others, until none has more.
    """
    characters = frozenset(c for text in texts for c in _on_a_line(text))
    with _quiet():
        missing = characters - _has(_file(DEFAULT), characters)
        has = {family: _has(_file(family), missing) for family in (_installed() if missing else ())}
    families = [DEFAULT]
    while any(missing & found for found in has.values()):
        best = min(has, key=lambda one: (-len(missing & has[one]), "sans" not in one.lower(), one))
        families.append(best)
        missing -= has[best]
    return Lettering(tuple(families), missing)


@contextmanager
def look(letters: Lettering) -> Iterator[None]:
    """Draw and write within it: the user's own configuration would make other pictures of equal records."""
    with style.context(["default", LOOK, {"font.family": list(letters.families)}]), _quiet():
        yield


def _on_a_line(text: str) -> str:
    """White space of every kind as single blanks, which every font has."""
    return " ".join(text.split())


@cache
def _installed() -> tuple[str, ...]:
    """The families that are installed now, by name; matplotlib's list may be older than some of them."""
    known = {entry.fname for entry in fontManager.ttflist}
    for path in sorted(findSystemFonts()):
        if path not in known:
            with suppress(Exception):  # a damaged file, or a kind that matplotlib does not take
                fontManager.addfont(path)
    # Those that come with matplotlib are for formulas, with letters in other places; one has a box for all.
    bundled = Path(matplotlib.get_data_path())
    return tuple(
        sorted(
            {
                entry.name
                for entry in fontManager.ttflist
                if bundled not in Path(entry.fname).parents and "lastresort" not in entry.name.lower()
            }
        )
    )


def _file(family: str) -> str | None:
    """The file that matplotlib would take for a family; None where there is none any more."""
    with suppress(ValueError):
        return fontManager.findfont(
            FontProperties(family=[family]), fallback_to_default=False, rebuild_if_missing=False
        )
    return None


def _has(file: str | None, characters: frozenset[str]) -> frozenset[str]:
    """Those of some characters that a font has a shape for; blanks need none."""
    found = {" "} & characters
    with suppress(Exception):  # whatever a font does that is damaged, or has pictures of fixed sizes alone
        if file is not None:
            font = _opened(file)
            found |= {c for c in characters - found if _has_shape(font, c)}
    return frozenset(found)


def _opened(file: str) -> FT2Font:
    # From matplotlib 3.11 on a file may be one of several in a collection.
    face: dict[str, Any] = {"face_index": index} if (index := getattr(file, "face_index", 0)) else {}
    font = FT2Font(file, **face)
    font.set_size(12, 72)
    return font


def _has_shape(font: FT2Font, character: str) -> bool:
    if not font.get_char_index(ord(character)):
        return False
    left, bottom, right, top = font.load_char(ord(character)).bbox
    return bool(right > left and top > bottom) or unicodedata.category(character) in _SHAPELESS


@contextmanager
def _quiet() -> Iterator[None]:
    """Without matplotlib's remarks on weights that a family does not have."""
    logger = logging.getLogger("matplotlib.font_manager")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
