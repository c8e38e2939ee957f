"""Labels that were read otherwise than they were meant do not go unnoticed."""

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.odd_counts import odd_counts
from bench.datasets.odd_labels import odd_labels
from bench_command import TINY, bench
from trees import write_picture


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (("cat", "dog", "cat,dog"), "made of labels that also stand alone, with ','"),
        (("cat", "dog", "cat; dog"), "made of labels that also stand alone, with ';'"),
        (("cat", "dog", "dog cat"), "made of labels that also stand alone, with ' '"),
        (
            ("['cat', 'dog']", "['cat']"),
            "2 labels, '['cat', 'dog']', '['cat']', look like ones with brackets",
        ),
        (("cat", "Cat"), "'cat', 'Cat' differ in case, blanks or Unicode form alone"),
        (("traffic light", "trafficlight"), "differ in case, blanks or Unicode form alone"),
        (("cit\u00e9", "cite\u0301"), "differ in case, blanks or Unicode form alone"),
        (("cat", "dog", "cat|dog"), "made of labels that also stand alone, with '|'"),
        (("cat", "dog", "cat+dog"), "made of labels that also stand alone, with '+'"),
        (("cat", "NaN"), "'NaN' looks like one like an empty cell"),
    ],
)
def test_odd_labels_are_named(classes: tuple[str, ...], said: str) -> None:
    found = odd_labels(classes)
    assert len(found) == 1 and said in found[0]


@pytest.mark.parametrize(
    "classes", [("cat", "dog"), ("traffic light", "fire hydrant", "light"), ("a,b", "c"), ("sofa (red)",)]
)
def test_ordinary_labels_are_not(classes: tuple[str, ...]) -> None:
    assert odd_labels(classes) == []


def test_classes_that_a_split_lacks_are_named() -> None:
    classes = ("learned", "only in test", "only in train", "always in test")
    train = np.array([[1, -1, 1, 1], [-1, -1, -1, -1]], np.int8)
    held_out = np.array([[1, 1, -1, 1], [-1, -1, -1, 1]], np.int8)
    assert odd_counts(classes, train, held_out, ("train", "test")) == [
        "1 of 4 classes have no positive label in train: nothing is learned of them (only in test)",
        "1 of 4 classes have no positive label in test: they are in no mean (only in train)",
        "1 of 4 classes have no negative label in test: their average precision is 100 whatever is predicted "
        "(always in test)",
    ]
    many = np.full((2, 9), -1, np.int8)
    (said, _) = odd_counts([f"c{c}" for c in range(9)], many, many, ("a", "b"))
    assert (
        said
        == "9 of 9 classes have no positive label in a: nothing is learned of them (c0, c1, c2, c3, c4, ...)"
    )


def test_they_are_said_by_check_and_data_without_a_label_is_refused(tmp_path: Path) -> None:
    name = own(tmp_path, ["cat", "cat", "cat", "dog"])
    (tmp_path / "own.yaml").write_text(
        "name: own\ncsv: {images: images, split: split}\nsplits: {train: a, eval: b}\n"
    )
    table = tmp_path / "labels.csv"
    table.write_text("image,labels,split\n0.jpg,cat,a\n1.jpg,cat,a\n2.jpg,cat,b\n3.jpg,dog,b\n")
    said = " ".join(bench(tmp_path, None, "data", "check", name).output.split())
    assert "1 of 2 classes have no positive label in a: nothing is learned of them (dog)" in said
    table.write_text("image,labels,split\n0.jpg,,a\n1.jpg,,a\n2.jpg,,b\n3.jpg,,b\n")
    for command in (("data", "check", name), ("run", "--methods", "resnet", *TINY[2:], "--data", name)):
        done = bench(tmp_path, None, *command)
        assert done.exit_code == 2 and "No image of own.yaml has a label" in " ".join(done.output.split())


def own(folder: Path, rows: list[str]) -> str:
    (folder / "images").mkdir()
    for number in range(len(rows)):
        write_picture(folder / "images" / f"{number}.jpg", number)
    text = "".join(f'{number}.jpg,"{labels}"\n' for number, labels in enumerate(rows))
    (folder / "labels.csv").write_text(f"image,labels\n{text}", encoding="utf-8")
    (folder / "own.yaml").write_text("name: own\ncsv: {images: images}\nsplits: {train: 0.5}\n")
    return "own.yaml"


def test_a_wrong_separator_is_said_by_check_and_at_the_start_of_a_run(tmp_path: Path) -> None:
    name = own(tmp_path, ["cat,dog", "cat", "dog", "cat,dog", "dog", "cat"])
    checked = bench(tmp_path, None, "data", "check", name)
    assert "own.yaml: 3 classes (cat, cat,dog, dog), 1.00 positive labels per image" in checked.stdout
    run = bench(tmp_path, None, "run", *TINY, "--data", name, "--dry-run")
    for shown in (checked.stdout, run.stdout):
        assert "'cat,dog' looks like one made of labels that also stand alone, with ',' between them" in shown
    assert "note: own: 3 classes (cat, cat,dog, dog), 1.00 positive labels per image" in run.stdout


def test_right_labels_are_counted_and_nothing_is_noted(tmp_path: Path) -> None:
    name = own(tmp_path, ["cat|dog", "cat", "dog", "cat|dog", "dog", "cat"])
    shown = bench(tmp_path, None, "data", "check", name).stdout
    assert "2 classes (cat, dog), 1.33 positive labels per image" in shown and "note:" not in shown
