"""Find a data set: its description by a name or a YAML file, and the folder on this machine that holds it."""

import json
import os
from dataclasses import replace
from pathlib import Path

import click

from bench.datasets.catalog import DATASET_CATALOGUE
from bench.datasets.info import DataSetInfo
from bench.datasets.layout import VOCDevkit
from bench.datasets.listing import reader_of, unpacked
from bench.errors import UserError
from bench.files import read_json, write_text
from bench.names import YAML
from bench.progress import Progress
from bench.settings import data_root, work_folder


def dataset_info(name: str) -> DataSetInfo:
    """The data set of that name, or the one that a YAML file describes.

    Raises:
        UserError: unknown name, a package that cannot be used, or a file that does not describe a data set.
    """
    if name.endswith(YAML):
        from bench.datasets.own import load_own

        return load_own(Path(name))
    info = DATASET_CATALOGUE.get(name)
    if info.built_in:
        from bench.datasets.scenes.generator import CLASSES

        return replace(info, classes=CLASSES)
    return info


def name_of(data: str) -> str:
    """The name that runs on a data set have for it: the name itself, or what its YAML file calls it.

    Raises:
        UserError: a file that does not describe a data set.
    """
    return dataset_info(data).name if data.endswith(YAML) else data


def locate(info: DataSetInfo, root: Path | None, progress: Progress | None = None) -> Path:
    """The folder that a data set is read from, made on first use where it is built in or lies in tables.

    It is looked for under `root`, `BENCH_DATA_ROOT`, the configuration file's `data_root`, and the folder
    that it was downloaded to or that `bench data prepare --from` was given: the first that is set decides.

    Raises:
        UserError: it is not there, or no folder is known.
    """
    reader = reader_of(info.layout)
    if info.built_in:
        return reader.find(_made(info, progress), info.layout)
    return unpacked(find(info, root), info.layout, progress)


def find(info: DataSetInfo, root: Path | None) -> Path:
    """The folder that holds a data set which is not built in; as `locate`."""
    found = root or info.home or data_root(info.name, None) or _remembered(info.name)
    if found is None:
        raise UserError(
            f"Where is {info.title}? Give --data-root DIR, set BENCH_DATA_ROOT, or name it as data_root "
            f"in .bench.yaml; DIR holds {info.layout.wanted()} (from {info.source})."
        )
    return reader_of(info.layout).find(found.expanduser().absolute(), info.layout)


def remember(info: DataSetInfo, root: Path) -> None:
    """Look for the data set under `root` from now on, where nothing else is said."""
    roots = {**_all_remembered(), info.name: str(root.expanduser().absolute())}
    write_text(_file(), json.dumps(roots, indent=1))


def downloads_folder() -> Path:
    """Where downloads go when no data root is known."""
    return work_folder() / "data"


def _made(info: DataSetInfo, progress: Progress | None) -> Path:
    from bench.datasets.scenes.generator import VERSION, YEARS, generate

    root = downloads_folder() / f"scenes-v{VERSION}"
    assert isinstance(info.layout, VOCDevkit)
    generate(root, sizes=YEARS[info.layout.folder], progress=progress)
    return root.absolute()


def _file() -> Path:
    """Where roots are remembered: for the user, or where `BENCH_WORK` says that all is to be kept."""
    kept_apart = "BENCH_WORK" in os.environ
    return (downloads_folder() if kept_apart else Path(click.get_app_dir("bench"))) / "roots.json"


def _all_remembered() -> dict[str, str]:
    try:
        stored = read_json(_file())
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def _remembered(name: str) -> Path | None:
    root = _all_remembered().get(name)
    return Path(root) if root and isinstance(root, str) else None
