"""Splits that were named or filled otherwise than they were meant do not go unnoticed."""

from pathlib import Path

from bench.datasets.odd.splits import unused_splits
from bench_command import TINY, bench
from trees import write_split_table

USED = ("train", "test")


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
    name = write_split_table(
        tmp_path, [(("cat", "dog")[number % 2], split) for number, split in enumerate(splits)]
    )
    for _ in range(2):  # from the table, and from what was kept of it
        checked = bench(tmp_path, None, "data", "check", name).stdout
        run = bench(tmp_path, None, "run", *TINY, "--data", name, "--dry-run").stdout
        assert "own.yaml: 2 images of train and 2 of test are used" in checked
        for shown in (checked, run):
            assert "note: own: images of splits that are not used: 1 of 'Train', 1 of 'val'" in shown
            assert "note: own: the splits 'train' and 'Train' differ in case or blanks alone" in shown
