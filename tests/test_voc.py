"""The VOC devkit: labels from XML, where its folder is looked for, and what the real one gives."""

import csv
import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from trees import write_annotation, write_voc

from bench.datasets.catalog import VOC_CLASSES
from bench.datasets.open import DataSet, open_dataset
from bench.datasets.voc import find_devkit, label_row, read_annotation, read_list
from bench.errors import UserError
from bench.methods.label_space import count_labels

Labels = dict[str, list[int]]


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    return write_voc(tmp_path / "data", train=4, test=2)


def test_difficult_is_0_unless_another_object_of_the_class_is_not(tmp_path: Path) -> None:
    path = tmp_path / "picture.xml"
    write_annotation(path, [("cat", 1), ("cat", 1), ("dog", 1), ("dog", 0), ("person", 0), ("person", 1)])
    found = read_annotation(path)
    assert found == {"cat": 0, "dog": 1, "person": 1}
    row = label_row(found, ("dog", "bird", "cat", "person"))
    assert row.tolist() == [1, -1, 0, 1] and row.dtype == np.int8


def test_parts_of_an_object_and_a_missing_flag_are_read_as_voc_means_them(tmp_path: Path) -> None:
    path = tmp_path / "picture.xml"
    path.write_text(
        "<annotation><object><name> person\n</name>"
        "<part><name>head</name></part></object><segmented>0</segmented></annotation>"
    )
    assert read_annotation(path) == {"person": 1}


def test_an_annotation_without_objects_has_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "picture.xml"
    write_annotation(path, [])
    assert label_row(read_annotation(path), VOC_CLASSES).tolist() == [-1] * 20


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not well-formed XML"),
        (b"<annotation><object>", "not well-formed XML"),
        (b"<annotation>\xff</annotation>", "not well-formed XML"),
        (b"<?xml version='1.0' encoding='nonsense'?><annotation/>", "not well-formed XML"),
        (b"<?xml version='1.0' encoding='big5'?><annotation/>", "not well-formed XML"),
        (b"<html><body>Not found</body></html>", "not an annotation but <html>"),
        (b"<annotation><object><difficult>0</difficult></object></annotation>", "object 1 has name ''"),
        (
            b"<annotation><object><name>cat</name><difficult>2</difficult></object></annotation>",
            "object 1 has name 'cat' and difficult '2'",
        ),
    ],
)
def test_what_is_no_annotation_is_a_value_error(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.xml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_annotation(path)


def test_the_root_may_be_any_of_three_folders(devkit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for root in (devkit.parents[1], devkit.parent, devkit):
        assert find_devkit(root, "VOC2007") == devkit
        monkeypatch.chdir(root)
        assert find_devkit(Path(), "VOC2007") == devkit, "as in --data-root ."
    monkeypatch.setenv("HOME", str(devkit.parents[1]))
    assert find_devkit(Path("~"), "VOC2007") == devkit, "no shell replaces ~ in .bench.yaml"


def test_another_year_is_named_with_what_is_there(devkit: Path) -> None:
    with pytest.raises(UserError, match=r"No VOC2012 under .*VOC2012/ImageSets/Main.* holds VOC2007"):
        find_devkit(devkit.parent, "VOC2012")
    with pytest.raises(UserError, match="No VOC2012"):
        find_devkit(devkit, "VOC2012")


def test_a_missing_or_empty_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path / 'none'} is not a folder.*VOCdevkit/VOC2007"):
        find_devkit(tmp_path / "none", "VOC2007")
    with pytest.raises(UserError, match=f"No VOC2007 under {tmp_path}: looked for .* holds nothing"):
        find_devkit(tmp_path, "VOC2007")


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (["JPEGImages"], "is incomplete: it has no JPEGImages;"),
        (["JPEGImages", "Annotations"], "is incomplete: it has no JPEGImages and no Annotations;"),
        (["ImageSets"], "No VOC2007 under .*looked for"),
    ],
)
def test_a_missing_folder_is_named(gone: list[str], message: str, devkit: Path) -> None:
    for name in gone:
        shutil.rmtree(devkit / name)
    with pytest.raises(UserError, match=message):
        find_devkit(devkit.parents[1], "VOC2007")


def test_lists_are_read_in_their_order(devkit: Path) -> None:
    path = devkit / "ImageSets" / "Main" / "trainval.txt"
    path.write_text("000003 \r\n000001\n\n000002\n")
    assert read_list(devkit, "trainval") == ("000003", "000001", "000002")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "test.txt is empty"),
        (b" \n\n", "test.txt is empty"),
        (b"000001\n000002\n000001\n", "test.txt names image 000001 more than once"),
        (b"\xff\xfe\x00", "test.txt is not a text file"),
        (None, r"No list .*test.txt; the lists there are: train, trainval, val\.$"),
    ],
)
def test_a_bad_list_is_named(content: bytes | None, message: str, devkit: Path) -> None:
    path = devkit / "ImageSets" / "Main" / "test.txt"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_list(devkit, "test")


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
