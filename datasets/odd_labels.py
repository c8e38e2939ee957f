"""Labels of one's own data that look as if they had been read otherwise than they were meant."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

from bench.errors import cut

LISTED = 5
"""Names that a sentence has before it counts."""

SEPARATORS = (",", ";", " ", "|", "+", "/", "&", "_")


def odd_labels(classes: Sequence[str]) -> list[str]:
    """A sentence on each kind of label that looks like several, like another one, or like none."""
    return [sentence for kind in (_lists, _joined, _alike, _nothing) for sentence in kind(classes)]


def _lists(classes: Sequence[str]) -> Iterator[str]:
    found = [name for name in classes if re.fullmatch(r"\s*[\[({].*[\])}]\s*", name)]
    if found:
        yield f"{_named(found)} with brackets around: give the labels alone, and what stands between them"


def _joined(classes: Sequence[str]) -> Iterator[str]:
    known = set(classes)
    for separator in SEPARATORS:
        split = {name: [part.strip() for part in name.split(separator)] for name in classes}
        found = [name for name, parts in split.items() if len(set(parts)) > 1 and set(parts) <= known]
        if found:
            yield (
                f"{_named(found)} made of labels that also stand alone, with '{separator}' between them: is "
                "that the separator?"
            )


def _alike(classes: Sequence[str]) -> Iterator[str]:
    by_letters = defaultdict(list)
    for name in classes:
        by_letters[letters(name)].append(name)
    for names in by_letters.values():
        if len(names) > 1:
            yield f"the labels {_listed(names)} {differ(names)}"


def letters(name: str) -> str:
    """What is left of a name without case, blanks and Unicode form: names with this in common may be one."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    # What was folded may have another form: an i with a dot above becomes two characters.
    return "".join(unicodedata.normalize("NFKC", folded).split())


def differ(names: Sequence[str]) -> str:
    """In what names differ that have their letters in common, as a question."""
    # Of two that look the same on the screen, one is written in another form.
    normal = all(unicodedata.is_normalized("NFKC", name) for name in names)
    return f"differ in {'case or blanks' if normal else 'case, blanks or Unicode form'} alone: are they one?"


def _nothing(classes: Sequence[str]) -> Iterator[str]:
    if classes and set(classes) <= {"0", "1", "-1"}:
        yield f"the labels are {_listed(classes)} alone: does a column say yes or no to one class (one_hot)?"
    found = [name for name in classes if name.strip().casefold() in ("nan", "none", "null", "n/a", "")]
    if found:
        yield f"{_named(found)} like an empty cell of another program: leave the cell empty"


def _named(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the label {_listed(names)} looks like one"
    return f"{len(names)} labels, {_listed(names)}, look like ones"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names[:3]))


def quoted(name: str) -> str:
    """A name as a sentence shows it."""
    return f"'{cut(name, 40)}'"


def listed(words: Sequence[str]) -> str:
    """The first of some words, and how many more there are."""
    more = f" and {len(words) - LISTED} more" if len(words) > LISTED else ""
    return ", ".join(words[:LISTED]) + more
