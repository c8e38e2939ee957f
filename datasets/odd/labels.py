"""Labels of one's own data that look as if they had been read otherwise than they were meant."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

from bench.datasets.odd.alike import differ, letters
from bench.errors import cut

LISTED = 5
"""Names that a sentence has before it counts."""

SEPARATORS = (",", ";", " ", "|", "+", "/", "&", "_")


def odd_labels(classes: Sequence[str]) -> list[str]:
    """A sentence on each kind of label that looks like several, like another one, or like none."""
    return [sentence for kind in (_lists, _joined, _alike, _nothing) for sentence in kind(classes)]


def _lists(classes: Sequence[str]) -> Iterator[str]:
    around = [name for name in classes if re.fullmatch(r"\s*[\[({].*[\])}]\s*", name)]
    # A word in brackets is a label as any other, such as (unknown), unless most labels are in brackets.
    lists = [name for name in around if 2 * len(around) > len(classes) or re.search("[\"',;|]", name)]
    found = [name for name in classes if name in lists or _is_part_of_a_list(name)]
    if found:
        yield (
            f"{_named(found)} with brackets or quotes around, or a part of a list of such: give the labels "
            "alone, and what stands between them"
        )


def _is_part_of_a_list(name: str) -> bool:
    """Whether a name begins with a quote or a bracket that it does not close, or ends with one alone."""
    return (
        re.match(r"""["'`]|[\[({]["']?\w[^\])}]*$""", name) is not None
        or re.search(r"""^[^\[({]*\w["']?[\])}]$""", name) is not None
    )


def _joined(classes: Sequence[str]) -> Iterator[str]:
    known = set(classes)
    for separator in SEPARATORS:
        split = {name: [part.strip() for part in name.split(separator)] for name in classes}
        several = {name: parts for name, parts in split.items() if len(set(parts)) > 1}
        found = [name for name, parts in several.items() if set(parts) <= known]
        if found:
            yield (
                f"{_named(found)} made of labels that also stand alone, with '{separator}' between them: is "
                "that the separator?"
            )
        elif 2 * len(several) > len(classes) and _are_lists(list(several.values())):
            yield (
                f"{_named(list(several))} made of the same few labels, with '{separator}' between them: is "
                "that the separator?"
            )


def _are_lists(names: Sequence[Sequence[str]]) -> bool:
    """Whether the parts of names are fewer than these, and stand now here, now there.

    The parts of names such as `left eye` and `right ear` have their places.
    """
    places = defaultdict(set)
    for place, part in chain.from_iterable(map(enumerate, names)):
        places[part].add(place)
    moving = sum(len(found) > 1 for found in places.values())
    return len(places) < len(names) and 2 * moving >= len(places)


def _alike(classes: Sequence[str]) -> Iterator[str]:
    by_letters = defaultdict(list)
    for name in classes:
        by_letters[letters(name)].append(name)
    for names in by_letters.values():
        if len(names) > 1:
            yield f"the labels {_listed(names)} {differ(names)}"


def _nothing(classes: Sequence[str]) -> Iterator[str]:
    if classes and set(classes) <= {"0", "1", "-1"}:
        yield f"the labels are {_listed(classes)} alone: does a column say yes or no to one class (one_hot)?"
    found = [name for name in classes if letters(name) in ("nan", "none", "null", "n/a", "")]
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
