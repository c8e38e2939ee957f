"""What a name that no data set has stands for: one of somebody's own, or a folder or file of one."""

import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from bench.datasets.catalog import DATASET_CATALOGUE
from bench.datasets.layouts.walk import kind_of
from bench.datasets.own import load_own
from bench.errors import UserError, cut
from bench.names import YAML
from bench.records.record import Record
from bench.records.store import RecordStore

MOST_FILES = 200
"""YAML files that are looked at."""


def is_own(data: str) -> bool:
    """Whether the name of a data set that runs are on is that of one's own, whose file was not given."""
    return not data.endswith(YAML) and DATASET_CATALOGUE.find(data) is None


def give_its_file(name: str) -> UserError:
    """The error for the name of one's own data set, with its file where that is near."""
    file = _described_as(name)
    return UserError(
        f"{cut(name)} is a data set of your own: give its file, {file or 'FILE.yaml'}, in place of the name."
    )


def no_data_set(name: str, results: Path = Path("results")) -> UserError | None:
    """What to say of a name that no data set has; None where nothing here tells what it stands for."""
    kind = kind_of(Path(name)) if name else "none"
    if kind in ("file", "folder"):
        return UserError(
            f"{cut(name)} is a {kind}, and a data set of your own is named by the YAML file that describes "
            f"it: `bench new dataset --from {shlex.quote(name)}` writes one."
        )
    if _described_as(name) or _has_runs(name, results):
        return give_its_file(name)
    return None


def _described_as(name: str) -> Path | None:
    """The file in the working folder, or a folder in it, that describes a data set of that name."""
    for file in islice(_files(), MOST_FILES):
        with suppress(UserError, OSError):
            if load_own(file).name == name:
                return file
    return None


def _files() -> Iterator[Path]:
    for pattern in ("*", "*/*"):
        for ending in YAML:
            yield from sorted(Path().glob(pattern + ending))


def _has_runs(name: str, results: Path) -> bool:
    return any(isinstance(one, Record) and one.cell.data == name for one in RecordStore(results).all())
