"""Lists beside a table that say which split an image is of."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from bench.datasets.layouts.table_header import is_picture
from bench.datasets.listing import read_lines, refuse_duplicates
from bench.errors import UserError, cut


def bare(name: str) -> str:
    """The name of an image without the suffix of a picture, which a table or a list may leave out."""
    return str(PurePosixPath(name).with_suffix("")) if is_picture(name) else name


def listed_in(folder: Path, lists: Mapping[str, str]) -> dict[str, str]:
    """The split of each image that lists name, by its name without suffix.

    Raises:
        UserError: a list cannot be read, or an image stands in one twice or in two.
    """
    splits: dict[str, str] = {}
    for split, file in lists.items():
        names = tuple(map(bare, read_lines(folder / file)))
        refuse_duplicates(names, folder / file)
        for name in names:
            if (other := splits.setdefault(name, split)) != split:
                raise UserError(
                    f"Image {cut(name)} stands in {folder / file} and in {lists[other]}; take it out of one."
                )
    return splits


def refuse_unknown(listed: Mapping[str, str], images: Iterable[str], tables: str) -> None:
    """UserError where lists name an image that no table has."""
    if unknown := sorted(listed.keys() - set(map(bare, images))):
        raise UserError(
            f"The lists of the splits name {len(unknown)} images that {tables} has no row of, "
            f"{cut(unknown[0])} of '{listed[unknown[0]]}' for one; write names as they stand there."
        )
