"""The data sets as typed literals: what each one is, where it comes from, how it is read.

Light on purpose: listing data sets must not import numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from bench.datasets.classes import COCO_CLASSES, NUSWIDE_CONCEPTS, VOC_CLASSES
from bench.datasets.info import Counts, DataSetInfo, EvaluatedOn
from bench.datasets.layout import COCOInstances, MadeSplit, NUSWide, VisualGenome, VOCDevkit
from bench.plugins import Catalogue

_COCO_FILES = {split: f"annotations/instances_{split}.json" for split in ("train2014", "val2014")}
_COCO_FOLDERS = {split: split for split in ("train2014", "val2014")}
_COCO = "Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014"
_COCO_LICENCE = "annotations CC BY 4.0; images under Flickr terms of use"
_VOC2012 = "Everingham et al., The PASCAL Visual Object Classes Challenge: A Retrospective, IJCV 2015"
_NUSWIDE = (
    "Chua et al., NUS-WIDE: A Real-World Web Image Database from National University of Singapore, CIVR 2009"
)
_NUSWIDE_SOURCE = (
    "lms.comp.nus.edu.sg/wp-content/uploads/2019/research/nuswide/NUS-WIDE.html; images by request"
)
_NUSWIDE_LICENCE = "images under Flickr terms of use; for research"

_SCENES = DataSetInfo(
    name="scenes",
    title="Scenes",
    summary="built in: drawn scenes with 20 classes that co-occur, made on first use",
    citation="drawn by this project's generator",
    source="bench.datasets.scenes",
    licence="MIT, as the project",
    classes=(),
    layout=VOCDevkit("Scenes"),
    train_split="trainval",
    eval_split="test",
    default_schedule="demo",
    counts={"trainval": Counts(800), "test": Counts(400)},
    built_in=True,
)
_CO_OCCURRENCE = {"alike": "as in training", "independent": "by chance", "reversed": "the other way round"}


def _scenes_for_context(split: str, how: str) -> DataSetInfo:
    """The training pictures of `scenes`, and test pictures of their own."""
    return replace(
        _SCENES,
        name=f"scenes-{split}",
        title=f"Scenes, {split}",
        summary=f"built in: scenes, tested where labels co-occur {how} and backgrounds tell nothing",
        layout=VOCDevkit("ScenesContext"),
        eval_split=split,
        counts={"trainval": Counts(800), split: Counts(400)},
    )


_OBJECTS = replace(
    _SCENES,
    name="scenes-objects",
    title="Scenes, single objects",
    summary="built in: drawn pictures with one object each, to train a backbone on beforehand",
    layout=VOCDevkit("ScenesObjects"),
    eval_split="objects",
    counts={"trainval": Counts(4000), "objects": Counts(400)},
)

DATASETS: dict[str, DataSetInfo] = {
    info.name: info
    for info in (
        _SCENES,
        _OBJECTS,
        *(_scenes_for_context(split, words) for split, words in _CO_OCCURRENCE.items()),
        DataSetInfo(
            name="voc2007",
            title="PASCAL VOC 2007",
            summary="20 classes; 5,011 trainval and 4,952 test photographs",
            citation="Everingham et al., The PASCAL Visual Object Classes (VOC) Challenge, IJCV 2010",
            source="host.robots.ox.ac.uk/pascal/VOC/voc2007",
            licence="Flickr terms of use; for research",
            classes=VOC_CLASSES,
            layout=VOCDevkit("VOC2007"),
            train_split="trainval",
            eval_split="test",
            counts={
                "trainval": Counts(5011, 7306, 607),
                "test": Counts(4952, 7013, 619),
                "train": Counts(2501),
                "val": Counts(2510),
            },
            validation=("train", "val"),
        ),
        # For who has the trainval archive alone.
        DataSetInfo(
            name="voc2007-train-val",
            title="PASCAL VOC 2007 train/val",
            summary="20 classes; 2,501 train and 2,510 val photographs, both of the trainval archive",
            citation="Everingham et al., The PASCAL Visual Object Classes (VOC) Challenge, IJCV 2010",
            source="host.robots.ox.ac.uk/pascal/VOC/voc2007",
            licence="Flickr terms of use; for research",
            classes=VOC_CLASSES,
            layout=VOCDevkit("VOC2007"),
            train_split="train",
            eval_split="val",
            counts={"train": Counts(2501), "val": Counts(2510)},
            validation=MadeSplit(0.8, stratified=True),
        ),
        # The split of MultiLabelClassification's tables, not that of SSGRL's and ADD-GCN's.
        DataSetInfo(
            name="voc2012",
            title="PASCAL VOC 2012",
            summary="20 classes; 5,717 train and 5,823 val photographs (not the test server's split)",
            citation=_VOC2012,
            source="host.robots.ox.ac.uk/pascal/VOC/voc2012",
            licence="Flickr terms of use; for research",
            classes=VOC_CLASSES,
            layout=VOCDevkit("VOC2012"),
            train_split="train",
            eval_split="val",
            counts={"train": Counts(5717), "val": Counts(5823)},
        ),
        # SSGRL's and ADD-GCN's split. Its numbers come from the server; `bench submission` writes the files.
        DataSetInfo(
            name="voc2012-server",
            title="PASCAL VOC 2012 test server",
            summary="11,540 trainval and 10,991 test photographs; the test labels are held by the server",
            citation=_VOC2012,
            source="host.robots.ox.ac.uk:8080",
            licence="Flickr terms of use; for research",
            classes=VOC_CLASSES,
            layout=VOCDevkit("VOC2012", unlabelled=("test",)),
            train_split="trainval",
            eval_split="test",
            counts={
                "trainval": Counts(11540),
                "test": Counts(10991),
                "train": Counts(5717),
                "val": Counts(5823),
            },
            validation=("train", "val"),
        ),
        DataSetInfo(
            name="coco2014",
            title="MS-COCO 2014",
            summary="80 classes; 82,081 train and 40,137 val photographs with an annotation",
            citation=_COCO,
            source="cocodataset.org",
            licence=_COCO_LICENCE,
            classes=COCO_CLASSES,
            layout=COCOInstances(_COCO_FILES, _COCO_FOLDERS),
            train_split="train2014",
            eval_split="val2014",
            counts={"train2014": Counts(82081), "val2014": Counts(40137, 116592)},
        ),
        DataSetInfo(
            name="coco2014-all",
            title="MS-COCO 2014 with unannotated images",
            summary="80 classes; 82,783 train and 40,504 val photographs, as SSGRL uses them",
            citation=_COCO,
            source="cocodataset.org",
            licence=_COCO_LICENCE,
            classes=COCO_CLASSES,
            layout=COCOInstances(_COCO_FILES, _COCO_FOLDERS, keep_unannotated=True),
            train_split="train2014",
            eval_split="val2014",
            counts={"train2014": Counts(82783), "val2014": Counts(40504, 116592)},
        ),
        DataSetInfo(
            name="nuswide",
            title="NUS-WIDE",
            summary="81 concepts; the official lists without unlabelled images: 125,449 and 83,898",
            citation=_NUSWIDE,
            source=_NUSWIDE_SOURCE,
            licence=_NUSWIDE_LICENCE,
            classes=NUSWIDE_CONCEPTS,
            layout=NUSWide(),
            train_split="train",
            eval_split="test",
            counts={"train": Counts(125449), "test": Counts(83898)},
        ),
        DataSetInfo(
            name="nuswide-official",
            title="NUS-WIDE with unlabelled images",
            summary="81 concepts; the official lists, whole: 161,789 and 107,859",
            citation=_NUSWIDE,
            source=_NUSWIDE_SOURCE,
            licence=_NUSWIDE_LICENCE,
            classes=NUSWIDE_CONCEPTS,
            layout=NUSWide(keep_unlabelled=True),
            train_split="train",
            eval_split="test",
            counts={"train": Counts(161789), "test": Counts(107859)},
        ),
        # The lists of the papers that draw a split were not published; these are drawn here, from seed 0.
        DataSetInfo(
            name="nuswide-70-30",
            title="NUS-WIDE, random 70/30",
            summary="81 concepts; 70 % of the labelled images drawn for training, as in the ASL paper",
            citation=_NUSWIDE,
            source=_NUSWIDE_SOURCE,
            licence=_NUSWIDE_LICENCE,
            classes=NUSWIDE_CONCEPTS,
            layout=NUSWide(),
            train_split="train",
            eval_split="test",
            counts={"train": Counts(146543), "test": Counts(62804)},
            made=MadeSplit(0.7, stratified=False),
        ),
        DataSetInfo(
            name="nuswide-150k",
            title="NUS-WIDE, random 150,000",
            summary="81 concepts; 150,000 of the labelled images drawn for training, as in the SRN paper",
            citation=_NUSWIDE,
            source=_NUSWIDE_SOURCE,
            licence=_NUSWIDE_LICENCE,
            classes=NUSWIDE_CONCEPTS,
            layout=NUSWide(),
            train_split="train",
            eval_split="test",
            counts={"train": Counts(150000), "test": Counts(59347)},
            made=MadeSplit(150_000, stratified=False),
        ),
        DataSetInfo(
            name="vg500",
            title="Visual Genome 500",
            summary="the 500 most frequent object names; 82,904 train and 10,000 test images (SSGRL's lists)",
            citation="Krishna et al., Visual Genome, IJCV 2017; split: Chen et al., SSGRL, ICCV 2019",
            source="homes.cs.washington.edu/~ranjay/visualgenome; lists: github.com/HCPLab-SYSU/SSGRL",
            licence="CC BY 4.0",
            classes=(),
            layout=VisualGenome(),
            train_split="train",
            eval_split="test",
            counts={"train": Counts(82904), "test": Counts(10000)},
        ),
    )
}


@dataclass(frozen=True)
class LessContext:
    """What a data set whose test pictures are out of context is compared with.

    Attributes:
        than: the data set that has the same training pictures, and test pictures in context.
        because: what is not so in the test pictures of this one.
    """

    than: str
    because: str


OUT_OF_CONTEXT: Final[Mapping[str, LessContext]] = {
    "scenes-alike": LessContext("scenes", "backgrounds tell nothing about the labels"),
    "scenes-independent": LessContext("scenes-alike", "labels co-occur by chance, no longer as in training"),
    "scenes-reversed": LessContext("scenes-alike", "labels that go together in training avoid each other"),
}
"""The data sets whose test pictures are out of the context of their training pictures."""

DATASET_CATALOGUE: Final = Catalogue(
    noun="data set",
    group="bench.datasets",
    kind=DataSetInfo,
    built_in=DATASETS,
    reserved=frozenset(),
    objection=lambda info: "built_in is for the pictures that the harness draws" if info.built_in else "",
)
"""The built-in data sets and those of installed packages."""


def same_images(one: str, other: str) -> bool:
    """Whether two data sets are the same images, in the same or other splits: they have one citation."""
    return {one, other} <= DATASETS.keys() and DATASETS[one].citation == DATASETS[other].citation


def share(name: str, part: Literal["train", "eval"], images: int, on: EvaluatedOn = "test") -> str:
    """How many images of a split there are; `28 of 5,011` where more are published.

    Args:
        name: of the data set; one that is not known here has no published counts.
        part: which split.
        images: how many there are.
        on: what is evaluated; a validation split that is drawn has no published counts.
    """
    known = DATASET_CATALOGUE.find(name)
    info = known and known.evaluated_on(on)
    split = (info.train_split if part == "train" else info.eval_split) if info else ""
    published = info.counts.get(split) if info else None
    return (
        f"{images}"
        if published is None or published.images == images
        else f"{images} of {published.images:,}"
    )
