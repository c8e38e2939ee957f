"""Where things lie on this machine: the work folder, the data roots. None of it changes a result."""

import os
from functools import lru_cache
from pathlib import Path

import click
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench.errors import UserError
from bench.files import read_mapping
from bench.validation import one_sentence

MODEL = "model.safetensors"
"""What a run calls its model, in its folder of the work folder."""
CHECKPOINT = "training.pt"
"""What it goes on from, after the last epoch that it has ended."""
BEST_FILES = "best*.safetensors"
"""What matches its weights after the best epoch so far, where one is chosen; the name has its number."""
EPOCHS = "training.json"
"""Beside the checkpoint of a run: how many epochs it goes on after, for who looks at it without PyTorch."""
REPLACES = "replaces.txt"
"""The stamp of the record that a run is to replace: by it, it goes on with its own checkpoint alone."""
README = "README.md"
"""What it calls its model card, beside it."""
KEPT = "<!-- What is above is written anew by bench; what you write below this line is kept. -->"
"""The last line of a model card that nobody has added to."""


def thresholds_beside(model: Path) -> Path:
    """Where the thresholds that were fitted for a model lie."""
    return model.with_suffix(".thresholds.json")


class Settings(BaseModel):
    """The configuration file: `.bench.yaml` here, or `config.yaml` in the user's application folder.

    Attributes:
        data_root: one folder for every data set, or a folder by data set name.
        max_pixels: pixels that a picture may have; Pillow's limit if None.
        max_seconds: seconds that one picture may take to be checked.
        picture_cache: gigabytes of the work folder that decoded pictures may take, 1 at least; none are kept
            if 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_root: Path | dict[str, Path] | None = None
    max_pixels: int | None = Field(None, ge=1)
    max_seconds: float = Field(60, gt=0, allow_inf_nan=False)
    picture_cache: float = Field(0, ge=0, allow_inf_nan=False)

    @field_validator("picture_cache")
    @classmethod
    def _is_worth_it(cls, gigabytes: float) -> float:
        # What it is divided into would not hold a picture.
        if 0 < gigabytes < 1:
            raise ValueError("should be 1 at least, or 0 to keep no pictures")
        return gigabytes


def work_folder() -> Path:
    """Where checkpoints, caches and made data go: `BENCH_WORK`, or `.bench` in the current folder."""
    return Path(os.environ.get("BENCH_WORK", ".bench")).expanduser()


def read_settings() -> Settings:
    """The settings of the nearest configuration file; default ones where there is none."""
    for path in (Path(".bench.yaml"), Path(click.get_app_dir("bench")) / "config.yaml"):
        if path.is_file():
            status = path.stat()
            return _parsed(path, Path.cwd(), (status.st_mtime_ns, status.st_size))
    return Settings()


@lru_cache(maxsize=8)
def _parsed(path: Path, folder: Path, state: tuple[int, int]) -> Settings:
    """The settings of a file, read once for as long as it stays the same: every picture asks for them."""
    fields = read_mapping(path, "configuration file", may_be_empty=True)
    try:
        return Settings(**fields)
    except ValidationError as error:
        raise UserError(f"In {path}: {one_sentence(error, Settings.model_fields)}") from error


def data_root(name: str, given: Path | None) -> Path | None:
    """The root of data set `name`: as given, else `BENCH_DATA_ROOT`, else the configuration file."""
    if given is not None:
        return given
    if os.environ.get("BENCH_DATA_ROOT"):
        return Path(os.environ["BENCH_DATA_ROOT"])
    roots = read_settings().data_root
    return roots.get(name) if isinstance(roots, dict) else roots
