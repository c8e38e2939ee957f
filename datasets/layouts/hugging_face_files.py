"""Which files hold the rows of each split: as `save_to_disk` lists them, or by the names of parquet files."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.datasets.layout import ALL, HuggingFace
from bench.datasets.layouts.walk import kind_of, require_inside
from bench.datasets.listing import missing_tree
from bench.errors import UserError, cut, one_line
from bench.files import read_json
from bench.names import file_name

# `push_to_hub` of older releases put a hash of the shard behind its number.
SHARD = re.compile(r"(?P<split>.+?)(-\d+-of-(?P<of>\d+)(-[0-9a-f]{16})?)?\.parquet")

Tables = dict[str, tuple[Path, ...]]
"""The files of each split; of the split `ALL` where the data has none."""


def tables_of(folder: Path, layout: HuggingFace) -> Tables:
    """The files of every split.

    Raises:
        UserError: there are none, or what lists them is damaged or leads out of the folder.
    """
    home = folder / layout.data
    if kind_of(home) == "file":
        return {ALL: (home,)}
    if kind_of(home / "dataset_dict.json") == "file":
        splits = _names_in(home / "dataset_dict.json", lambda content: content["splits"])
        found = {split: _saved(home / split, home) for split in splits}
    elif kind_of(home / "state.json") == "file":
        found = {ALL: _saved(home, home)}
    else:
        found = _parquet(home)
    if not found:
        raise missing_tree(folder, layout, f"dataset_dict.json, state.json or *.parquet in {layout.data}")
    for paths in found.values():
        for path in paths:
            if kind_of(path) != "file":
                raise UserError(f"{path} is missing; copy the whole data set.")
            require_inside(path, folder if home.is_relative_to(folder) else home)
    return found


def miscounted(tables: Tables) -> list[str]:
    """A sentence on each split of which there are more or fewer files than their names say."""
    found = []
    for split, paths in tables.items():
        counts = {int(name["of"]) for path in paths if (name := SHARD.fullmatch(path.name)) and name["of"]}
        if counts and counts != {len(paths)}:
            said = " and ".join(map(str, sorted(counts)))
            found.append(
                f"files of {split} that are there: {len(paths)}, by their names: {said} ({paths[0].name} for "
                "one): copy those that are missing, or remove those of another version"
            )
    return found


def _saved(home: Path, root: Path) -> tuple[Path, ...]:
    """The files of what `save_to_disk` wrote, one split of it."""
    state = home / "state.json"
    require_inside(state, root)
    if _json(state).get("_indices_data_files"):
        raise UserError(
            f"{state} picks rows by a file of its own; flatten_indices() before it is saved, or save it anew."
        )
    files = _names_in(state, lambda content: [file["filename"] for file in content["_data_files"]])
    return tuple(home / name for name in files)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {cut(one_line(error))}; save the data set again.") from error
    return content if isinstance(content, dict) else {}


def _names_in(path: Path, names: Callable[[dict[str, Any]], list[Any]]) -> list[str]:
    """The names of files or folders that a file lists, each of which stays in its folder."""
    try:
        found = names(_json(path))
        return [file_name(str(name), f"name in {path}") for name in found]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is not what save_to_disk writes; save the data set again.") from error


def _parquet(home: Path) -> Tables:
    """Parquet files by their splits, here or in `data`: by their own names, else those of their folders."""
    homes = (home, home / "data")
    by_name = (_by_name(place) for place in homes)
    by_folder = (_by_folder(place) for place in homes)
    return next((found for kind in (by_name, by_folder) for found in kind if found), {})


def _by_name(home: Path) -> Tables:
    """The files `train.parquet`, or `train-00000-of-00002.parquet` and so on."""
    found: Tables = {}
    for path in _visible(home, "*.parquet"):
        if name := SHARD.fullmatch(path.name):
            split = file_name(name["split"], f"split in the name of {path}")
            found[split] = (*found.get(split, ()), path)
    return found


def _by_folder(home: Path) -> Tables:
    """The files `train/0000.parquet` and so on, as the hub converts data sets, whatever they are called."""
    files = {folder.name: _visible(folder, "*.parquet") for folder in _visible(home, "*")}
    return {file_name(name, f"folder in {home}"): tuple(paths) for name, paths in files.items() if paths}


def _visible(folder: Path, pattern: str) -> list[Path]:
    return [path for path in sorted(folder.glob(pattern)) if not path.name.startswith(".")]
