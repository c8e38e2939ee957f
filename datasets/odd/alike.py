"""Names that may be one, as they differ in what a reader hardly sees."""

import re
import unicodedata
from collections.abc import Callable, Sequence

_QUOTES = "\"'`"


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _visible(text: str) -> str:
    return "".join(one for one in text if unicodedata.category(one) != "Cf")


def _plain_number(text: str) -> str:
    number = re.fullmatch(r"\s*([+-]?)0*(\d+?)(\.0*)?\s*", text)
    return f"{number[1]}{number[2]}" if number else text


def _unquoted(text: str) -> str:
    """Without quotes; behind a digit they are feet and inches."""
    return "".join(
        one
        for before, one in zip(f" {text}", text, strict=False)
        if before.isdigit() or not (one in _QUOTES or unicodedata.category(one) in ("Pi", "Pf"))
    )


def _joined(text: str) -> str:
    """Without the dashes between words; a minus, a range of numbers and a mark at the end are none."""
    dashed = "".join("-" if one == "_" or unicodedata.category(one) == "Pd" else one for one in text)
    return re.sub(r"(?<=\w)(\s+-+\s+|-+)(?=[^\W\d])|(?<=[^\W\d])-+(?=\d)", "", dashed)


def _closed(text: str) -> str:
    # What was folded may have another form: an i with a dot above becomes two characters.
    return "".join(_normal(text.casefold()).split())


_KINDS: dict[str, Callable[[str], str]] = {
    "invisible characters": _visible,
    "the writing of a number": _plain_number,
    "quotes": _unquoted,
    "dashes, underscores": _joined,
    "case, blanks": _closed,
}
"""What names may differ in, beside their Unicode form, and still be meant as one; and what takes it away."""


def letters(name: str, but: str = "") -> str:
    """What is left of a name without all of this, `but` one kind: names with it in common may be one."""
    left = _normal(name)
    for kind, fold in _KINDS.items():
        left = left if kind == but else fold(left)
    return left


def differ(names: Sequence[str]) -> str:
    """In what names differ that have their letters in common, as a question."""
    kinds = [kind for kind in _KINDS if len({letters(name, kind) for name in names}) > 1] or ["case, blanks"]
    # Of two that look the same on the screen, one is written in another form.
    normal = all(unicodedata.is_normalized("NFKC", name) for name in names)
    words = ", ".join(kinds if normal else [*kinds, "Unicode form"])
    return f"differ in {' or '.join(words.rsplit(', ', 1))} alone: are they one?"
