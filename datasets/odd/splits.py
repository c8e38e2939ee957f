"""Splits, and lists of images to leave out, that look as if they had been meant otherwise."""

from collections.abc import Mapping, Sequence

from bench.datasets.odd.alike import differ, letters
from bench.datasets.odd.labels import listed, quoted
from bench.errors import cut


def unused_splits(used: Sequence[str], there: Mapping[str, int]) -> list[str]:
    """A sentence on the splits that are not used, and one on each of them that looks like one that is.

    Args:
        used: the splits to train on and to evaluate on.
        there: how many images each split has that the files name.
    """
    others = sorted(set(there).difference(used))
    if not others:
        return []
    # Files and folders that nobody has looked at yet may have any name.
    counts = [f"{there[name]} of {cut(repr(name))}" for name in others]
    found = [f"images of splits that are not used: {listed(counts)}"]
    for name in others:
        alike = [one for one in used if letters(one) == letters(name)]
        if alike:
            both = (alike[0], name)
            found.append(f"the splits {' and '.join(cut(repr(one)) for one in both)} {differ(both)}")
    return found


def unmatched(unwanted: frozenset[str], images: Sequence[str], others: Sequence[str]) -> list[str]:
    """A sentence on what a list leaves out that is not there; no error: it may be of another data set.

    Args:
        unwanted: what the list names.
        images: the images of all splits that are used.
        others: what else a list may name: annotations that are of no image.
    """
    names = [quoted(name) for name in sorted(unwanted.difference(images, others))]
    if not names:
        return []
    return [
        f"{len(names)} of {len(unwanted)} entries of the list of --skip-bad name no image: {listed(names)}; "
        f"an image is named as `bench data check --fix-list` writes it, such as {quoted(images[0])}"
    ]
