"""Splits that were named or filled otherwise than they were meant do not go unnoticed."""

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.index import SplitIndex
from bench.datasets.odd_splits import one_sided, unused_splits
from bench.datasets.own import load_own
from bench_command import TINY, bench
from trees import write_picture

USED = ("train", "test")


def own(folder: Path, rows: list[tuple[str, str]]) -> str:
    """A table with the labels and the split of each picture."""
    (folder / "images").mkdir()
    for number in range(len(rows)):
        write_picture(folder / "images" / f"{number}.jpg", number)
    text = "".join(f'{number}.jpg,"{labels}",{split}\n' for number, (labels, split) in enumerate(rows))
    (folder / "labels.csv").write_text(f"image,labels,split\n{text}", encoding="utf-8")
    (folder / "own.yaml").write_text(
        "name: own\ncsv: {images: images, split: split}\nsplits: {train: train, eval: test}\n"
    )
    return "own.yaml"


def test_splits_that_are_not_used_are_named_and_those_that_look_like_a_used_one_asked_about() -> None:
    there = {"train": 9, "Train": 8, "test": 7, "te st": 6, "val": 5, "\uff54est": 4}
    assert unused_splits(USED, there) == [
        "images of splits that are not used: 8 of 'Train', 6 of 'te st', 5 of 'val', 4 of '\uff54est'",
        "the splits 'train' and 'Train' differ in case or blanks alone: are they one?",
        "the splits 'test' and 'te st' differ in case or blanks alone: are they one?",
        "the splits 'test' and '\uff54est' differ in case, blanks or Unicode form alone: are they one?",
    ]
    many = unused_splits(USED, {f"fold {number}": 1 for number in range(8)})
    assert many[0].endswith("1 of 'fold 3', 1 of 'fold 4' and 3 more")
    assert unused_splits(USED, {"train": 9, "test": 7}) == unused_splits(USED, {}) == []


def test_check_and_run_count_the_images_of_each_split_and_name_those_that_are_not_used(
    tmp_path: Path,
) -> None:
    splits = ["train", "train", "Train", "test", "test", "val"]
    name = own(tmp_path, [(("cat", "dog")[number % 2], split) for number, split in enumerate(splits)])
    for _ in range(2):  # from the table, and from what was kept of it
        checked = bench(tmp_path, None, "data", "check", name).stdout
        run = bench(tmp_path, None, "run", *TINY, "--data", name, "--dry-run").stdout
        assert "own.yaml: 2 images of train and 2 of test are used" in checked
        for shown in (checked, run):
            assert "note: own: images of splits that are not used: 1 of 'Train', 1 of 'val'" in shown
            assert "note: own: the splits 'train' and 'Train' differ in case or blanks alone" in shown


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        ([("a", "train"), ("b", "train"), ("a", "test"), ("b", "test")], []),
        (
            [("a", "train"), ("a", "train"), ("b", "test"), ("b", "test")],
            [
                "classes without a positive in train (1 of 2): 'b'; no method can learn such a class",
                "classes without a positive in test (1 of 2): 'a'; mAP is over the others",
                "classes without a negative in test (1 of 2): 'b'; AP is 100 whatever is predicted for one",
            ],
        ),
    ],
)
def test_classes_of_which_nothing_can_be_learned_or_measured_are_named_in_check_and_run(
    rows: list[tuple[str, str]], notes: list[str], tmp_path: Path
) -> None:
    name = own(tmp_path, rows)
    for command in (("data", "check", name), ("run", *TINY, "--data", name, "--dry-run")):
        shown = bench(tmp_path, None, *command).stdout
        found = [line for line in shown.splitlines() if " without a " in line]
        assert found == [f"note: own: {note}" for note in notes]


def test_many_such_classes_are_counted_and_a_split_without_images_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\ncsv: {}\nsplits: {train: 0.5}\nclasses: [a, b, c, d, e, f, g, h]\n"
    )
    info = load_own(tmp_path / "own.yaml")
    labels = np.full((3, 8), -1, np.int8)
    labels[1, 7], labels[:, 6] = 1, 0
    split = SplitIndex(("1", "2", "3"), tmp_path, ("1", "2", "3"), labels, np.zeros(3, np.uint32))
    none = split.take([])
    found = one_sided(info, split, none)
    assert found == [
        "classes without a positive in train (7 of 8): 'a', 'b', 'c', 'd', 'e' and 2 more; "
        "no method can learn such a class"
    ]
    assert one_sided(info, none, none) == []
