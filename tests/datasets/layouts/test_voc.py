"""The VOC devkit: labels from XML, where its folder is looked for, and what the real one gives."""

import csv
import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.datasets.catalog import DATASETS, EvaluatedOn
from bench.datasets.classes import VOC_CLASSES
from bench.datasets.layout import ALL, VOCDevkit
from bench.datasets.layouts import voc
from bench.datasets.layouts.voc import read_annotation
from bench.datasets.listing import Listing
from bench.datasets.locate import locate
from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.errors import UserError
from bench.labels import count_labels
from trees import write_annotation, write_voc

Labels = dict[str, list[int]]
VOC2007 = VOCDevkit("VOC2007")


def listed(devkit: Path, split: str = "trainval", layout: VOCDevkit = VOC2007) -> Listing:
    return voc.read(devkit, layout, split, VOC_CLASSES, None)


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    return write_voc(tmp_path / "data", train=4, test=2)


def test_difficult_is_0_unless_another_object_of_the_class_is_not(tmp_path: Path) -> None:
    path = tmp_path / "picture.xml"
    write_annotation(path, [("cat", 1), ("cat", 1), ("dog", 1), ("dog", 0), ("person", 0), ("person", 1)])
    found = read_annotation(path).labels
    assert found == {"cat": 0, "dog": 1, "person": 1}


def test_parts_of_an_object_and_a_missing_flag_are_read_as_voc_means_them(tmp_path: Path) -> None:
    path = tmp_path / "picture.xml"
    path.write_text(
        "<annotation><object><name> person\n</name>"
        "<part><name>head</name></part></object><segmented>0</segmented></annotation>"
    )
    assert read_annotation(path).labels == {"person": 1}


def test_rows_are_1_positive_0_difficult_and_minus_1_absent(devkit: Path) -> None:
    write_annotation(devkit / "Annotations" / "000001.xml", [("cat", 1), ("dog", 1), ("dog", 0)])
    write_annotation(devkit / "Annotations" / "000002.xml", [])
    found = listed(devkit)
    expected = [{"cat": 0, "dog": 1}.get(name, -1) for name in VOC_CLASSES]
    assert found.labels[:2].tolist() == [expected, [-1] * 20] and found.labels.dtype == np.int8
    assert found.files[0] == "JPEGImages/000001.jpg"
    assert {"ImageSets/Main/trainval.txt", "Annotations/000001.xml"} <= set(found.sources)


def test_the_server_holds_the_labels_of_a_split(devkit: Path) -> None:
    shutil.rmtree(devkit / "Annotations")
    found = listed(devkit, "test", VOCDevkit("VOC2007", unlabelled=("test",)))
    assert found.ids == ("000005", "000006") and not found.labels.any() and found.problems == ()


def test_without_a_list_every_annotation_is_an_image(devkit: Path) -> None:
    assert listed(devkit, ALL).ids == tuple(f"{number:06d}" for number in range(1, 7))
    names = voc.class_names(devkit, VOC2007)
    assert list(names) == sorted(set(names)) and set(names) <= set(VOC_CLASSES)


@pytest.mark.parametrize(
    ("flag", "label"),
    [
        *(
            ("1", 0),
            ("true", 0),
            (" True\n", 0),
            ("0", 1),
            ("false", 1),
            ("Unspecified", 1),
            ("2", 1),
            ("", 1),
        ),
    ],
)
def test_only_1_and_true_are_difficult(flag: str, label: int, tmp_path: Path) -> None:
    path = tmp_path / "picture.xml"
    path.write_text(
        f"<annotation><object><name>cat</name><difficult>{flag}</difficult></object></annotation>"
    )
    assert read_annotation(path).labels == {"cat": label}


def test_classes_come_from_the_annotations_of_the_lists(devkit: Path) -> None:
    for number in range(1, 7):
        write_annotation(devkit / "Annotations" / f"{number:06d}.xml", [(f"class {number}", 0)])
    layout = VOCDevkit("VOC2007", lists=("train", "test"))
    assert voc.class_names(devkit, layout) == ("class 1", "class 2", "class 5", "class 6")
    sources = voc.class_sources(devkit, layout)
    assert sources[0] == "ImageSets/Main/train.txt" and "Annotations/000003.xml" not in sources


def test_hidden_files_are_no_annotations(devkit: Path) -> None:
    before = (listed(devkit, ALL).ids, voc.class_names(devkit, VOC2007))
    (devkit / "Annotations" / "._000001.xml").write_bytes(b"\0\5\x16\7")
    (devkit / "Annotations" / ".hidden.xml").write_text("<annotation/>")
    (devkit / "ImageSets" / "Main" / "._trainval.txt").write_bytes(b"\0\5\x16\7")
    assert (listed(devkit, ALL).ids, voc.class_names(devkit, VOC2007)) == before
    with pytest.raises(UserError, match=r"lists there are: test, train, trainval, val; "):
        listed(devkit, "none")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not well-formed XML"),
        (b"<annotation><object>", "not well-formed XML"),
        (b"<annotation>\xff</annotation>", "not well-formed XML"),
        (
            b"<?xml version='1.0' encoding='nonsense'?><annotation/>",
            "XML, in its encoding 'nonsense': unknown encoding",
        ),
        (
            b"<?xml version='1.0' encoding='zlib'?><annotation/>",
            "XML, in its encoding 'zlib': .* not a text encoding",
        ),
        (
            b"<?xml version='1.0' encoding='gbk'?><annotation>\xff</annotation>",
            "in its encoding 'gbk': 'gbk' codec",
        ),
        (
            b"<?xml version='1.0' encoding='utf-16'?><annotation>\xff</annotation>",
            "in its encoding 'utf-16': ",
        ),
        (
            b"<annotation><object><name>a&#9;b</name></object></annotation>",
            r"object 1, 'a\\tb', has .* U\+0009",
        ),
        (
            b"<?xml version='1.0' encoding='latin-1'?>"
            b"<annotation><object><name>a\x85b</name></object></annotation>",
            r"the name of object 1, 'a\\x85b', has the control character U\+0085; take it out",
        ),
        (b"<html><body>Not found</body></html>", "not an annotation but <html>"),
        (b"<annotation><object><difficult>0</difficult></object></annotation>", "object 1 has no name"),
    ],
)
def test_what_is_no_annotation_is_a_value_error(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.xml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_annotation(path)


def test_the_root_may_be_any_of_three_folders(devkit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for root in (devkit.parents[1], devkit.parent, devkit):
        assert voc.find(root, VOC2007) == devkit
        monkeypatch.chdir(root)
        assert locate(DATASETS["voc2007"], Path()) == devkit, "as in --data-root ."
    monkeypatch.setenv("HOME", str(devkit.parents[1]))
    assert locate(DATASETS["voc2007"], Path("~")) == devkit, "no shell replaces ~ in .bench.yaml"
    assert voc.find(devkit, VOCDevkit()) == devkit, "a devkit of one's own has any name"


def test_another_year_is_named_with_what_is_there(devkit: Path) -> None:
    with pytest.raises(UserError, match=r"does not hold .* VOC2012/ImageSets/Main; the folder holds VOC2007"):
        voc.find(devkit.parent, VOCDevkit("VOC2012"))
    with pytest.raises(UserError, match="looked for VOCdevkit/VOC2012/ImageSets/Main"):
        voc.find(devkit, VOCDevkit("VOC2012"))


def test_a_missing_or_empty_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path / 'none'} is not a folder.*VOCdevkit/VOC2007"):
        voc.find(tmp_path / "none", VOC2007)
    with pytest.raises(UserError, match=f"{tmp_path} does not hold .* looked for .* holds nothing"):
        voc.find(tmp_path, VOC2007)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (["JPEGImages"], "is incomplete: it has no JPEGImages;"),
        (["JPEGImages", "Annotations"], "is incomplete: it has no JPEGImages and no Annotations;"),
        (["ImageSets"], "does not hold the data set: looked for"),
    ],
)
def test_a_missing_folder_is_named(gone: list[str], message: str, devkit: Path) -> None:
    for name in gone:
        shutil.rmtree(devkit / name)
    with pytest.raises(UserError, match=message):
        voc.find(devkit.parents[1], VOC2007)


def test_lists_are_read_in_their_order(devkit: Path) -> None:
    path = devkit / "ImageSets" / "Main" / "trainval.txt"
    path.write_text("000003 \r\n000001\n\n000002\n")
    assert listed(devkit).ids == ("000003", "000001", "000002")


@pytest.mark.parametrize(
    ("name", "split", "missing", "instead"),
    [
        ("voc2007", "validation", "train", "voc2007 without a validation split"),
        ("voc2007", "validation", "val", "voc2007 without a validation split"),
        ("voc2007-train-val", "test", "train", "voc2007 without a validation split"),
        ("voc2007", "test", "trainval", "voc2007-train-val"),
    ],
)
def test_of_lists_that_are_not_all_there_is_said_what_they_are_enough_for(
    name: str, split: EvaluatedOn, missing: str, instead: str, devkit: Path
) -> None:
    (devkit / "ImageSets" / "Main" / f"{missing}.txt").unlink()
    there = ", ".join(sorted({"test", "train", "trainval", "val"} - {missing}))
    said = (
        f"{missing}.txt; the lists there are: {there}; put it there, or, with these alone, take the data set"
    )
    with pytest.raises(UserError, match=rf"^No list \S+{said} {instead}\.$"):
        open_dataset(name, devkit.parents[1], on=split)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "test.txt is empty"),
        (b" \n\n", "test.txt is empty"),
        (b"000001\n000002\n000001\n", "test.txt names image 000001 2 times"),
        (b"\xff\xfe\x00", "test.txt is not a text file"),
        (
            None,
            r"No list .*test.txt; the lists there are: train, trainval, val; put it there, or, with these "
            r"alone, take the data set voc2007-train-val\.$",
        ),
    ],
)
def test_a_bad_list_is_named(content: bytes | None, message: str, devkit: Path) -> None:
    path = devkit / "ImageSets" / "Main" / "test.txt"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        listed(devkit, "test")


# Real photographs and the official lists.


def official(shared: Path, split: str) -> Labels:
    path = shared / "realdata" / "labels" / "voc2007_imagesets" / f"{split}.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    assert tuple(header[1:]) == VOC_CLASSES
    return {row[0]: [int(value) for value in row[1:]] for row in rows}


@pytest.fixture
def real(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataSet:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    return open_dataset("voc2007", shared / "realdata")


def test_the_real_photographs_open(real: DataSet) -> None:
    assert (len(real.train), len(real.eval), real.skipped) == (28, 5, ())
    assert real.info.classes == VOC_CLASSES


@pytest.mark.parametrize("split", ["trainval", "test"])
def test_labels_from_xml_equal_the_official_lists(split: str, real: DataSet, shared: Path) -> None:
    index = real.train if split == "trainval" else real.eval
    whole = official(shared, split)
    np.testing.assert_array_equal(index.labels, [whole[image] for image in index.ids])
    for column, name in enumerate(VOC_CLASSES):
        path = real.root / "ImageSets" / "Main" / f"{name}_{split}.txt"
        lines = [line.split() for line in path.read_text().splitlines()]
        assert [line[0] for line in lines] == list(index.ids)
        assert [int(line[1]) for line in lines] == index.labels[:, column].tolist(), name


def counted(labels: NDArray[np.int8]) -> tuple[int, int, int]:
    return len(labels), int((labels == 1).sum()), int((labels == 0).sum())


def test_the_official_lists_give_the_published_numbers_and_graph(shared: Path) -> None:
    train = np.array(list(official(shared, "trainval").values()), dtype=np.int8)
    test = np.array(list(official(shared, "test").values()), dtype=np.int8)
    assert counted(train) == (5011, 7306, 607)
    assert counted(test) == (4952, 7013, 619)
    counts, pairs = count_labels(train)
    with np.load(shared / "realdata" / "graphs" / "mlgcn_voc_adj.npz") as graph:
        np.testing.assert_array_equal(counts, graph["nums"])
        np.testing.assert_array_equal(pairs, graph["adj"])
