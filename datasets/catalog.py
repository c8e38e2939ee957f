"""The data sets as typed literals: what each one is, where it comes from, how it is read.

Light on purpose: listing data sets must not import numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


@dataclass(frozen=True)
class Counts:
    """What a split holds as published; None where no source states it.

    Attributes:
        images: images in the list.
        positives: image labels that are positive.
        difficult: image labels of which every object is difficult.
    """

    images: int
    positives: int | None = None
    difficult: int | None = None


@dataclass(frozen=True)
class DataSetInfo:
    """A data set as published.

    Attributes:
        name: what the user types.
        title: as tables print it.
        summary: one line.
        citation: one line, authors, title, venue.
        source: where the images come from.
        licence: under which terms.
        classes: class names in the order of the label columns; the order is part of the definition.
        folder: the folder of the VOC devkit that holds it.
        train_split: the split trained on, a list in ImageSets/Main.
        eval_split: the split that metrics are computed on.
        default_schedule: what `bench run` uses when no schedule is named.
        counts: the published counts of its splits.
        built_in: made on first use instead of downloaded.
    """

    name: str
    title: str
    summary: str
    citation: str
    source: str
    licence: str
    classes: tuple[str, ...]
    folder: str
    train_split: str
    eval_split: str
    default_schedule: str
    counts: Mapping[str, Counts]
    built_in: bool = False


DATASETS: dict[str, DataSetInfo] = {
    info.name: info
    for info in (
        DataSetInfo(
            name="scenes",
            title="Scenes",
            summary="built in: drawn scenes with 20 classes that co-occur, made on first use",
            citation="drawn by this project's generator",
            source="bench.datasets.scenes_generator",
            licence="MIT, as the project",
            classes=(),
            folder="Scenes",
            train_split="trainval",
            eval_split="test",
            default_schedule="demo",
            counts={"trainval": Counts(800), "test": Counts(400)},
            built_in=True,
        ),
        DataSetInfo(
            name="voc2007",
            title="PASCAL VOC 2007",
            summary="20 classes; 5,011 trainval and 4,952 test photographs",
            citation="Everingham et al., The PASCAL Visual Object Classes (VOC) Challenge, IJCV 2010",
            source="host.robots.ox.ac.uk/pascal/VOC/voc2007",
            licence="Flickr terms of use; for research",
            classes=VOC_CLASSES,
            folder="VOC2007",
            train_split="trainval",
            eval_split="test",
            default_schedule="identical",
            counts={"trainval": Counts(5011, 7306, 607), "test": Counts(4952, 7013, 619)},
        ),
        # The labels of its test split are held by the evaluation server, so papers differ in what they do:
        # this is the split of MultiLabelClassification's tables, not that of SSGRL's and ADD-GCN's.
        DataSetInfo(
            name="voc2012",
            title="PASCAL VOC 2012",
            summary="20 classes; 5,717 train and 5,823 val photographs (not the test server's split)",
            citation="Everingham et al., The PASCAL Visual Object Classes Challenge: A Retrospective, "
            "IJCV 2015",
            source="host.robots.ox.ac.uk/pascal/VOC/voc2012",
            licence="Flickr terms of use; for research",
            classes=VOC_CLASSES,
            folder="VOC2012",
            train_split="train",
            eval_split="val",
            default_schedule="identical",
            counts={"train": Counts(5717), "val": Counts(5823)},
        ),
    )
}
