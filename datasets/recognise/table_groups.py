"""CSV files of which each holds a split, by its name or that of its folder: one data set together."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.datasets.recognise.signs import (
    ALONE,
    EVERY,
    Found,
    files_in,
    folders_below,
    pair,
    relative,
    split_named,
    splits_of,
)
from bench.datasets.recognise.table_pictures import ENDINGS
from bench.errors import UserError, cut


def tables_by_split(root: Path) -> list[dict[str, Path]]:
    """The CSV files in a folder and those below it that differ in the name of a split alone, by that.

    Only those among which there are one to train on and one to evaluate on.
    """
    groups: dict[str, dict[str, Path]] = {}
    for file in (file for home in folders_below(root, 2) for file in files_in(home, EVERY, *ENDINGS)):
        if split := split_named(file, root):
            rest = re.sub(ALONE.format(split), "*", relative(file, root), flags=re.IGNORECASE)
            groups.setdefault(rest, {})[split] = file
    return [files for files in groups.values() if pair(files)]


def together(tables: Mapping[str, Found]) -> Found:
    """The data set of which each table holds a split.

    Raises:
        UserError: one is read otherwise than another.
    """
    seen = "; ".join(found.seen for found in tables.values())
    fields: dict[str, Any] = {name: _by_split(tables, name) for name in ("file", "images")}
    for name, value in (item for found in tables.values() for item in found.fields.items()):
        if name not in ("file", "images") and fields.setdefault(name, value) != value:
            raise _unlike(seen)
    if "labels" in fields and "one_hot" in fields:
        raise _unlike(seen)
    splits, said = splits_of(list(tables))
    return Found("csv", fields, splits, f"{seen}; {said}")


def _by_split(tables: Mapping[str, Found], field: str) -> str | dict[str, str]:
    """What the tables have in a field: once, where it is the same."""
    values = {split: str(found.fields[field]) for split, found in tables.items()}
    first, *others = dict.fromkeys(values.values())
    return values if others else first


def _unlike(seen: str) -> UserError:
    return UserError(
        f"The tables of the splits are not alike: {cut(seen, 1000)}; give their columns and their labels one "
        "form."
    )
