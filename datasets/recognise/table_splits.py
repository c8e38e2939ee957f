"""What of a table says of which split an image is, where nobody has said it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from bench.datasets.layouts.one_hot import SAYS_SPLIT
from bench.datasets.layouts.table_file import TableFile
from bench.datasets.layouts.table_lists import bare
from bench.datasets.listing import read_lines
from bench.datasets.recognise.signs import (
    EVERY,
    SPLIT_NAMES,
    files_in,
    pair,
    plain_split,
    relative,
    split_named,
    splits_of,
)
from bench.errors import UserError, cut

SPLITS = ("split", "subset", "set", "fold", "partition", "usage")
"""Columns that only say splits: what is wrong with one is said."""
NO_YES = (("0", "1"), ("0.0", "1.0"), ("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
"""What the cells of a column say that asks whether an image is of a split."""
NO_OF = {yes: no for no, yes in NO_YES}


class SplitIn(NamedTuple):
    """Where the splits stand.

    Attributes:
        fields: what the section of the YAML file says of it.
        column: the column; empty where there is none.
        splits: what stands under `splits`.
        said: the same for a person.
    """

    fields: dict[str, Any]
    column: str
    splits: dict[str, Any]
    said: str


def split_in(table: TableFile, image: str, others: Sequence[str], labelled: bool, root: Path) -> SplitIn:
    """Where the splits of a table stand.

    Args:
        table: the table.
        image: the column of the images.
        others: the columns that may say it.
        root: the folder of the data, whose lists may say it.
        labelled: whether the labels are in a column of their own: otherwise one of 0 and 1 may be a class.

    Raises:
        UserError: several columns may say it, or one says it in no words that are known.
    """
    cells = _of_interest(table, others, labelled)
    named = [column for column in cells if column.lower() in SPLITS]
    paired = [column for column in named if pair(cells[column])][:1]
    column = _one(table, paired or [column for column in cells if _is_worded(cells[column] - {""})])
    if column:
        return SplitIn({"split": column}, column, *splits_of(sorted(cells[column] - {""})))
    asked = {column: _answers(table, column, cells[column]) for column in cells if labelled and _asks(column)}
    column = _one(table, [column for column in asked if asked[column]])
    if column:
        train, held_out = asked[column]
        said = f"trained on {train} in '{column}', evaluated on {held_out}"
        return SplitIn({"split": column}, column, {"train": train, "eval": held_out}, said)
    if named:
        there = cut(", ".join(sorted(cells[named[0]])), 400)
        raise UserError(
            f"Which split to train on cannot be told of {table.path}: its column '{named[0]}' has {there}."
        )
    return _in_lists(table, image, root) or _in_folders(table, image)


def _of_interest(table: TableFile, columns: Sequence[str], labelled: bool) -> dict[str, set[str]]:
    """The different cells of the columns that may say splits, by their names or in all cells."""
    found: dict[str, set[str]] = {column: set() for column in columns}
    kept = {name for name in columns if name.lower() in SPLITS or (labelled and _asks(name))}
    for _, cells in table.rows():
        for column in tuple(found):
            cell = cells.get(column, "")
            if column in kept or not cell or plain_split(cell) in SPLIT_NAMES:
                found[column].add(cell)
            else:  # a table may have a thousand columns of classes
                del found[column]
    return found


def _one(table: TableFile, columns: Sequence[str]) -> str:
    """The only one of some columns; empty where there is none."""
    if len(columns) > 1:
        names = " and ".join(f"'{cut(column, 40)}'" for column in columns)
        raise UserError(
            f"Which column says the splits cannot be told of {table.path}: {names} may; call one of them "
            "'split', with train or test in its cells."
        )
    return columns[0] if columns else ""


def _is_worded(cells: Iterable[str]) -> bool:
    return pair(cells) is not None and all(plain_split(cell) in SPLIT_NAMES for cell in cells)


def _asks(column: str) -> str:
    """The split that a column such as is_train asks for; empty where it asks for none."""
    asked = SAYS_SPLIT.fullmatch(column.strip().casefold())
    return "" if asked is None or asked[2] in ("fold", "split") else asked[2]


def _answers(table: TableFile, column: str, cells: set[str]) -> tuple[str, ...]:
    """The cells of the images to train on, and to evaluate on, of a column such as is_train; else nothing."""
    filled = sorted(cells - {""}, key=str.casefold)
    found = tuple(cell.casefold() for cell in filled)
    if "" in cells and len(found) == 1 and found[0] in NO_OF:
        raise UserError(
            f"Which split to train on cannot be told of {table.path}: its column '{cut(column, 40)}' has "
            f"{filled[0]} and empty cells; write {NO_OF[found[0]]} into these."
        )
    if found not in NO_YES:
        return ()
    return (filled[1], filled[0]) if _asks(column).startswith("train") else (filled[0], filled[1])


def _in_lists(table: TableFile, image: str, root: Path) -> SplitIn | None:
    """The splits by lists that are called as these and whose lines are names of the images."""
    lists: dict[str, str] = {}
    images = {bare(cells.get(image, "")) for _, cells in table.rows()}
    for file in files_in(root, EVERY, ".txt"):
        split = split_named(file, root)
        with suppress(UserError):  # it is no list
            if split and images.issuperset(map(bare, read_lines(file))):
                lists.setdefault(split, relative(file, root))
    if not pair(lists):
        return None
    splits, said = splits_of(list(lists))
    return SplitIn({"lists": lists}, "", splits, f"{said}, by {' and '.join(lists.values())}")


def _in_folders(table: TableFile, image: str) -> SplitIn:
    """The splits by the folders in the names of the images; drawn where these do not say them."""
    folders = {PurePosixPath(cells.get(image, "")).parts[:-1] for _, cells in table.rows()}
    for place, names in enumerate(zip(*folders, strict=False)):
        if _is_worded(set(names)) and all(len(parts) > place for parts in folders):
            splits, said = splits_of(sorted(set(names)))
            return SplitIn({"split_folder": place + 1}, "", splits, f"{said}, by the folders in '{image}'")
    return SplitIn({}, "", *splits_of([]))
