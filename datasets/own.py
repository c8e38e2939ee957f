"""A data set of one's own, described by a YAML file: no code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from bench.datasets.catalog import DATASET_CATALOGUE
from bench.datasets.info import Counts, DataSetInfo
from bench.datasets.layout import (
    ALL,
    YOLO,
    ClassFolders,
    COCOInstances,
    HuggingFace,
    Layout,
    MadeSplit,
    VOCDevkit,
)
from bench.datasets.listing import read_lines, refuse_control_characters
from bench.datasets.own_csv import CSVFile, Part, per_split
from bench.errors import UserError
from bench.files import read_mapping
from bench.names import file_name
from bench.validation import one_sentence


class COCOFiles(Part):
    """COCO's JSON: a file and an image folder per split, or one file for all where the splits are made."""

    annotations: str | dict[str, str]
    images: str | dict[str, str]
    keep_unannotated: bool | None = Field(
        None, description="keep images without any annotation; left out, and counted in a note, if empty"
    )


class VOCTree(Part):
    """A tree in the layout of the VOC devkit, or XML files beside their pictures."""

    folder: str = Field(
        "", description="folder with JPEGImages, Annotations, and ImageSets/Main or a folder for each split"
    )
    annotations: str = Field(
        VOCDevkit.annotations,
        description="folder of the XML files, relative to it; in */annotations each split has its own",
    )
    images: str = Field(VOCDevkit.images, description="folder of the pictures, likewise")

    @field_validator("annotations", "images")
    @classmethod
    def _one_star(cls, value: str) -> str:
        if "*" in value and (value.count("*") > 1 or "*" not in value.split("/")):
            raise ValueError("a * stands for the name of a whole folder, once, as in */annotations")
        return value


class YOLOData(Part):
    """YOLO's data.yaml; splits are those that it names (train, val, test)."""

    data: str = Field("data.yaml", description="the data.yaml; nothing outside of `root` is read")


class Folders(Part):
    """A folder for each class, named by it; in a folder for each split, unless the splits are made."""

    folder: str = Field(".", description="folder of the folders")
    separator: str = Field("", description="what stands between two labels in the name of a folder")


class HuggingFaceData(Part):
    """What `save_to_disk` of Hugging Face's datasets wrote, or parquet files, with the pictures in them."""

    data: str = Field(".", description="the folder, or a parquet file")
    image: str = Field("image", description="column of the pictures")
    labels: str = Field("labels", description="column of the labels: a list, or one label")


SECTIONS = ("csv", "coco", "voc", "yolo", "folders", "huggingface")
"""The fields of which one says how the files lie."""


class Splits(Part):
    """Splits that the data names itself, or that are drawn with every label in the same proportion."""

    train: str | float = Field(description="name of the split, or the share of the images to draw")
    eval: str | None = Field(None, description="name of the split to evaluate on; not where they are drawn")
    seed: int = Field(0, ge=0, lt=2**32, description="what they are drawn from")

    @field_validator("train", "eval")
    @classmethod
    def _names_a_file(cls, value: str | float | None) -> str | float | None:
        return _checked(value, "split") if isinstance(value, str) else value

    @model_validator(mode="after")
    def _either(self) -> "Splits":
        if isinstance(self.train, str):
            if self.eval is None:
                raise ValueError("name the split to evaluate on as eval")
        elif self.eval is not None or not 0 < self.train < 1:
            raise ValueError("a share to train on lies between 0 and 1, and the rest is evaluated on")
        return self

    @property
    def made(self) -> MadeSplit | None:
        """How they are drawn, where they are."""
        return None if isinstance(self.train, str) else MadeSplit(self.train, stratified=True, seed=self.seed)

    @property
    def names(self) -> tuple[str, str]:
        """The split to train on and the one to evaluate on."""
        return (self.train, self.eval or "") if isinstance(self.train, str) else ("train", "test")


class Description(Part):
    """The YAML file of a data set. Paths are relative to `root`."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="as the records and tables name it")
    title: str | None = None
    summary: str = "described by its owner"
    citation: str = ""
    source: str = ""
    licence: str = ""
    root: Path = Field(Path(), description="folder of the data, relative to this file")
    csv: CSVFile | None = None
    coco: COCOFiles | None = None
    voc: VOCTree | None = None
    yolo: YOLOData | None = None
    folders: Folders | None = None
    huggingface: HuggingFaceData | None = None
    splits: Splits
    classes: tuple[str, ...] | str | None = Field(
        None, description="class names in their order, or a text file with one per line; found if empty"
    )
    counts: dict[str, Annotated[int, Field(ge=1)]] = Field(
        {}, description="how many images each split should have"
    )
    schedule: str = "identical"

    @field_validator("name")
    @classmethod
    def _names_a_file(cls, value: str) -> str:
        return _checked(value, "name")

    @model_validator(mode="after")
    def _consistent(self) -> "Description":
        layouts = [name for name in SECTIONS if getattr(self, name) is not None]
        if len(layouts) != 1:
            known = f"{', '.join(SECTIONS[:-1])} and {SECTIONS[-1]}"
            raise ValueError(f"give one of {known}, not {' and '.join(layouts) or 'none'}")
        if self.csv and (self.splits.made is None) != self.csv.names_splits:
            raise ValueError(
                "give either the column of the split in csv, or split_folder, or a file for each split, or a "
                "share to train on in splits"
            )
        if other := [split for split in self.counts if split not in self.splits.names]:
            train, held_out = self.splits.names
            raise ValueError(f"counts names '{other[0]}', and the splits are {train} and {held_out}")
        if self.name in DATASET_CATALOGUE.names():
            raise ValueError(f"'{self.name}' is the name of a data set that is known; choose another")
        return self


def _checked(name: str, field: str) -> str:
    """As `file_name`; a ValueError, which pydantic takes, where the name is refused."""
    try:
        return file_name(name, field)
    except UserError as error:
        raise ValueError(str(error).rstrip(".")) from error


def load_own(path: Path) -> DataSetInfo:
    """Read the description of a data set.

    Raises:
        UserError: no such file, not YAML, or a field that is unknown, missing or wrong.
    """
    return described(read_mapping(path, "data set file"), path)


def described(fields: Mapping[str, Any], path: Path) -> DataSetInfo:
    """The data set that the fields of such a file describe, which is or will be at `path`.

    Raises:
        UserError: a field that is unknown, missing or wrong.
    """
    try:
        return _info(Description(**fields), path)
    except ValidationError as error:
        raise UserError(f"In {path}: {one_sentence(error, Description.model_fields)}") from error


def _info(described: Description, path: Path) -> DataSetInfo:
    home = (path.parent / described.root.expanduser()).absolute()
    made = described.splits.made
    train, held_out = described.splits.names
    title = (described.title or described.name).strip()
    refuse_control_characters(title, f"In {path}: 'title'")
    return DataSetInfo(
        name=described.name,
        title=title,
        summary=described.summary,
        citation=described.citation,
        source=described.source or str(path),
        licence=described.licence,
        classes=_classes(described, home, path),
        layout=_layout(described, (ALL,) if made else (train, held_out), path),
        train_split=train,
        eval_split=held_out,
        counts={split: Counts(images) for split, images in described.counts.items()},
        default_schedule=described.schedule,
        made=made,
        home=home,
    )


def _classes(described: Description, home: Path, path: Path) -> tuple[str, ...]:
    given = described.classes
    names = tuple(read_lines(home / given)) if isinstance(given, str) else given or ()
    for number, name in enumerate(names):
        refuse_control_characters(name, f"In {path}: 'classes.{number}'")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"In {path}: the class '{twice[0]}' is named more than once.")
    return names


def _layout(described: Description, splits: tuple[str, ...], path: Path) -> Layout:
    if described.csv:
        return described.csv.layout(splits, path)
    if described.coco:
        coco = described.coco
        annotations, images = (
            per_split(given, splits, f"In {path}: 'coco.{field}'")
            for field, given in (("annotations", coco.annotations), ("images", coco.images))
        )
        return COCOInstances(annotations, images, coco.keep_unannotated)
    drawn = splits == (ALL,)
    lists = () if drawn else splits
    if described.yolo:
        return YOLO(described.yolo.data)
    if described.folders:
        return ClassFolders(described.folders.folder, described.folders.separator, lists)
    if described.huggingface:
        return HuggingFace(**described.huggingface.model_dump())
    voc = described.voc.model_dump() if described.voc else {}
    return VOCDevkit(**voc, lists=lists, drawn=drawn)
