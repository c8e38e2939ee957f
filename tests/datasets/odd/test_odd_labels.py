"""Labels that were read otherwise than they were meant do not go unnoticed."""

from itertools import combinations
from pathlib import Path

import pytest

from bench.datasets.odd.labels import odd_labels
from bench_command import TINY, bench
from trees import write_picture


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (("cat", "dog", "cat,dog"), "made of labels that also stand alone, with ','"),
        (("cat", "dog", "cat; dog"), "made of labels that also stand alone, with ';'"),
        (("cat", "dog", "dog cat"), "made of labels that also stand alone, with ' '"),
        *(
            (("cat", "dog", "cow", f"cat{mark}dog", f"dog {mark} cow"), f"2 labels, 'cat{mark}dog', ")
            for mark in "|+/&_"
        ),
        (
            ("['cat', 'dog']", "['cat']"),
            "2 labels, '['cat', 'dog']', '['cat']', look like ones with brackets",
        ),
        (
            ('["cat"', '"dog"]', "cow"),
            "2 labels, '[\"cat\"', '\"dog\"]', look like ones with brackets or quotes",
        ),
        (("['cat'", "'dog'", "'cow']"), "or a part of a list of such: give the labels alone"),
        (("[cat", "dog]", "cow"), "2 labels, '[cat', 'dog]', look like ones with brackets"),
        (("[cat]", "[dog]"), "2 labels, '[cat]', '[dog]', look like ones with brackets"),
        *(
            (
                tuple(mark.join(pair) for pair in combinations(("cat", "cow", "dog", "pig"), 2)),
                f"made of the same few labels, with '{mark}' between them: is that the separator?",
            )
            for mark in (",", ";", "|", "/", " ", "_")
        ),
        (("cat", "Cat"), "'cat', 'Cat' differ in case or blanks alone"),
        (("traffic light", "trafficlight"), "differ in case or blanks alone"),
        (
            ("caf\u00e9", "cafe\u0301"),
            "'caf\u00e9', 'cafe\u0301' differ in case, blanks or Unicode form alone: are they one?",
        ),
        (("caf\u00e9", "CAFE\u0301"), "differ in case, blanks or Unicode form alone"),
        (("cat", "cat\u200b"), "differ in invisible characters alone: are they one?"),
        (("dog\ufeff", "dog"), "differ in invisible characters alone: are they one?"),
        (("traffic-light", "traffic_light"), "differ in dashes or underscores alone: are they one?"),
        (("covid-19", "COVID 19"), "differ in dashes, underscores, case or blanks alone: are they one?"),
        (("1", "1.0", "01", "2"), "'1', '1.0', '01' differ in the writing of a number alone: are they one?"),
        (("women's", "women\u2019s"), "differ in quotes alone: are they one?"),
        (("cat", "\u200b"), "looks like one like an empty cell"),
        (("cat", "NaN"), "'NaN' looks like one like an empty cell"),
    ],
)
def test_odd_labels_are_named(classes: tuple[str, ...], said: str) -> None:
    found = odd_labels(classes)
    assert len(found) == 1 and said in found[0]


@pytest.mark.parametrize(
    "classes",
    [
        ("cat", "dog"),
        ("traffic light", "fire hydrant", "light"),
        ("a,b", "c"),
        ("sofa (red)",),
        ("r&b", "traffic_light", "traffic"),
        ("(unknown)", "[UNK]", "cat", "dog", "cow"),
        ("cat, domestic", "cat, wild", "dog, domestic", "dog, wild", "fox, domestic", "fox, wild"),
        tuple(f"{side}_{part}" for side in ("left", "right") for part in ("eye", "ear", "arm", "leg")),
        ("-1", "1", "10", "100", "1.5", "15"),
        ("0-9", "09-19", "A", "A-", "A+", "level 1", "level -1"),
        ("rock 'n' roll", "dogs'", "5'", '5"', "f(x)", ":)", ":("),
    ],
)
def test_ordinary_labels_are_not(classes: tuple[str, ...]) -> None:
    assert odd_labels(classes) == []


def test_a_label_in_two_unicode_forms_is_noted_by_check(tmp_path: Path) -> None:
    name = own(tmp_path, ["caf\u00e9", "cafe\u0301", "dog", "caf\u00e9", "cafe\u0301", "dog"])
    shown = bench(tmp_path, None, "data", "check", name).stdout
    assert "3 classes" in shown and "differ in case, blanks or Unicode form alone: are they one?" in shown


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
