"""Splits of one's own data that look as if they had been named or filled otherwise than they were meant."""

from collections.abc import Mapping, Sequence

from bench.datasets.odd_labels import letters
from bench.errors import cut

NAMED = 5
"""Names that a sentence has before it counts."""


def unused_splits(used: Sequence[str], there: Mapping[str, int]) -> list[str]:
    """A sentence on the splits that are not used, and one on each of them that looks like one that is.

    Args:
        used: the splits to train on and to evaluate on.
        there: how many images each split has that the files name.
    """
    others = sorted(set(there).difference(used))
    if not others:
        return []
    counts = [f"{there[name]} of {_quoted(name)}" for name in others]
    found = [f"images of splits that are not used: {listed(counts)}"]
    for name in others:
        alike = [one for one in used if letters(one) == letters(name)]
        if alike:
            both = f"{_quoted(alike[0])} and {_quoted(name)}"
            found.append(f"the splits {both} differ in case or blanks alone: are they one?")
    return found


def listed(words: Sequence[str]) -> str:
    """The first of some words, and how many more there are."""
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more


def _quoted(name: str) -> str:
    return f"'{cut(name, 40)}'"
