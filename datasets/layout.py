"""How the files of a data set lie on the disk: what a layout's reader must be told.

Light on purpose: the catalogue is made of these, and listing data sets must not import numpy. The readers are
the modules of `bench.datasets.layouts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

ALL = "all"
"""The split that holds every image, for a data set whose splits are made here."""


@dataclass(frozen=True)
class Layout:
    """A layout; `reader` names the module that reads it, as `bench.datasets.listing.Reader` asks."""

    reader: ClassVar[str]

    def wanted(self) -> str:
        """What the data root must hold, for the one who looks for the data."""
        raise NotImplementedError


@dataclass(frozen=True)
class VOCDevkit(Layout):
    """JPEGImages, Annotations, ImageSets/Main.

    Attributes:
        folder: the folder of the devkit, such as VOC2007; empty where the data root itself is one.
        unlabelled: splits whose labels are held by the evaluation server.
        lists: the splits whose annotations name the classes, where the definition does not list these; every
            annotation where this is empty. Where there is no ImageSets, the folders of their names are they.
        annotations: the folder of the annotations, relative to `folder`. A `*` in it stands for the split:
            each has a folder of its own then, and needs no list.
        images: the folder of the pictures, likewise.
        drawn: the splits are drawn here, so that no list is needed. Without lists the XML files may lie
            beside their pictures, where there is neither a folder of annotations nor one of pictures.
    """

    reader: ClassVar[str] = "bench.datasets.layouts.voc"
    folder: str = ""
    unlabelled: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    annotations: str = "Annotations"
    images: str = "JPEGImages"
    drawn: bool = False

    def wanted(self) -> str:
        """The folder of the devkit."""
        if self.folder:
            return f"VOCdevkit/{self.folder}"
        parts = f"{self.images} and {self.annotations}"
        return parts if self.drawn else f"{parts}, and ImageSets/Main"


@dataclass(frozen=True)
class COCOInstances(Layout):
    """Instance annotations in COCO's JSON.

    Attributes:
        annotations: the JSON file of each split, relative to the data set's folder.
        images: the folder of its images, likewise.
        keep_unannotated: keep images without any annotation (as SSGRL) or drop them (as ML-GCN, ADD-GCN and
            SALGL). None: drop them and note how many, as nobody has said which.
    """

    reader: ClassVar[str] = "bench.datasets.layouts.coco"
    annotations: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    keep_unannotated: bool | None = False

    def wanted(self) -> str:
        """The annotation files and image folders."""
        return ", ".join([*self.annotations.values(), *self.images.values()])


@dataclass(frozen=True)
class NUSWide(Layout):
    """Groundtruth/AllLabels, ImageList, ConceptsList/Concepts81.txt, Flickr.

    Attributes:
        keep_unlabelled: keep images with none of the 81 concepts.
    """

    reader: ClassVar[str] = "bench.datasets.layouts.nuswide"
    keep_unlabelled: bool = False

    def wanted(self) -> str:
        """The folders of the published archive."""
        return "nuswide/{Flickr,Groundtruth/AllLabels,ImageList,ConceptsList}"


@dataclass(frozen=True)
class VisualGenome(Layout):
    """objects.json, VG_100K, VG_100K_2, and SSGRL's lists train_list_500.txt and test_list_500.txt."""

    reader: ClassVar[str] = "bench.datasets.layouts.visual_genome"
    names: int = 500

    def wanted(self) -> str:
        """The published files and SSGRL's lists."""
        return "vg/{VG_100K,VG_100K_2,objects.json,train_list_500.txt,test_list_500.txt}"


class TablePart(NamedTuple):
    """A table and the folder of its images, relative to the data set's folder.

    Attributes:
        split: the split that it holds; empty where it holds all images.
        file: the CSV file.
        images: the folder.
    """

    split: str
    file: str
    images: str


@dataclass(frozen=True)
class Table(Layout):
    """A CSV file, or one for each split, with a row per image, a row per label, or a column per class.

    Attributes:
        file: the CSV file, relative to the data set's folder, or that of each split; `.gz` is read too.
        images: the folder of the images, likewise.
        image: the column of the image's file name, with or without its suffix.
        labels: the column of its labels.
        split: the column of its split; empty where the splits are made here, or the images' names say them.
        split_folder: which folder in the name of an image is its split, the first being 1; 0 where none is.
        lists: the list of each split, a name of an image on every line; empty where none says the splits.
        nested: the images lie in the folder or any below it, and their names say no folder.
        separator: what stands between two labels.
        delimiter: what stands between two cells; empty where the header tells.
        rows: what a row has: all labels of an `image`, or one `label` of it, so that its rows are joined.
        one_hot: every class has a column: these, or all but those of image and split. None: if there is no
            column of labels and the others look so.
        value: the column that says whether the label of a row holds, in the cells of `one_hot`; empty where
            every label does. None: nobody has said, and a column that is called so is asked about.
        values: what a cell of such columns means, beside what is known (`layouts/one_hot.py`): positive,
            negative or difficult.
    """

    reader: ClassVar[str] = "bench.datasets.layouts.table"
    file: str | Mapping[str, str] = "labels.csv"
    images: str | Mapping[str, str] = "."
    image: str = "image"
    labels: str = "labels"
    split: str = ""
    split_folder: int = 0
    lists: Mapping[str, str] = field(default_factory=dict)
    nested: bool = False
    separator: str = "|"
    delimiter: str = ""
    rows: str = "image"
    one_hot: bool | tuple[str, ...] | None = None
    value: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    def wanted(self) -> str:
        """The CSV files."""
        return ", ".join(part.file for part in self.parts())

    def parts(self) -> tuple[TablePart, ...]:
        """The table, or that of each split."""
        files = {"": self.file} if isinstance(self.file, str) else self.file
        images = dict.fromkeys(files, self.images) if isinstance(self.images, str) else self.images
        return tuple(TablePart(split, file, images[split]) for split, file in files.items())


@dataclass(frozen=True)
class YOLO(Layout):
    """Images, a text file of boxes for each, and a data.yaml, as Ultralytics and Roboflow write them.

    Attributes:
        data: the data.yaml, relative to the data set's folder, outside of which nothing is read.
    """

    reader: ClassVar[str] = "bench.datasets.layouts.yolo"
    data: str = "data.yaml"

    def wanted(self) -> str:
        """The data.yaml."""
        return self.data


@dataclass(frozen=True)
class ClassFolders(Layout):
    """A folder for each class, named by it, with its pictures; in a folder for each split, if there are some.

    Attributes:
        folder: the folder of the folders, relative to the data set's folder.
        separator: what stands between two labels in the name of a folder; empty where each is one label.
        splits: the folders of the splits, which hold those of the classes; empty where the splits are made.
    """

    reader: ClassVar[str] = "bench.datasets.layouts.folders"
    folder: str = "."
    separator: str = ""
    splits: tuple[str, ...] = ()

    def wanted(self) -> str:
        """The folders of the splits, or of the classes."""
        return ", ".join(self.splits) if self.splits else f"the folders of the classes in {self.folder}"


@dataclass(frozen=True)
class HuggingFace(Layout):
    """Tables that hold their pictures: what `save_to_disk` of Hugging Face's datasets writes, or parquet.

    Attributes:
        data: the folder or the parquet file, relative to the data set's folder.
        image: the column of the pictures.
        labels: the column of the labels: a list, or one label.
    """

    reader: ClassVar[str] = "bench.datasets.layouts.hugging_face"
    data: str = "."
    image: str = "image"
    labels: str = "labels"

    def wanted(self) -> str:
        """The folder or file."""
        return self.data


@dataclass(frozen=True)
class MadeSplit:
    """Splits that are drawn here, because none is published or given.

    Attributes:
        train: how much is trained on: a share below 1, or a number of images.
        stratified: every label is shared out in the same proportion (iterative stratification), instead of
            drawing images alone.
        seed: what is drawn from; another one gives another data set.
    """

    train: float
    stratified: bool
    seed: int = 0
